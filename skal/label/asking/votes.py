"""What stands of the answers: the last one of each person that was not taken back."""

from collections import Counter

from sqlalchemy import bindparam, delete, exists, insert, select, update

from skal.label.store.tables import answers, clips, states

__all__ = ["is_settled", "last_standing", "settle", "verdict"]

# A skipped clip may be asked again, of somebody else.
SETTLING = ("label", "unsure", "bad")


def is_settled():
    """Return the condition that a row of clips has an answer that settles it.

    Returns
    -------
    sqlalchemy.ColumnElement
    """
    return clips.c.kind.is_not(None) & clips.c.kind.in_(SETTLING)


def last_standing(connection, person, clip_id=None):
    """Return the last answer of a person that was not taken back.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        A transaction.
    person : str
        Who.
    clip_id : int, default=None
        Only answers about this clip.

    Returns
    -------
    sqlalchemy.Row or None
    """
    if clip_id is None:
        return connection.execute(_LAST, {"of": person}).first()
    return connection.execute(_LAST_OF_CLIP, {"of": person, "clip": clip_id}).first()


_UNDO = answers.alias("undo")
_LAST = (
    select(answers)
    .where(answers.c.person == bindparam("of"), answers.c.kind != "undo")
    .where(~exists().where(_UNDO.c.undoes == answers.c.id))
    .order_by(answers.c.id.desc())
    .limit(1)
)
_LAST_OF_CLIP = _LAST.where(answers.c.clip_id == bindparam("clip"))
_STATES_OF_CLIP = (
    select(states).where(states.c.clip_id == bindparam("clip")).order_by(states.c.answer_id)
)
_DROP = delete(states).where(
    states.c.clip_id == bindparam("clip"), states.c.person == bindparam("of")
)
_SUMMARY = ("kind", "class_id", "answer_id", "n_people", "n_agree")
_WRITE_SUMMARY = (
    update(clips)
    .where(clips.c.id == bindparam("clip"))
    .values(
        open=clips.c.problem.is_(None) & (bindparam("settled") == 0),
        **{name: bindparam(f"new_{name}") for name in _SUMMARY},
    )
)


def settle(connection, clip_id, person):
    """Bring up to date what stands of a person's answers about a clip.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        The transaction in which an answer was added.
    clip_id : int
        The clip.
    person : str
        Who answered.
    """
    connection.execute(_DROP, {"clip": clip_id, "of": person})
    last = last_standing(connection, person, clip_id)
    if last is not None:
        state = {"clip_id": clip_id, "person": person, "answer_id": last.id}
        state |= {"kind": last.kind, "class_id": last.class_id}
        connection.execute(insert(states), state)
    _summarize(connection, clip_id)


def _summarize(connection, clip_id):
    """Write what all people together say about a clip."""
    summary = verdict(connection.execute(_STATES_OF_CLIP, {"clip": clip_id}).all())
    values = {f"new_{name}": summary[name] for name in _SUMMARY}
    values |= {"clip": clip_id, "settled": int(summary["kind"] in SETTLING)}
    connection.execute(_WRITE_SUMMARY, values)


def verdict(votes):
    """Return what most people say; of those that are said equally often, what was said first.

    Somebody who skipped a clip has no vote, unless everybody has.

    Parameters
    ----------
    votes : list of rows with ``answer_id``, ``kind`` and ``class_id``
        One for each person, in the order of the answers.

    Returns
    -------
    dict
        ``kind``, ``class_id``, ``answer_id`` (the first of these answers), ``n_people``,
        ``n_agree``.
    """
    counted = [vote for vote in votes if vote.kind != "skip"] or votes
    if not counted:
        return {"kind": None, "class_id": None, "answer_id": None, "n_people": 0, "n_agree": 0}
    tally = Counter((vote.kind, vote.class_id) for vote in counted)
    winner, n_agree = tally.most_common(1)[0]
    first = next(vote for vote in counted if (vote.kind, vote.class_id) == winner)
    return {
        "kind": first.kind,
        "class_id": first.class_id,
        "answer_id": first.answer_id,
        "n_people": len(counted),
        "n_agree": n_agree,
    }
