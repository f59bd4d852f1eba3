"""Questions and their leases: chosen by the model, at random, or for a second opinion."""

import math

import numpy as np
from sqlalchemy import BindParameter, bindparam, exists, func, insert, select, update

from skal.label.asking.found_clips import LIKELY, SIMILAR
from skal.label.asking.kinds import LABEL, SETTLING
from skal.label.asking.records import IMPORTED, Question
from skal.label.store.tables import (
    answers,
    classes,
    clips,
    predictions,
    questions,
    queue,
    votes,
)

__all__ = [
    "as_question",
    "ask_again",
    "ask_first",
    "choose_question",
    "is_leased",
    "read_question",
    "release",
]

# A question is leased to a person: it is open until `expires_at`, or until the answer. A lease is
# never extended. A person who asks again gets the same question with the same `expires_at`. Then
# another person may get the clip; if one does, a late answer fails with "lease_lost".

# Clips to look at with one query.
_CHUNK = 500

_EXPLANATIONS = {
    "initial": "a first recording, typical of many recordings here",
    "chosen": "the model should learn most from it",
    "audit": "drawn at random, to measure how often the model is right",
    "shared": "another person labeled it: do you agree?",
    "random": "drawn at random, because the model has not chosen yet",
    SIMILAR: "it sounds like what you are looking for",
    LIKELY: "the model predicts the class that you are looking for",
}


def choose_question(connection, settings, person, exclude, now):
    """Return the number of a person's open question, or of a new one, or None."""
    who = {"person": person, "now": now, "exclude": list(exclude)}
    leased = connection.execute(_OPEN_QUESTION, who).scalar()
    if leased is not None:
        return leased
    count = connection.execute(_COUNT).scalar_one()
    rng = np.random.default_rng(
        np.random.SeedSequence(settings["random_state"], spawn_key=(count,))
    )
    for reason in _order_of_reasons(settings, count, rng):
        found = _FIND[reason](connection, reason, who, rng)
        if found is not None:
            clip_id, number = found
            return _ask(connection, clip_id, person, reason, now, settings["lease"], round=number)
    return None


def ask_first(connection, settings, person, clip_ids, reason, exclude, now):
    """Ask a person about the first of some clips that is free; return the number, or None."""
    who = {"person": person, "now": now, "exclude": list(exclude)}
    for start in range(0, len(clip_ids), _CHUNK):
        part = clip_ids[start : start + _CHUNK]
        free = set(connection.execute(_FREE_AMONG, who | {"among": part}).scalars())
        first = next((clip_id for clip_id in part if clip_id in free), None)
        if first is not None:
            return _ask(connection, first, person, reason, now, settings["lease"])
    return None


def _ask(connection, clip_id, person, reason, now, lease, round=None):
    """Store a question with the current prediction; return its number."""
    guess = connection.execute(_EXPECTED, {"clip": clip_id}).first()
    row = {
        "clip_id": clip_id,
        "person": person,
        "reason": reason,
        "round": round,
        "expires_at": now + lease,
        "guess": None,
        "guess_probability": None,
    }
    # The model may have trained on the first person's answer, so don't store its prediction.
    if guess is not None and reason != "shared":
        row |= {"guess": guess.class_id, "guess_probability": guess.probability}
        row["round"] = guess.round
    return connection.execute(_ASK, row).inserted_primary_key[0]


def ask_again(connection, question, now, lease):
    """Repeat a question whose answer was taken back; return the new number."""
    kept = ("clip_id", "person", "reason", "round", "guess", "guess_probability")
    row = {name: getattr(question, name) for name in kept}
    row["expires_at"] = now + lease
    return connection.execute(_ASK, row).inserted_primary_key[0]


def release(connection, person, now, question_ids=None):
    """End a person's open questions, all or the given ones."""
    mine = [questions.c.person == person, questions.c.expires_at > now]
    if question_ids is not None:
        mine.append(questions.c.id.in_(question_ids))
    connection.execute(update(questions).where(*mine).values(expires_at=now))


def is_leased(clip_id, now):
    """Return the condition that a clip has an open question."""
    return exists().where(questions.c.clip_id == clip_id, questions.c.expires_at > now)


def read_question(connection, question_id):
    """Return the row of a question, with the clip and the name of the predicted class."""
    return connection.execute(_QUESTION, {"question": question_id}).one()


def as_question(row, path, length, show_guess, taken_back=None):
    """Return a Question from its row, the absolute path and the length of the file in s."""
    end = length if row.end is None else min(row.end, length)
    return Question(
        question_id=row.id,
        clip_id=row.clip_id,
        path=str(path),
        name=row.path,
        start=row.start,
        end=row.end,
        duration=max(0.0, end - (row.start or 0.0)),
        round=row.round,
        reason=row.reason,
        explanation=_EXPLANATIONS[row.reason],
        guess=row.name if show_guess else None,
        guess_probability=row.guess_probability if show_guess else None,
        taken_back=taken_back,
    )


