"""Clips that "Find more" has found, with their answers."""

from dataclasses import dataclass
from typing import Literal, get_args

from sqlalchemy import bindparam, select

from skal.label.asking.kinds import LABEL
from skal.label.store.tables import answers, classes, clips

__all__ = [
    "FOUND",
    "LIKELY",
    "SIMILAR",
    "Found",
    "FoundReason",
    "clips_of_class",
    "describe_found",
]

# Reasons of questions: it sounds like a clip, or the model predicts a class.
FoundReason = Literal["similar", "likely"]
FOUND = SIMILAR, LIKELY = get_args(FoundReason)

# SQLite takes 32,766 parameters.
_CHUNK = 1000


@dataclass(frozen=True)
class Found:
    """A clip that a search has found."""

    clip_id: int  # its number
    path: str  # the file, relative to the folder of recordings
    # start, end: The part of the file, in s; None for the whole of it.
    start: float | None
    end: float | None
    score: float  # similarity, from -1 to 1, or probability of the class
    reason: str  # "similar" or "likely"
    # kind, label: The answer, as in `LabelRow`; None without an answer.
    kind: str | None
    label: str | None
    answer_id: int | None  # number of that answer
    person: str | None  # who gave it


_CLIPS = (
    select(
        clips.c.id,
        clips.c.path,
        clips.c.start,
        clips.c.end,
        clips.c.kind,
        classes.c.name,
        clips.c.answer_id,
        answers.c.person,
    )
    .outerjoin(classes, classes.c.id == clips.c.class_id)
    .outerjoin(answers, answers.c.id == clips.c.answer_id)
    .where(clips.c.id.in_(bindparam("among", expanding=True)), clips.c.problem.is_(None))
)
_OF_CLASS = (
    select(clips.c.id)
    .join(classes, classes.c.id == clips.c.class_id)
    .where(clips.c.kind == LABEL, classes.c.name == bindparam("label"))
)


def describe_found(connection, clip_ids, scores, reason):
    """Return a Found for each clip that is not set aside, in the order given."""
    rows = {}
    for start in range(0, len(clip_ids), _CHUNK):
        among = {"among": clip_ids[start : start + _CHUNK]}
        rows |= {row.id: row for row in connection.execute(_CLIPS, among)}
    return [
        Found(*rows[i][:4], score, reason, *rows[i][4:])
        for i, score in zip(clip_ids, scores, strict=True)
        if i in rows
    ]


def clips_of_class(connection, label):
    """Return the numbers of the clips that have a label."""
    return connection.execute(_OF_CLASS, {"label": label}).scalars().all()
