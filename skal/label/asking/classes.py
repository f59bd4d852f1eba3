"""The classes of a project, and the keys that give them."""

from sqlalchemy import func, insert, select

from skal.label.asking.checks import check_key, check_text
from skal.label.asking.records import ClassInfo, ProjectError
from skal.label.store.tables import classes

__all__ = ["RESERVED_KEYS", "add_class", "list_classes"]

# Unsure, skip, bad recording and undo.
RESERVED_KEYS = frozenset("usbz")
_DIGITS = "123456789"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_MOST = 1000


def list_classes(connection):
    """Return the classes in the order in which they were added.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        A transaction.

    Returns
    -------
    tuple of ClassInfo
    """
    query = select(classes.c.id, classes.c.name, classes.c.key)
    rows = connection.execute(query.order_by(classes.c.position, classes.c.id))
    return tuple(ClassInfo(*row) for row in rows)


def add_class(connection, name, key, now):
    """Add a class.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        A transaction that writes.
    name : str
        Its name.
    key : str or None
        The key that gives it; None: a free one.
    now : float
        The time, in s since 1970.

    Returns
    -------
    ClassInfo
        The class of that name if there is one already.

    Raises
    ------
    ProjectError
        With code "bad_class" if the name cannot be shown, or the key is taken.
    """
    name = check_text(name, "the name of a class", code="bad_class")
    key = check_key(key)
    known = list_classes(connection)
    for found in known:
        if found.name == name:
            return found
    if len(known) >= _MOST:
        raise ProjectError("bad_class", f"there are {_MOST} classes; no more can be added")
    taken = {found.key: found.name for found in known}
    if key in RESERVED_KEYS:
        raise ProjectError(
            "bad_class", f"the keys {', '.join(sorted(RESERVED_KEYS))} have a meaning already"
        )
    if key is not None and key in taken:
        raise ProjectError("bad_class", f"the key {key!r} is that of {taken[key]!r} already")
    key = key or _free_key(name, taken)
    last = connection.execute(select(func.coalesce(func.max(classes.c.position), -1))).scalar_one()
    row = {"name": name, "position": last + 1, "key": key, "added_at": now}
    number = connection.execute(insert(classes).values(row)).inserted_primary_key[0]
    return ClassInfo(number, name, key)


def _free_key(name, taken):
    """Return a digit, else a letter of the name, else any letter, else None."""
    wanted = _DIGITS + "".join(c for c in name.lower() if c in _LETTERS) + _LETTERS
    free = (key for key in wanted if key not in taken and key not in RESERVED_KEYS)
    return next(free, None)
