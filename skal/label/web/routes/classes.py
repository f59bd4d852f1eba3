"""The classes, and their changes."""

from fastapi import APIRouter

from skal.label.store.project_error import ProjectError
from skal.label.web.routes.schemas import (
    ERRORS,
    ClassChangeIn,
    ClassIn,
    ClassOut,
    FormerClassOut,
    Project,
)

__all__ = ["router"]

router = APIRouter(prefix="/api", tags=["classes"], responses=ERRORS)


@router.get("/classes")
def classes(project: Project) -> list[ClassOut]:
    """Return the classes with their keys."""
    return [ClassOut.model_validate(info) for info in project.classes]


@router.post("/classes", status_code=201)
def add_class(project: Project, given: ClassIn) -> ClassOut:
    """Add a class."""
    return ClassOut.model_validate(project.add_class(given.name, given.key))


@router.get("/classes/former")
def former_classes(project: Project) -> list[FormerClassOut]:
    """Return former class names."""
    return [FormerClassOut.model_validate(former) for former in project.former_classes]


@router.post("/classes/change")
def change_class(project: Project, given: ClassChangeIn) -> list[ClassOut]:
    """Rename, merge, retire, or restore a class, or set what it means; return all classes.

    "nothing" marks the class for nothing of interest, "something" removes the mark.
    """
    needs_name = given.change in ("rename", "merge")
    if needs_name != (given.to is not None):
        raise ProjectError(
            "bad_class", "rename and merge need the field to; other changes must not have it"
        )
    if given.change == "rename":
        project.rename_class(given.name, given.to)
    elif given.change == "merge":
        project.merge_class(given.name, given.to)
    elif given.change == "retire":
        project.retire_class(given.name)
    elif given.change in ("nothing", "something"):
        project.mark_nothing(given.name if given.change == "nothing" else None)
    else:
        project.restore_class(given.name)
    return classes(project)
