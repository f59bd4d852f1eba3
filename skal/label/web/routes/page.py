"""The page itself; all that it shows comes through the API."""

from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from fastapi.templating import Jinja2Templates

from skal.label.formats import EXPORT_FORMATS
from skal.label.web.routes.schemas import Project, shown
from skal.label.web.spectrogram import MARGINS

__all__ = ["router"]

#: The route of the page.
router = APIRouter(include_in_schema=False)

_TEMPLATES = Jinja2Templates(Path(__file__).parents[1] / "templates")


@router.api_route("/", methods=["GET", "HEAD"], response_class=HTMLResponse)
def page(project: Project, request: Request):
    """Return the page that people label in."""
    context = {
        "name": shown(project.name),
        "created": request.app.state.created,
        "person": request.app.state.person or "",
        "margins": " ".join(map(str, MARGINS)),
        "formats": EXPORT_FORMATS,
    }
    return _TEMPLATES.TemplateResponse(
        request, "label.html", context, headers={"cache-control": "no-store"}
    )
