"""Votes: the current answer of each person to each clip, and the verdict."""

from collections import Counter, defaultdict

from sqlalchemy import bindparam, delete, exists, func, insert, select, update

from skal.label.asking.kinds import SETTLING
from skal.label.store.tables import answers, classes, clips, votes

__all__ = ["is_settled", "last_valid", "list_verdicts", "settle", "settle_many", "verdict"]

# Clips to settle with one query; SQLite takes 32,766 parameters.
_CHUNK = 1000


def is_settled():
    """Return the condition that the verdict on a clip settles it."""
    return clips.c.kind.is_not(None) & clips.c.kind.in_(SETTLING)


def last_valid(connection, person):
    """Return a person's last answer that was not taken back."""
    return connection.execute(_LAST, {"of": person}).first()


_UNDO = answers.alias("undo")
_GIVEN = classes.alias("given")
_LAST = (
    select(answers, classes.c.name)
    .outerjoin(_GIVEN, _GIVEN.c.id == answers.c.class_id)
    .outerjoin(classes, classes.c.id == func.coalesce(_GIVEN.c.merged_into, _GIVEN.c.id))
    .where(answers.c.person == bindparam("of"), answers.c.kind != "undo")
    .where(~exists().where(_UNDO.c.undoes == answers.c.id, _UNDO.c.kind == "undo"))
    .order_by(answers.c.id.desc())
    .limit(1)
)
# Answers with their current class, after merges.
_ANSWERS = (
    select(
        answers.c.id.label("answer_id"),
        answers.c.clip_id,
        answers.c.person,
        answers.c.kind,
        answers.c.undoes,
        func.coalesce(classes.c.merged_into, answers.c.class_id).label("class_id"),
        classes.c.retired,
    )
    .outerjoin(classes, classes.c.id == answers.c.class_id)
    .where(answers.c.clip_id.in_(bindparam("clips", expanding=True)))
    .order_by(answers.c.id)
)
_DROP = delete(votes).where(votes.c.clip_id == bindparam("clip"))
_ADD = insert(votes)
_SUMMARY = ("kind", "class_id", "answer_id", "n_people", "n_agree")
_WRITE_SUMMARY = (
    update(clips)
    .where(clips.c.id == bindparam("clip"))
    .values(
        open=clips.c.problem.is_(None) & (bindparam("settled") == 0),
        **{name: bindparam(f"new_{name}") for name in _SUMMARY},
    )
)


def settle(connection, clip_id):
    """Update the votes on a clip, and the verdict, after an answer was added."""
    settle_many(connection, [clip_id])


def settle_many(connection, clip_ids):
    """Update the votes and verdicts of clips, after their answers or classes changed."""
    clip_ids = sorted(clip_ids)
    for start in range(0, len(clip_ids), _CHUNK):
        part = clip_ids[start : start + _CHUNK]
        given = defaultdict(list)
        for row in connection.execute(_ANSWERS, {"clips": part}):
            given[row.clip_id].append(row)
        standing = {clip_id: _standing(given[clip_id]) for clip_id in part}
        connection.execute(_DROP, [{"clip": clip_id} for clip_id in part])
        new = [_vote(row) for rows in standing.values() for row in rows]
        if new:
            connection.execute(_ADD, new)
        summaries = [_summary(clip_id, rows) for clip_id, rows in standing.items()]
        connection.execute(_WRITE_SUMMARY, summaries)


def _standing(rows):
    """Return the current answers to a clip, one for each person."""
    undone = {row.undoes for row in rows if row.kind == "undo"}
    people = {row.answer_id: row.person for row in rows}
    standing = {}
    for row in rows:
        if row.kind == "undo" or row.answer_id in undone:
            continue
        if row.undoes is not None:
            standing.pop(people[row.undoes], None)  # corrected by another person
        standing[row.person] = row
    kept = (row for row in standing.values() if not row.retired)
    return sorted(kept, key=lambda row: row.answer_id)


def _vote(row):
    vote = {"clip_id": row.clip_id, "person": row.person, "answer_id": row.answer_id}
    return vote | {"kind": row.kind, "class_id": row.class_id}


def _summary(clip_id, rows):
    """Return the parameters that store the verdict of all votes on a clip."""
    summary = verdict(rows)
    values = {f"new_{name}": summary[name] for name in _SUMMARY}
    return values | {"clip": clip_id, "settled": int(summary["kind"] in SETTLING)}


def verdict(given):
    """Return the majority answer; the earlier answer wins a tie."""
    # Votes that settle nothing, such as skips, count only if there are no other votes.
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
