"""Request and response models of the API, with the limits of every field."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Depends, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from skal.label.asking.kinds import KINDS
from skal.label.project import LabelingProject

__all__ = [
    "ERRORS",
    "AnswerIn",
    "ClassChangeIn",
    "ClassIn",
    "ClassOut",
    "ClipId",
    "CorrectionIn",
    "ErrorOut",
    "FormerClassOut",
    "FoundOut",
    "Number",
    "Person",
    "PersonIn",
    "Project",
    "QuestionOut",
    "ReceiptOut",
    "ReleaseIn",
    "VoteOut",
    "shown",
]

# The largest integer key of all databases.
_MAX_ID = 2**31 - 1


def shown(name):
    """Return a file name with replacement characters for bytes that are not UTF-8."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _project_of(request: Request) -> LabelingProject:
    return request.app.state.project


Project = Annotated[LabelingProject, Depends(_project_of)]
Number = Annotated[int, Field(ge=0, le=_MAX_ID)]
ClipId = Number
# The project checks the characters.
Person = Annotated[str, StringConstraints(min_length=1, max_length=200)]
ClassName = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Text = Annotated[str, AfterValidator(shown)]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class _Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class PersonIn(_In):
    """A person."""

    person: Person


class ReleaseIn(PersonIn):
    """Questions to release; without ids, all of the person's."""

    question_ids: Annotated[list[Number], Field(max_length=50)] | None = None


class AnswerIn(_In):
    """An answer to a question."""

    question_id: Number
    person: Person
    kind: Literal[tuple(KINDS)]  # type: ignore[valid-type]
    label: ClassName | None = None
    seconds: Annotated[float, Field(ge=0, le=86_400)] | None = None
    client_key: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z_-]{8,64}$")] | None = None


class ClassIn(_In):
    """A new class."""

    name: ClassName
    key: Annotated[str, StringConstraints(pattern=r"^[0-9a-z]$")] | None = None


class ClassChangeIn(_In):
    """A change of a class: its new name, the class that takes over, or what it means."""

    name: ClassName
    change: Literal["rename", "merge", "retire", "restore", "nothing", "something"]
    to: ClassName | None = None


class CorrectionIn(_In):
    """A correction of an earlier answer."""

    answer_id: Number
    person: Person
    kind: Literal[tuple(KINDS)]  # type: ignore[valid-type]
    label: ClassName | None = None


class ClassOut(_Out):
    """A class of the project."""

    id: int
    name: Text
    key: str | None
    nothing: bool


class FormerClassOut(_Out):
    """A former class name, and the class that it became."""

    name: Text
    became: Text | None


class VoteOut(_Out):
    """A current answer."""

    answer_id: int
    clip_id: int
    path: Text
    start: float | None
    end: float | None
    person: Text
    kind: str
    label: Text | None
    at: datetime
    guess: Text | None
    guess_probability: float | None
    disagrees: bool


class FoundOut(_Out):
    """A clip that a search has found, with its answer."""

    clip_id: int
    path: Text
    start: float | None
    end: float | None
    score: float
    reason: str
    kind: str | None
    label: Text | None
    answer_id: int | None
    person: Text | None


class QuestionOut(_Out):
    """A question; the path of the file stays on the server."""

    question_id: int
    clip_id: int
    name: Text
    start: float | None
    end: float | None
    duration: float | None
    round: int | None
    reason: str
    explanation: Text
    guess: Text | None
    guess_probability: float | None
    taken_back: Text | None


class ReceiptOut(_Out):
    """Confirms that an answer is on disk, with the model's prediction."""

    answer_id: int
    duplicate: bool
    guess: Text | None
    guess_probability: float | None


class _Error(BaseModel):
    code: str
    message: str


class ErrorOut(BaseModel):
    """What was wrong, and what to do."""

    error: _Error


# Errors of every route, for the API description.
ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorOut, "description": description}
    for status, description in {
        400: "Invalid request",
        403: "Sent by a page of another server",
        404: "Not found in this project",
        409: "Another person holds the clip or has answered",
        413: "Too large",
        422: "A value is not allowed",
        423: "Another process holds the project",
        503: "The database cannot be reached",
        507: "The disk is full; nothing was stored",
    }.items()
}
