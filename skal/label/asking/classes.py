"""The classes of a project, their keys, and their changes."""

# A class is never deleted. Its answers point to it; `merged_into` and `retired` determine how they
# count now. A renamed class keeps its former name as a row merged into it, so old commands and
# tables still find the class.

import re

from sqlalchemy import delete, exists, func, insert, or_, select, update

from skal.label.asking.kinds import RESERVED_KEYS
from skal.label.asking.records import ClassInfo, FormerClass
from skal.label.asking.values import check_key, check_text
from skal.label.asking.votes import settle_many
from skal.label.store.project_error import ProjectError
from skal.label.store.settings import read_settings, write_settings
from skal.label.store.tables import answers, classes, predictions, questions

__all__ = [
    "add_class",
    "add_classes",
    "class_ids",
    "list_classes",
    "list_former",
    "mark_nothing",
    "merge_class",
    "rename_class",
    "restore_class",
    "retire_class",
    "several_names",
]

_DIGITS = "123456789"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_MOST = 1000
_NOTHING = "nothing"
_ACTIVE = classes.c.merged_into.is_(None) & ~classes.c.retired
_CLASS_IDS = select(
    classes.c.name, func.coalesce(classes.c.merged_into, classes.c.id), classes.c.retired
)


def list_classes(connection):
    """Return the classes, a tuple of ClassInfo: the oldest first, that of nothing last."""
    nothing = _nothing_id(connection)
    query = select(classes.c.id, classes.c.name, classes.c.key).where(_ACTIVE)
    rows = connection.execute(query.order_by(classes.c.position, classes.c.id))
    found = [ClassInfo(*row, nothing=row.id == nothing) for row in rows]
    return tuple(sorted(found, key=lambda info: info.nothing))


def _nothing_id(connection):
    """Return the number of the class for nothing of interest, or None."""
    number = read_settings(connection).get(_NOTHING)
    if number is None:
        return None
    # A class that it is merged into takes over its meaning; a retired class has none.
    query = select(func.coalesce(classes.c.merged_into, classes.c.id))
    return connection.execute(query.where(classes.c.id == number, ~classes.c.retired)).scalar()


def mark_nothing(connection, name):
    """Mark the class for nothing of interest, and add it if it is new; unmark any other."""
    number = None if name is None else add_class(connection, name).id
    write_settings(connection, {_NOTHING: number})


def list_former(connection):
    """Return former class names, a tuple of FormerClass."""
    now = classes.alias("now")
    query = (
        select(classes.c.name, now.c.name)
        .outerjoin(now, now.c.id == classes.c.merged_into)
        .where(~_ACTIVE)
        .order_by(classes.c.id)
    )
    return tuple(FormerClass(*row) for row in connection.execute(query))


def class_ids(connection):
    """Return class ids by name, including former names."""
    rows = connection.execute(_CLASS_IDS)
    return {name: number for name, number, retired in rows if not retired}


def several_names(name):
    """Split a name that looks like a list of names; return None for a single name."""
    parts = [part.strip() for part in re.split("[;,|\t]", name)]
    parts = [part for part in parts if part]
    return parts if len(parts) > 1 else None


def add_class(connection, name, key=None):
    """Add a class, or return the existing one of that name."""
    name = check_text(name, "the name of a class", code="bad_class")
    key = check_key(key)
    known = list_classes(connection)
    for found in known:
        if found.name == name:
            return found
    for former in list_former(connection):
        if former.name == name:
            raise ProjectError("bad_class", f"{former}; bring it back, or choose another name")
    if len(known) >= _MOST:
        raise ProjectError("bad_class", f"a project has at most {_MOST} classes")
    taken = {found.key: found.name for found in known}
    if key in RESERVED_KEYS:
        raise ProjectError(
            "bad_class", f"the keys {', '.join(sorted(RESERVED_KEYS))} are reserved"
        )
    if key is not None and key in taken:
        raise ProjectError("bad_class", f"the class {taken[key]!r} already has the key {key!r}")
    key = key or _free_key(name, taken)
    last = connection.execute(select(func.coalesce(func.max(classes.c.position), -1))).scalar_one()
    row = {"name": name, "position": last + 1, "key": key}
    number = connection.execute(insert(classes).values(row)).inserted_primary_key[0]
    return ClassInfo(number, name, key)


def rename_class(connection, name, new):
    """Rename a class; the former name still finds it."""
    row = _class_named(connection, name)
    new = check_text(new, "the name of a class", code="bad_class")
    found = connection.execute(select(classes).where(classes.c.name == new)).first()
    if found is not None and found.id == row.id:
        return
    if found is not None and found.merged_into != row.id:
        raise ProjectError("bad_class", _is_taken(connection, name, new))
    if found is not None and _has_answers(connection, found.id):
        # The name belongs to a class merged into this one, so that class takes over.
        _take_back_over(connection, row, found)
        return
    if found is not None:
        connection.execute(delete(classes).where(classes.c.id == found.id))
    connection.execute(update(classes).where(classes.c.id == row.id).values(name=new))
    former = {"name": row.name, "position": row.position, "merged_into": row.id}
    connection.execute(insert(classes).values(former))


