"""How a project was set up, kept with it."""

import time
from numbers import Integral, Real

from sqlalchemy import delete, insert, select

from skal.label.asking.records import ProjectError
from skal.label.store.tables import settings

__all__ = ["choose_settings", "read_settings", "write_settings"]

_DEFAULTS = {
    "n_instances": 10,
    "audit_share": 0.1,
    "shared_share": 0.0,
    "lease": 600.0,
    "show_guess": False,
    "window": None,
    "hop": None,
    "random_state": 0,
}
# The numbers of the clips, and what was drawn so far, depend on these.
_FIXED = ("window", "hop", "random_state")


def read_settings(connection):
    """Return all settings of a project.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        A transaction.

    Returns
    -------
    dict
        Empty for a project that is just being made, but for its version.
    """
    query = select(settings.c.key, settings.c.value)
    return dict(connection.execute(query).all())


def write_settings(connection, values):
    """Write settings down, where they changed.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        A transaction that writes.
    values : dict
        Settings.
    """
    found = read_settings(connection)
    for key, value in ({"created": time.time()} | values | _kept(found)).items():
        if key not in found or found[key] != value:
            connection.execute(delete(settings).where(settings.c.key == key))
            connection.execute(insert(settings).values(key=key, value=value))


def _kept(found):
    return {"created": found["created"]} if "created" in found else {}


def choose_settings(found, given):
    """Return the settings of a project: given ones, else those before, else the defaults.

    Parameters
    ----------
    found : dict
        Settings of the project so far.
    given : dict
        What the caller wants; None: as before.

    Returns
    -------
    dict

    Raises
    ------
    ProjectError
        With code "bad_settings" if a value makes no sense, or cannot be changed any more.
    """
    chosen = {}
    for name, default in _DEFAULTS.items():
        before, now = found.get(name, default), given.get(name)
        chosen[name] = before if now is None else _plain(name, now)
        if "created" in found and name in _FIXED and chosen[name] != before:
            raise ProjectError(
                "bad_settings",
                f"this project was made with {name}={before!r}; {name}={now!r} needs a project "
                "of its own (--project DIR)",
            )
    if chosen["hop"] is not None and chosen["window"] is None:
        raise ProjectError("bad_settings", "hop= goes with window=: give both, in s")
    return chosen


def _plain(name, value):
    """Return a setting as a plain number, or refuse it."""
    right, wanted = _CHECKS[name]
    if not right(value):
        raise ProjectError("bad_settings", f"{name} must be {wanted}, not {value!r:.100}")
    return type(_DEFAULTS[name] if _DEFAULTS[name] is not None else 0.0)(value)


def _is_share(value):
    return isinstance(value, Real) and 0 <= value <= 1


def _is_time(value):
    return isinstance(value, Real) and not isinstance(value, bool) and 0 < value < float("inf")


def _is_flag(value):
    return isinstance(value, bool)


def _is_seed(value):
    return isinstance(value, Integral) and 0 <= value < 2**31


def _is_number(value):
    return isinstance(value, Integral) and not isinstance(value, bool) and 1 <= value < 2**31


_CHECKS = {
    "n_instances": (_is_number, "an integer of at least 1"),
    "audit_share": (_is_share, "a share from 0 to 1"),
    "shared_share": (_is_share, "a share from 0 to 1"),
    "lease": (_is_time, "a positive number of seconds"),
    "show_guess": (_is_flag, "True or False"),
    "window": (_is_time, "a positive number of seconds"),
    "hop": (_is_time, "a positive number of seconds"),
    "random_state": (_is_seed, "an integer from 0 to 2147483647"),
}
