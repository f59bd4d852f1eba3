"""Questions, answers, undo."""

from typing import Annotated

from fastapi import APIRouter, Query

from skal.label.web.routes.schemas import (
    ERRORS,
    AnswerIn,
    Number,
    Person,
    PersonIn,
    Project,
    QuestionOut,
    ReceiptOut,
    ReleaseIn,
)

__all__ = ["router"]

# Routes are plain functions, which FastAPI runs in threads: a slow database blocks only its own
# request.
router = APIRouter(prefix="/api", tags=["labeling"], responses=ERRORS)


@router.get("/next")
def next_question(
    project: Project,
    person: Annotated[Person, Query(description="The person for whom the clip is reserved.")],
    exclude: Annotated[
        list[Number], Query(description="Clips that the page already holds.", max_length=50)
    ] = [],  # noqa: B006 (FastAPI copies it, and the description of the API needs a list)
) -> QuestionOut | None:
    """Return the next question for a person, or null if there is none now."""
    question = project.next(person, exclude=tuple(exclude))
    return None if question is None else QuestionOut.model_validate(question)


@router.post("/answers")
def answer(project: Project, given: AnswerIn) -> ReceiptOut:
    """Store an answer; a repeat with the same client_key adds nothing."""
    receipt = project.answer(
        given.question_id,
        given.person,
        given.kind,
        label=given.label,
        seconds=given.seconds,
        client_key=given.client_key,
    )
    return ReceiptOut.model_validate(receipt)


@router.post("/undo")
def undo(project: Project, given: PersonIn) -> QuestionOut | None:
    """Take back a person's last answer and return its question, or null if there is none."""
    question = project.undo(given.person)
    return None if question is None else QuestionOut.model_validate(question)


@router.post("/release", status_code=204)
def release(project: Project, given: ReleaseIn):
    """Release a person's open questions, so that other people can get them."""
    project.release(given.person, given.question_ids)