def merge_class(connection, name, into):
    """Count the answers of a class as those of another; return the number of clips."""
    row, target = _class_named(connection, name), _class_named(connection, into)
    if row.id == target.id:
        raise ProjectError("bad_class", f"{name!r} is already the class {into!r}")
    return _merge(connection, row.id, target.id)


def retire_class(connection, name):
    """Stop offering a class and counting its answers; return the number of clips."""
    row = _class_named(connection, name)
    clip_ids = _clips_of(connection, row.id)
    connection.execute(update(classes).where(classes.c.id == row.id).values(key=None))
    connection.execute(update(classes).where(_is_part_of(row.id)).values(retired=True))
    connection.execute(delete(predictions).where(predictions.c.class_id == row.id))
    settle_many(connection, clip_ids)
    return len(clip_ids)


def restore_class(connection, name):
    """Bring a retired or merged class back, with its answers; return its ClassInfo."""
    query = select(classes).where(classes.c.name == str(name), ~_ACTIVE)
    row = connection.execute(query).first()
    if row is None:
        names = ", ".join(repr(former.name) for former in list_former(connection)[:20])
        raise ProjectError(
            "unknown_class", f"{name!r:.100} has not been retired or merged: {names}"
        )
    taken = {found.key: found.name for found in list_classes(connection)}
    changed = {"retired": False, "merged_into": None, "key": _free_key(row.name, taken)}
    if row.merged_into is None:
        connection.execute(update(classes).where(_is_part_of(row.id)).values(retired=False))
    connection.execute(update(classes).where(classes.c.id == row.id).values(changed))
    settle_many(connection, _clips_of(connection, row.id))
    return ClassInfo(row.id, row.name, changed["key"])


def _class_named(connection, name):
    """Return the row of a class, by its present name."""
    query = select(classes).where(classes.c.name == str(name), _ACTIVE)
    row = connection.execute(query).first()
    if row is None:
        known = ", ".join(repr(found.name) for found in list_classes(connection)[:20])
        raise ProjectError(
            "unknown_class", f"there is no class {name!r:.100}: the project has {known}"
        )
    return row


def _is_taken(connection, name, new):
    for former in list_former(connection):
        if former.name == new:
            return f"{former}; choose another name"
    return f"there is already a class {new!r}: merge {name!r} into it, or choose another name"


def _is_part_of(number):
    """Return the condition that a class is the given one or was merged into it."""
    return or_(classes.c.id == number, classes.c.merged_into == number)


def _has_answers(connection, number):
    query = select(exists().where(answers.c.class_id == number))
    return connection.execute(query).scalar()


def _merge(connection, number, target):
    clip_ids = _clips_of(connection, number)
    connection.execute(update(classes).where(classes.c.id == number).values(key=None))
    changed = update(classes).where(_is_part_of(number)).values(merged_into=target)
    connection.execute(changed)
    for table, column in ((questions, "guess"), (predictions, "class_id")):
        connection.execute(update(table).where(table.c[column] == number).values({column: target}))
    settle_many(connection, clip_ids)
    return len(clip_ids)


def _take_back_over(connection, row, found):
    """Swap a merged class with the class that it was merged into."""
    changed = {"merged_into": None, "position": row.position}
    connection.execute(update(classes).where(classes.c.id == found.id).values(changed))
    _merge(connection, row.id, found.id)
    connection.execute(update(classes).where(classes.c.id == found.id).values(key=row.key))
    settle_many(connection, _clips_of(connection, found.id))


def _clips_of(connection, number):
    """Return the clips with answers of a class or of classes merged into it."""
    parts = select(classes.c.id).where(_is_part_of(number))
    query = select(answers.c.clip_id).distinct().where(answers.c.class_id.in_(parts))
    return connection.execute(query).scalars().all()


def _free_key(name, taken):
    """Return the first free digit, letter of the name, or other letter, or None."""
    wanted = _DIGITS + "".join(c for c in name.lower() if c in _LETTERS) + _LETTERS
    free = (key for key in wanted if key not in taken and key not in RESERVED_KEYS)
    return next(free, None)


def add_classes(connection, names, is_old):
    """Add classes; return notes for the user."""
    former = {found.name: found for found in list_former(connection)}
    known = {info.name for info in list_classes(connection)}
    notes, given = [], set()
    for name in names:
        if name in former:
            notes.append(f"{former[name]}: it was not added again")
            continue
        info = add_class(connection, name)
        if info.name in given:
            notes.append(f"the class {info.name!r} is given twice: it is one class")
        given.add(info.name)
        if is_old and info.name not in known:
            key = f" (key {info.key})" if info.key else ""
            notes.append(f"the class {info.name!r} is new in this project{key}")
            known.add(info.name)
    return tuple(notes)
