"""What came of it: progress, problems, exports."""

import io
import re
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response
from pydantic import BaseModel

import skal
from skal.label.asking.records import Progress, Training
from skal.label.formats import EXPORT_FORMATS, export_labels
from skal.label.web.routes.schemas import ERRORS, Project, Text

__all__ = ["router"]

#: Routes of results.
router = APIRouter(prefix="/api", tags=["results"], responses=ERRORS)


class Problem(BaseModel):
    """A recording that is set aside."""

    name: Text
    reason: Text


class Health(BaseModel):
    """Says that the server is there."""

    status: Literal["ok"]
    version: str
    training: Training


@router.get("/progress")
def progress(project: Project) -> Progress:
    """Return how far the labels and the model are."""
    return project.progress()


@router.get("/problems")
def problems(project: Project, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> list[Problem]:
    """Return recordings that cannot be read, and why."""
    return [Problem(name=str(name), reason=reason) for name, reason in project.problems()[:limit]]


@router.get("/health")
def health(project: Project) -> Health:
    """Return that the server is there, and what the model is doing."""
    return Health(status="ok", version=skal.__version__, training=project.progress().training)


@router.get(
    "/export/{format}",
    response_class=Response,
    responses={200: {"content": {kind.media_type: {} for kind in EXPORT_FORMATS.values()}}},
)
def export(
    project: Project,
    format: Annotated[Literal[tuple(EXPORT_FORMATS)], Path(description="See the guide.")],
):
    """Return all labels as a file."""
    kind, stream = EXPORT_FORMATS[format], io.BytesIO()
    export_labels(project.labels(), format, stream, root=project.root)
    name = re.sub(r"[^\w.-]+", "-", project.name, flags=re.ASCII).strip("-.") or "skal"
    headers = {
        "content-disposition": f'attachment; filename="{name}-{format}{kind.extension}"',
        "cache-control": "no-store",
    }
    return Response(stream.getvalue(), media_type=kind.media_type, headers=headers)