# Queries are built once: SQLAlchemy needs longer to build one than to run it.
_PERSON: BindParameter[str] = bindparam("person")
_NOW: BindParameter[float] = bindparam("now")
_UNWANTED: BindParameter[int] = bindparam("exclude", expanding=True)
_MINE, _OTHER = votes.alias("mine"), votes.alias("other")

# Skip clips whose answer was taken back: the model may have trained on it.
_EXPECTED = select(predictions).where(
    predictions.c.clip_id == bindparam("clip"),
    ~exists().where(answers.c.clip_id == predictions.c.clip_id, answers.c.kind.in_(SETTLING)),
)
_ASK = insert(questions)
_QUESTION = (
    select(questions, classes.c.name, clips.c.path, clips.c.start, clips.c.end)
    .join(clips, clips.c.id == questions.c.clip_id)
    .outerjoin(classes, classes.c.id == questions.c.guess)
    .where(questions.c.id == bindparam("question"))
)
_COUNT = select(func.coalesce(func.max(questions.c.id), 0))

# The oldest open question of a person.
_OPEN_QUESTION = (
    select(questions.c.id)
    .join(clips, clips.c.id == questions.c.clip_id)
    .where(questions.c.person == _PERSON, questions.c.expires_at > _NOW, clips.c.problem.is_(None))
    .where(questions.c.clip_id.not_in(_UNWANTED))
    .order_by(questions.c.id)
    .limit(1)
)

# Clips without an open question that the person has not answered.
_FREE = (
    ~is_leased(clips.c.id, _NOW),
    ~exists().where(_MINE.c.clip_id == clips.c.id, _MINE.c.person == _PERSON),
    clips.c.id.not_in(_UNWANTED),
)

_FREE_AMONG = select(clips.c.id).where(
    clips.c.open, clips.c.id.in_(bindparam("among", expanding=True)), *_FREE
)

_QUEUED = (
    select(queue.c.clip_id, queue.c.round)
    .join(clips, clips.c.id == queue.c.clip_id)
    .where(queue.c.reason == bindparam("reason"), clips.c.open, *_FREE)
    .order_by(queue.c.rank)
    .limit(1)
)

_RANDOM = (
    select(clips.c.id)
    .where(clips.c.open, *_FREE, clips.c.lot >= bindparam("start"))
    .order_by(clips.c.lot)
    .limit(1)
)

_NEWEST_VOTE = select(func.coalesce(func.max(votes.c.answer_id), 0))

# Clips that only one other person has labeled.
_SHARED = (
    select(clips.c.id)
    .join(votes, votes.c.clip_id == clips.c.id)
    .where(votes.c.kind == LABEL, votes.c.person != IMPORTED, clips.c.problem.is_(None))
    .where(votes.c.person != _PERSON, votes.c.answer_id >= bindparam("start"), *_FREE)
    .where(~exists().where(_OTHER.c.clip_id == votes.c.clip_id, _OTHER.c.person != votes.c.person))
    .order_by(votes.c.answer_id)
    .limit(1)
)


def _order_of_reasons(settings, count, rng):
    """Return the reasons to try, in order."""
    audit_share, shared_share = settings["audit_share"], settings["shared_share"]
    shared = rng.random()
    # Spread audits evenly: with a share of 0.1, every tenth question is an audit.
    before, after = (math.floor(n * audit_share) for n in (count, count + 1))
    audit = after > before
    # If a share s of n clips is asked twice, there are n * (1 + s) questions, n * s of them second
    # ones: a share of s / (1 + s).
    first = ["shared"] if shared < shared_share / (1 + shared_share) else []
    usual = ["audit", "chosen"] if audit else ["chosen"]
    return [*first, *usual, "initial", *(["audit"] if audit_share else []), "random"]


def _find_queued(connection, reason, who, rng):
    found = connection.execute(_QUEUED, who | {"reason": reason}).first()
    return None if found is None else tuple(found)


def _find_random(connection, reason, who, rng):
    return _find_from(connection, _RANDOM, who, int(rng.integers(2**31 - 1)))


def _find_shared(connection, reason, who, rng):
    newest = connection.execute(_NEWEST_VOTE).scalar_one()
    return _find_from(connection, _SHARED, who, int(rng.integers(newest + 1)))


def _find_from(connection, query, who, start):
    """Find a clip after a random start, or else from the beginning."""
    for place in (start, 0):
        found = connection.execute(query, who | {"start": place}).scalar()
        if found is not None:
            return found, None
    return None


_FIND = {
    "initial": _find_queued,
    "chosen": _find_queued,
    "audit": _find_queued,
    "shared": _find_shared,
    "random": _find_random,
}
