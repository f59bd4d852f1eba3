"""What is asked next: the model's choice, clips drawn at random, clips for a second opinion."""

import math
from dataclasses import dataclass

import numpy as np
from sqlalchemy import bindparam, exists, func, insert, select, update

from skal.label.asking.records import IMPORTED
from skal.label.store.tables import asked, clips, predictions, queue, states

__all__ = ["Rules", "ask_again", "choose_question", "release"]

_WHY = {
    "initial": "to begin with: it is typical of many recordings here",
    "chosen": "the model expects to learn most from it",
    "audit": "drawn at random, to measure how often the model is right",
    "shared": "somebody else has labeled it: do you agree?",
    "random": "drawn at random, until the model has chosen",
}


@dataclass(frozen=True)
class Rules:
    """How a project asks.

    Attributes
    ----------
    seed : int
        Draws who is asked what, so that it can be repeated.
    audit_share : float
        Share of the questions that are drawn at random, as soon as there is a model.
    shared_share : float
        Share of the labeled clips that a second person is asked about.
    lease : float
        Time that a person has for an answer, in s, before others are asked.
    """

    seed: int
    audit_share: float
    shared_share: float
    lease: float


def why(reason):
    """Return why a clip is asked, as a sentence for people."""
    return _WHY[reason]


def choose_question(connection, rules, person, exclude, now):
    """Lease a clip to a person: the one held already, or else a new one.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        A transaction that writes.
    rules : Rules
        How to ask.
    person : str
        Who asks.
    exclude : collection of int
        Clips that are not wanted.
    now : float
        The time, in s since 1970.

    Returns
    -------
    int or None
        Number of the question; None if nothing is left for this person.
    """
    who = {"person": person, "now": now, "exclude": list(exclude)}
    held = connection.execute(_HELD, who).scalar()
    if held is not None:
        return held
    count = connection.execute(_COUNT).scalar_one()
    rng = np.random.default_rng(np.random.SeedSequence(rules.seed, spawn_key=(count,)))
    for reason in _order_of_reasons(rules, count, rng):
        found = _FIND[reason](connection, reason, who, rng)
        if found is not None:
            clip_id, number = found
            return ask(connection, clip_id, person, reason, now, rules.lease, round=number)
    return None


def ask(connection, clip_id, person, reason, now, lease, round=None):
    """Write a question down, with what the model expects at this moment.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        A transaction that writes.
    clip_id : int
        The clip.
    person : str
        Who is asked.
    reason : str
        Why.
    now : float
        The time, in s since 1970.
    lease : float
        Time for an answer, in s.
    round : int, default=None
        Round that the clip was chosen in.

    Returns
    -------
    int
        Number of the question.
    """
    guess = connection.execute(_EXPECTED, {"clip": clip_id}).first()
    row = {
        "clip_id": clip_id,
        "person": person,
        "reason": reason,
        "round": round,
        "leased_at": now,
        "expires_at": now + lease,
        "guess": None,
        "guess_probability": None,
    }
    # After an answer, a guess would no longer be one.
    if guess is not None and reason != "shared":
        row |= {"guess": guess.class_id, "guess_probability": guess.probability}
        row["round"] = guess.round
    return connection.execute(_ASK, row).inserted_primary_key[0]


def ask_again(connection, question, now, lease):
    """Ask a person again whose answer was taken back: same clip, same reason, same guess.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        A transaction that writes.
    question : sqlalchemy.Row
        The question of the answer.
    now, lease : float
        See `ask`.

    Returns
    -------
    int
        Number of the new question.
    """
    kept = ("clip_id", "person", "reason", "round", "guess", "guess_probability")
    row = {name: getattr(question, name) for name in kept}
    row |= {"leased_at": now, "expires_at": now + lease}
    return connection.execute(_ASK, row).inserted_primary_key[0]


def release(connection, person, now, asked_ids=None):
    """Give back clips that a person holds.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        A transaction that writes.
    person : str
        Who.
    now : float
        The time, in s since 1970.
    asked_ids : sequence of int, default=None
        Give back these questions only.
    """
    mine = [asked.c.person == person, asked.c.expires_at > now]
    if asked_ids is not None:
        mine.append(asked.c.id.in_(asked_ids))
    connection.execute(update(asked).where(*mine).values(expires_at=now))


def is_leased(clip_id, now):
    """Return the condition that somebody is being asked about a clip.

    Parameters
    ----------
    clip_id : column or int
        The clip.
    now : float or bindparam
        The time, in s since 1970.

    Returns
    -------
    sqlalchemy.ColumnElement
    """
    return exists().where(asked.c.clip_id == clip_id, asked.c.expires_at > now)


# Questions are put together once: that takes longer than to answer them.
_PERSON, _NOW = bindparam("person"), bindparam("now")
_UNWANTED = bindparam("exclude", expanding=True)
_MINE, _OTHER = states.alias("mine"), states.alias("other")

_EXPECTED = select(predictions).where(predictions.c.clip_id == bindparam("clip"))
_ASK = insert(asked)
_COUNT = select(func.coalesce(func.max(asked.c.id), 0))

# The oldest question that a person has not answered yet.
_HELD = (
    select(asked.c.id)
    .join(clips, clips.c.id == asked.c.clip_id)
    .where(asked.c.person == _PERSON, asked.c.expires_at > _NOW, clips.c.problem.is_(None))
    .where(asked.c.clip_id.not_in(_UNWANTED))
    .order_by(asked.c.id)
    .limit(1)
)

# A person may be asked about a clip that nobody holds and that they have not answered.
_FREE = (
    ~is_leased(clips.c.id, _NOW),
    ~exists().where(_MINE.c.clip_id == clips.c.id, _MINE.c.person == _PERSON),
    clips.c.id.not_in(_UNWANTED),
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

_NEWEST_STATE = select(func.coalesce(func.max(states.c.answer_id), 0))

# Clips that one other person has labeled, and nobody else.
_SHARED = (
    select(clips.c.id)
    .join(states, states.c.clip_id == clips.c.id)
    .where(states.c.kind == "label", states.c.person != IMPORTED, clips.c.problem.is_(None))
    .where(states.c.person != _PERSON, states.c.answer_id >= bindparam("start"), *_FREE)
    .where(
        ~exists().where(_OTHER.c.clip_id == states.c.clip_id, _OTHER.c.person != states.c.person)
    )
    .order_by(states.c.answer_id)
    .limit(1)
)


def _order_of_reasons(rules, count, rng):
    """Return what to look for, until something is found."""
    shared = rng.random()
    # Evenly spread: of any ten questions, a share of a tenth makes one an audit.
    before, after = (math.floor(n * rules.audit_share) for n in (count, count + 1))
    audit = after > before
    # Of n clips n * share are asked twice: that many of n * (1 + share) questions.
    first = ["shared"] if shared < rules.shared_share / (1 + rules.shared_share) else []
    usual = ["audit", "chosen"] if audit else ["chosen"]
    return [*first, *usual, "initial", *(["audit"] if rules.audit_share else []), "random"]


def _find_queued(connection, reason, who, rng):
    found = connection.execute(_QUEUED, who | {"reason": reason}).first()
    return None if found is None else tuple(found)


def _find_random(connection, reason, who, rng):
    return _find_from(connection, _RANDOM, who, int(rng.integers(2**31 - 1)))


def _find_shared(connection, reason, who, rng):
    newest = connection.execute(_NEWEST_STATE).scalar_one()
    return _find_from(connection, _SHARED, who, int(rng.integers(newest + 1)))


def _find_from(connection, query, who, start):
    """Find a clip from a random place on; from the first place, if there is none."""
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
