"""The classes of a project, and their keys."""

from sqlalchemy import func, insert, select

from skal.label.asking.checks import check_key, check_text
from skal.label.asking.kinds import RESERVED_KEYS
from skal.label.asking.records import ClassInfo
from skal.label.store.errors import ProjectError
from skal.label.store.tables import classes

__all__ = ["add_class", "list_classes"]

_DIGITS = "123456789"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_MOST = 1000


def list_classes(connection):
    """Return the classes in the order in which they were added, a tuple of ClassInfo."""
    query = select(classes.c.id, classes.c.name, classes.c.key)
    rows = connection.execute(query.order_by(classes.c.position, classes.c.id))
    return tuple(ClassInfo(*row) for row in rows)


def add_class(connection, name, key=None):
    """Add a class, or return the existing one of that name."""
    name = check_text(name, "the name of a class", code="bad_class")
    key = check_key(key)
    known = list_classes(connection)
    for found in known:
        if found.name == name:
            return found
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


def _free_key(name, taken):
    """Return the first free digit, letter of the name, or other letter, or None."""
    wanted = _DIGITS + "".join(c for c in name.lower() if c in _LETTERS) + _LETTERS
    free = (key for key in wanted if key not in taken and key not in RESERVED_KEYS)
    return next(free, None)
