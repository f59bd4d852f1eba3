"""The settings of a project, stored with it."""

import time
from numbers import Integral, Real

from sqlalchemy import delete, insert, select

from skal.label.store.project_error import ProjectError
from skal.label.store.tables import settings

__all__ = ["choose_settings", "fixed_differ", "read_settings", "write_settings"]

_DEFAULTS: dict[str, object] = {
    "n_instances": 10,
    "audit_share": 0.1,
    "shared_share": 0.0,
    "lease": 600.0,
    "show_guess": False,
    "window": None,
    "hop": None,
    "hearing": {},
    "random_state": 0,
}
# Clip numbers and random draws depend on these, so they are fixed with the first answer.
_FIXED = ("window", "hop", "random_state")


def read_settings(connection):
    """Return all settings; a new project has only its version."""
    query = select(settings.c.key, settings.c.value)
    return dict(connection.execute(query).all())


def write_settings(connection, values):
    """Store the settings that changed."""
    found = read_settings(connection)
    for key, value in ({"created": time.time()} | values | _kept(found)).items():
        if key not in found or found[key] != value:
            connection.execute(delete(settings).where(settings.c.key == key))
            connection.execute(insert(settings).values(key=key, value=value))


def _kept(found):
    return {"created": found["created"]} if "created" in found else {}


def choose_settings(found, given, *, answered=True):
    """Return each setting: the given value, else the stored one, else the default."""
    chosen = {}
    for name, default in _DEFAULTS.items():
        before, now = found.get(name, default), given.get(name)
        chosen[name] = before if now is None else _plain(name, now)
        if answered and "created" in found and name in _FIXED and chosen[name] != before:
            raise ProjectError(
                "bad_settings",
                f"this project has answers for {name}={before!r}; {name}={now!r} needs another "
                "project (--project DIR)",
            )
    if chosen["hop"] is not None and chosen["window"] is None:
        raise ProjectError("bad_settings", "hop needs window: give both, in s")
    if chosen["hearing"] != found.get("hearing", {}):
        chosen["features"] = None  # chosen again later
    return chosen


def fixed_differ(found, chosen):
    """Return whether fixed settings differ from those of an existing project."""
    return "created" in found and any(
        chosen[name] != found.get(name, _DEFAULTS[name]) for name in _FIXED
    )


def _plain(name, value):
    """Return a valid setting as a plain Python value."""
    right, wanted = _CHECKS[name]
    if not right(value):
        raise ProjectError("bad_settings", f"{name} must be {wanted}, not {value!r:.100}")
    return type(_DEFAULTS[name] if _DEFAULTS[name] is not None else 0.0)(value)


def _is_share(value):
    return isinstance(value, Real) and 0 <= value <= 1


def _is_time(value):
    return isinstance(value, Real) and not isinstance(value, bool) and 0 < value < float("inf")


def _is_step(value):
    # Nobody hears less, and a typo in it would make billions of clips.
    return _is_time(value) and value >= 0.001


def _is_hearing(value):
    if not isinstance(value, dict) or not set(value) <= {"sr", "fmin", "fmax", "duration"}:
        return False
    low = {name: limit for name, limit in value.items() if name == "fmin" and limit == 0}
    rest = [limit for name, limit in value.items() if name not in low]
    fmax = value.get("fmax", value.get("sr", float("inf")) / 2)
    return all(map(_is_time, rest)) and value.get("fmin", 0) < fmax


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
    "window": (_is_step, "a number of seconds from 0.001"),
    "hop": (_is_step, "a number of seconds from 0.001"),
    "hearing": (_is_hearing, "of positive sr, fmin < fmax (Hz) and duration (s)"),
    "random_state": (_is_seed, "an integer from 0 to 2147483647"),
}
