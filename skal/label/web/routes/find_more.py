"""Find more of a sound: clips like the current one, or clips that may belong to a class."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from skal.label.asking.found_clips import FoundReason
from skal.label.web.routes.schemas import (
    ERRORS,
    FoundOut,
    Number,
    Person,
    PersonIn,
    Project,
    QuestionOut,
)

__all__ = ["router"]

router = APIRouter(prefix="/api/found", tags=["search"], responses=ERRORS)


def _finder_of(request: Request, project: Project):
    # Import on the first search, because it takes a second.
    from skal.label.learning.find_more import Finder

    if request.app.state.finder is None:
        request.app.state.finder = Finder(project)
    return request.app.state.finder


_Finder = Annotated[Any, Depends(_finder_of)]
_Like = Annotated[Number | None, Query(description="Clips that sound like this one.")]
_Label = Annotated[
    str | None, Query(max_length=200, description="Clips that may belong to this class.")
]


class AskIn(PersonIn):
    """A found clip that a person wants to answer."""

    clip_id: Number
    reason: FoundReason


@router.get("")
def found(
    finder: _Finder,
    like: _Like = None,
    label: _Label = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> list[FoundOut]:
    """Return the best matches, with their answers."""
    return [
        FoundOut.model_validate(one) for one in finder.top(like=like, label=label, limit=limit)
    ]


@router.get("/next")
def next_found(
    finder: _Finder,
    person: Annotated[Person, Query(description="The person for whom the clip is reserved.")],
    like: _Like = None,
    label: _Label = None,
    exclude: Annotated[
        list[Number], Query(description="Clips that the page already holds.", max_length=50)
    ] = [],  # noqa: B006 - FastAPI copies it
) -> QuestionOut | None:
    """Return a question about the best match, or null if nothing is left."""
    question = finder.next(person, like=like, label=label, exclude=tuple(exclude))
    return None if question is None else QuestionOut.model_validate(question)


@router.post("/ask")
def ask(project: Project, given: AskIn) -> QuestionOut | None:
    """Return a question about one clip, or null if another person holds or has answered it."""
    question = project.ask(given.person, [given.clip_id], given.reason)
    return None if question is None else QuestionOut.model_validate(question)
