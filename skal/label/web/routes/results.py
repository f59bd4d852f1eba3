"""Results: progress, problems, exports."""

import io
import re
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response
from pydantic import BaseModel

import skal
from skal.label.asking.records import ProjectProgress, TrainingStatus
from skal.label.formats import FORMATS, export_labels
from skal.label.web.routes.schemas import ERRORS, Project, Text

__all__ = ["router"]

router = APIRouter(prefix="/api", tags=["results"], responses=ERRORS)


class Problem(BaseModel):
    """A recording that is set aside, and why."""

    name: Text
    reason: Text


class Health(BaseModel):
    """The state of the server."""

    status: Literal["ok"]
    version: str
    training: TrainingStatus


@router.get("/progress")
def progress(project: Project) -> ProjectProgress:
    """Return the state of the labels and the model."""
    return project.progress()


@router.get("/problems")
def problems(project: Project, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> list[Problem]:
    """Return unreadable recordings, and why."""
    return [Problem(name=str(name), reason=reason) for name, reason in project.problems()[:limit]]


@router.get("/health")
def health(project: Project) -> Health:
    """Return the version of skal, and the state of the training."""
    return Health(status="ok", version=skal.__version__, training=project.progress().training)


@router.get(
    "/export/{format}",
    response_class=Response,
    responses={200: {"content": {kind.media_type: {} for kind in FORMATS.values()}}},
)
def export(
    project: Project,
    format: Annotated[
        Literal[tuple(FORMATS)],  # type: ignore[valid-type]
        Path(description="See the guide."),
    ],
):
    """Return all labels as a file."""
    kind, stream = FORMATS[format], io.BytesIO()
    export_labels(project.labels(), format, stream, root=project.root)
    name = re.sub(r"[^\w.-]+", "-", project.name, flags=re.ASCII).strip("-.") or "skal"
    headers = {
        "content-disposition": f'attachment; filename="{name}-{format}{kind.extension}"',
        "cache-control": "no-store",
    }
    return Response(stream.getvalue(), media_type=kind.media_type, headers=headers)
