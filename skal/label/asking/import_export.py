"""Labels and answers out of a project, and imported labels into it."""

from datetime import UTC, datetime

from sqlalchemy import func, insert, select

from skal.label.asking.classes import class_ids, list_classes
from skal.label.asking.kinds import LABEL, SETTLING
from skal.label.asking.records import IMPORTED, Answer, ImportReport, LabelRow, NotTaken
from skal.label.asking.votes import settle
from skal.label.store.tables import answers, classes, clips, votes

__all__ = ["add_labels", "list_answers", "list_labels"]


def list_labels(connection):
    """Return a LabelRow with the verdict on each clip that has one, in order."""
    query = (
        select(
            clips.c.id,
            clips.c.path,
            clips.c.start,
            clips.c.end,
            classes.c.name,
            clips.c.kind,
            answers.c.person,
            answers.c.at,
            answers.c.round,
            answers.c.reason,
            clips.c.n_people,
            clips.c.n_agree,
        )
        .join(answers, answers.c.id == clips.c.answer_id)
        .outerjoin(classes, classes.c.id == clips.c.class_id)
        .order_by(clips.c.id)
    )
    rows = connection.execute(query)
    nothing = [info.name for info in list_classes(connection) if info.nothing]
    return [LabelRow(*row[:7], _time(row[7]), *row[8:], row.name in nothing) for row in rows]


def list_answers(connection):
    """Return every Answer in order, including those taken back."""
    given = classes.alias("given")
    query = (
        select(
            answers.c.id,
            answers.c.clip_id,
            clips.c.path,
            clips.c.start,
            clips.c.end,
            answers.c.person,
            answers.c.kind,
            classes.c.name,
            answers.c.seconds,
            answers.c.at,
            answers.c.round,
            answers.c.reason,
            answers.c.question_id,
            answers.c.undoes,
        )
        .join(clips, clips.c.id == answers.c.clip_id)
        .outerjoin(given, given.c.id == answers.c.class_id)
        .outerjoin(classes, classes.c.id == func.coalesce(given.c.merged_into, given.c.id))
        .order_by(answers.c.id)
    )
    rows = connection.execute(query)
    return [Answer(*row[:9], _time(row[9]), *row[10:]) for row in rows]


def add_labels(connection, matches, now, *, replace=False):
    """Import labels of matched clips; return an ImportReport."""
    # Settled clips keep their answer unless `replace` is set.
    table = class_ids(connection)
    names = {number: name for name, number in _present_names(connection)}
    kinds = _kinds_of(connection, {match.clip_id for match in matches})
    n_added = n_known = n_replaced = 0
    told = {"not_taken": [], "by_name": []}
    unknown_files, unknown_classes, conflicts, written = {}, {}, [], set()
    for match in matches:
        label, name, reason = match.label, _name_of(match.label), match.reason
        kind, here = kinds.get(match.clip_id, (None, None))
        wanted = names.get(table.get(label.label))
        if match.by_name:
            told["by_name"].append((name, match.path))
        if reason is not None:
            unknown_files[name] = None
        elif wanted is None:
            unknown_classes[str(label.label)] = None
            reason = f"the project has no class {label.label!r}"
        elif (kind, here) == (LABEL, wanted):
            n_known += 1
        elif kind not in SETTLING or (replace and match.clip_id not in written):
            n_replaced += kind in SETTLING
            _add(connection, match.clip_id, table[label.label], now)
            kinds[match.clip_id] = LABEL, wanted
            written.add(match.clip_id)
            n_added += 1
        else:
            conflicts.append((name, here or kind, label.label))
            reason = f"it has the label {here or kind!r}, not {label.label!r}; it was kept"
        if reason is not None:
            told["not_taken"].append(NotTaken(label.file, label.row, name, reason))
    return ImportReport(
        n_added,
        tuple(unknown_files),
        tuple(unknown_classes),
        tuple(conflicts),
        n_known=n_known,
        n_replaced=n_replaced,
        **{key: tuple(found) for key, found in told.items()},
    )


def _present_names(connection):
    return connection.execute(select(classes.c.name, classes.c.id)).all()


def _kinds_of(connection, clip_ids):
    """Return the kind and the class of the verdict on each clip."""
    columns = clips.c.id, clips.c.kind, classes.c.name
    query = select(*columns).outerjoin(classes, classes.c.id == clips.c.class_id)
    return {row[0]: (row[1], row[2]) for row in connection.execute(query) if row[0] in clip_ids}


def _add(connection, clip_id, class_id, now):
    """Store an imported label that replaces all answers to its clip."""
    row = {"clip_id": clip_id, "person": IMPORTED, "kind": LABEL, "class_id": class_id}
    row |= {"at": now, "reason": IMPORTED}
    query = select(votes.c.answer_id).where(votes.c.clip_id == clip_id, votes.c.person != IMPORTED)
    replaced = connection.execute(query.where(votes.c.kind.in_(SETTLING))).scalars().all()
    rows = [row | {"undoes": number} for number in replaced or [None]]
    connection.execute(insert(answers), rows)
    settle(connection, clip_id)


def _name_of(label):
    if label.start is None and label.end is None:
        return str(label.path)
    return f"{label.path} ({label.start} to {label.end} s)"


def _time(seconds):
    return datetime.fromtimestamp(seconds, UTC)
