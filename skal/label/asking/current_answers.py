"""List current answers for review; skal.label.asking.answers corrects them."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import func, or_, select

from skal.label.asking.kinds import KINDS, LABEL
from skal.label.store.project_error import ProjectError
from skal.label.store.tables import answers, classes, clips, predictions, questions, votes

__all__ = ["Vote", "list_people", "list_votes"]


@dataclass(frozen=True)
class Vote:
    """The answer of one person to one clip that stands today."""

    answer_id: int  # number of the answer; later answers have larger numbers
    clip_id: int  # number of the clip
    path: str  # the file, relative to the folder of recordings
    # start, end: The part of the file, in s; None for the whole of it.
    start: float | None
    end: float | None
    person: str  # who answered
    kind: str  # kind of the answer: a key of `skal.label.asking.kinds.KINDS`
    label: str | None  # the class, if the kind is "label"
    at: datetime  # when, in UTC
    # Class that the model predicts: the newest one, or the one before the answer if only that one
    # disagrees or predicted the clip.
    guess: str | None
    guess_probability: float | None  # probability of that class
    disagrees: bool  # whether one of these models predicts another class than the person


_SAID, _NOW, _THEN = classes.alias("said"), classes.alias("now"), classes.alias("before")
# The newest model has trained on the answer; the model before the answer has not.
_DISAGREES_NOW = func.coalesce(predictions.c.class_id != votes.c.class_id, False)
_DISAGREED = func.coalesce(questions.c.guess != votes.c.class_id, False)
_VOTES = (
    select(
        votes.c.answer_id,
        votes.c.clip_id,
        clips.c.path,
        clips.c.start,
        clips.c.end,
        votes.c.person,
        votes.c.kind,
        _SAID.c.name,
        answers.c.at,
        _NOW.c.name.label("now"),
        predictions.c.probability,
        _THEN.c.name.label("then"),
        questions.c.guess_probability,
        _DISAGREES_NOW.label("disagrees_now"),
        _DISAGREED.label("disagreed"),
    )
    .join(clips, clips.c.id == votes.c.clip_id)
    .join(answers, answers.c.id == votes.c.answer_id)
    .outerjoin(_SAID, _SAID.c.id == votes.c.class_id)
    .outerjoin(predictions, predictions.c.clip_id == votes.c.clip_id)
    .outerjoin(_NOW, _NOW.c.id == predictions.c.class_id)
    .outerjoin(questions, questions.c.id == answers.c.question_id)
    .outerjoin(_THEN, _THEN.c.id == questions.c.guess)
    .order_by(votes.c.answer_id.desc())
)


def list_votes(
    connection, *, person=None, label=None, kind=None, disagrees=False, before=None, limit=None
):
    """Return matching votes, newest first."""
    query = _VOTES
    if person is not None:
        query = query.where(votes.c.person == person)
    if label is not None:
        query = query.where(_SAID.c.name == label, votes.c.kind == LABEL)
    if kind is not None:
        if kind not in KINDS:
            raise ProjectError("bad_answer", f"a kind is one of {', '.join(KINDS)}: {kind!r:.100}")
        query = query.where(votes.c.kind == kind)
    if disagrees:
        query = query.where(votes.c.kind == LABEL, or_(_DISAGREES_NOW, _DISAGREED))
    if before is not None:
        query = query.where(votes.c.answer_id < before)
    return [_vote(row) for row in connection.execute(query.limit(limit))]


def list_people(connection):
    """Return who has answered, in alphabetical order."""
    query = select(votes.c.person).distinct().order_by(votes.c.person)
    return tuple(connection.execute(query).scalars())


def _vote(row):
    guess = row.now, row.probability
    if row.now is None or (row.disagreed and not row.disagrees_now):
        guess = row.then, row.guess_probability
    disagrees = bool(row.disagrees_now or row.disagreed)
    return Vote(*row[:8], datetime.fromtimestamp(row.at, UTC), *guess, disagrees)
