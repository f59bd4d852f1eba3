"""What goes in and out of the API as JSON, with the limits of every field."""

from typing import Annotated, Literal

from fastapi import Depends, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from skal.label.project import LabelingProject

__all__ = [
    "ERRORS",
    "AnswerIn",
    "ClassIn",
    "ClassOut",
    "ClipId",
    "ErrorOut",
    "Number",
    "Person",
    "PersonIn",
    "Project",
    "QuestionOut",
    "ReceiptOut",
    "ReleaseIn",
    "shown",
]

# The largest integer that every data base stores as a key.
_MAX_ID = 2**31 - 1


def shown(name):
    """Return a name as text that can be sent.

    Parameters
    ----------
    name : str
        A file name as Python gives it.

    Returns
    -------
    str
        With the replacement character for bytes that are no text.
    """
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _text(length):
    # Which characters are allowed is the project's business.
    return Annotated[str, StringConstraints(min_length=1, max_length=length)]


def _project_of(request: Request) -> LabelingProject:
    return request.app.state.project


Project = Annotated[LabelingProject, Depends(_project_of)]
Number = Annotated[int, Field(ge=0, le=_MAX_ID)]
ClipId = Number
Person = _text(200)
ClassName = _text(200)
Text = Annotated[str, AfterValidator(shown)]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class _Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class PersonIn(_In):
    """Who asks."""

    person: Person


class ReleaseIn(PersonIn):
    """What a person does not want to answer; everything, where nothing is named."""

    asked_ids: Annotated[list[Number], Field(max_length=50)] | None = None


class AnswerIn(_In):
    """An answer to a question."""

    asked_id: Number
    person: Person
    kind: Literal["label", "skip", "unsure", "bad"]
    label: ClassName | None = None
    seconds: Annotated[float, Field(ge=0, le=86_400)] | None = None
    client_key: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z_-]{8,64}$")] | None = None


class ClassIn(_In):
    """A new class."""

    name: ClassName
    key: Annotated[str, StringConstraints(pattern=r"^[0-9a-z]$")] | None = None


class ClassOut(_Out):
    """A class that clips can be given."""

    id: int
    name: Text
    key: str | None


class QuestionOut(_Out):
    """A clip that a person is asked about; where its file lies stays on the server."""

    asked_id: int
    clip_id: int
    name: Text
    start: float | None
    end: float | None
    duration: float | None
    round: int | None
    reason: str
    why: Text
    guess: Text | None
    guess_probability: float | None


class ReceiptOut(_Out):
    """Says that an answer is on disk, and what the model had expected."""

    answer_id: int
    duplicate: bool
    guess: Text | None
    guess_probability: float | None


class _Error(BaseModel):
    code: str
    message: str


class ErrorOut(BaseModel):
    """What was wrong and what to do."""

    error: _Error


#: What can go wrong everywhere, for the description of the API.
ERRORS = {
    status: {"model": ErrorOut, "description": description}
    for status, description in {
        400: "Not readable as a request",
        403: "From a page of another server",
        404: "No such thing in this project",
        409: "Somebody else has the clip, or has answered",
        413: "Too large",
        422: "Some value is not allowed",
        423: "Another process holds the project",
        503: "The data base cannot be reached",
        507: "The disk is full; nothing was stored",
    }.items()
}
