"""The page itself; its content comes through the API."""

from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from fastapi.templating import Jinja2Templates

from skal.label.asking.kinds import KINDS, UNDO_KEY
from skal.label.formats import FORMATS
from skal.label.web.routes.schemas import Project, shown

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

_TEMPLATES = Jinja2Templates(Path(__file__).parents[1] / "templates")


@router.api_route("/", methods=["GET", "HEAD"], response_class=HTMLResponse)
def page(project: Project, request: Request):
    """Return the labeling page."""
    context = {
        "name": shown(project.name),
        "created": request.app.state.created,
        "person": request.app.state.person or "",
        "kinds": [kind for kind in KINDS.values() if kind.key],
        "undo_key": UNDO_KEY,
        "formats": FORMATS.values(),
    }
    return _TEMPLATES.TemplateResponse(
        request, "label.html", context, headers={"cache-control": "no-store"}
    )
