"""Votes: the last valid answer of each person to each clip, and the verdict of all."""

from collections import Counter

from sqlalchemy import bindparam, delete, exists, insert, select, update

from skal.label.asking.kinds import SETTLING
from skal.label.store.tables import answers, classes, clips, votes

__all__ = ["is_settled", "last_valid", "list_verdicts", "settle", "verdict"]


def is_settled():
    """Return the condition that the verdict on a clip settles it."""
    return clips.c.kind.is_not(None) & clips.c.kind.in_(SETTLING)


def last_valid(connection, person, clip_id=None):
    """Return a person's last answer, to one clip or any, that was not taken back."""
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
_VOTES_OF_CLIP = (
    select(votes).where(votes.c.clip_id == bindparam("clip")).order_by(votes.c.answer_id)
)
_DROP = delete(votes).where(
    votes.c.clip_id == bindparam("clip"), votes.c.person == bindparam("of")
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
    """Update a person's vote on a clip, and the verdict, after an answer was added."""
    connection.execute(_DROP, {"clip": clip_id, "of": person})
    last = last_valid(connection, person, clip_id)
    if last is not None:
        vote = {"clip_id": clip_id, "person": person, "answer_id": last.id}
        vote |= {"kind": last.kind, "class_id": last.class_id}
        connection.execute(insert(votes), vote)
    _summarize(connection, clip_id)


def _summarize(connection, clip_id):
    """Store the verdict of all votes on a clip."""
    summary = verdict(connection.execute(_VOTES_OF_CLIP, {"clip": clip_id}).all())
    values = {f"new_{name}": summary[name] for name in _SUMMARY}
    values |= {"clip": clip_id, "settled": int(summary["kind"] in SETTLING)}
    connection.execute(_WRITE_SUMMARY, values)


def verdict(given):
    """Return what most people say; in a tie, what was said first.

    Votes that settle nothing, such as skips, count only if there are no others.
    """
    counted = [vote for vote in given if vote.kind in SETTLING] or given
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


def list_verdicts(connection):
    """Return (clip id, class or None) of all settled clips, in the order of the answers."""
    query = (
        select(clips.c.id, classes.c.name)
        .outerjoin(classes, classes.c.id == clips.c.class_id)
        .where(is_settled())
        .order_by(clips.c.answer_id)
    )
    return connection.execute(query).all()
