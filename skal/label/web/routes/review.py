"""Review answers, and correct them."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from skal.label.asking.kinds import KINDS
from skal.label.web.routes.schemas import (
    ERRORS,
    CorrectionIn,
    Number,
    Project,
    ReceiptOut,
    Text,
    VoteOut,
)

__all__ = ["router"]

router = APIRouter(prefix="/api", tags=["answers"], responses=ERRORS)

_Name = Annotated[str, Query(max_length=200)]


@router.get("/votes")
def votes(
    project: Project,
    person: _Name | None = None,
    label: _Name | None = None,
    kind: Literal[tuple(KINDS)] | None = None,  # type: ignore[valid-type]
    disagrees: Annotated[bool, Query(description="Only where the model disagrees.")] = False,
    before: Annotated[Number | None, Query(description="Only older answers.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> list[VoteOut]:
    """Return the current answers, newest first."""
    chosen = {"person": person, "label": label, "kind": kind, "disagrees": disagrees}
    found = project.votes(**chosen, before=before, limit=limit)
    return [VoteOut.model_validate(vote) for vote in found]


@router.get("/people")
def people(project: Project) -> list[Text]:
    """Return who has answered."""
    return list(project.people)


@router.post("/corrections")
def correct(project: Project, given: CorrectionIn) -> ReceiptOut:
    """Correct an answer; the former answer stays on record."""
    receipt = project.correct(given.answer_id, given.person, given.kind, given.label)
    return ReceiptOut.model_validate(receipt)
