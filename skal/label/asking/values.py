"""Validation of input: names, ids, keys, and times."""

import math

from skal.label.asking.records import IMPORTED
from skal.label.store.project_error import ProjectError

__all__ = ["check_id", "check_key", "check_person", "check_seconds", "check_text"]

_LONGEST = 200
_LARGEST = 2**31 - 1


def check_text(value, what, *, code="bad_answer", longest=_LONGEST):
    """Return short printable text without surrounding blanks."""
    if not isinstance(value, str) or not value.strip():
        raise ProjectError(code, f"{what} must be non-empty text, not {value!r:.100}")
    text = value.strip()
    if len(text) > longest:
        raise ProjectError(
            code, f"{what} has {len(text)} characters; at most {longest} are allowed"
        )
    if not text.isprintable():
        raise ProjectError(code, f"{what} has unprintable characters: {text!a:.100}")
    return text


def check_person(value):
    """Return the name of a person."""
    person = check_text(value, "the name of a person", longest=100)
    if person == IMPORTED:
        raise ProjectError(
            "bad_answer", f"{IMPORTED!r} is reserved for imported labels: choose another name"
        )
    return person


def check_id(value, code, what):
    """Return the number of a row."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise ProjectError(code, f"the number of a {what} must be an integer, not {value!r:.100}")
    number = value.__index__()
    if not 0 <= number <= _LARGEST:
        raise ProjectError(code, f"there is no {what} {number}"[:100])
    return number


def check_key(value):
    """Return the key of a class in lower case, or None."""
    if value is None:
        return None
    if isinstance(value, str) and len(value) == 1 and value.isascii() and value.isalnum():
        return value.lower()
    raise ProjectError(
        "bad_class", f"the key of a class must be one digit or letter, not {value!r:.100}"
    )


def check_seconds(value):
    """Return a time from 0 to one day, in s, or None."""
    if value is None:
        return None
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or not 0 <= value <= 86_400:
        raise ProjectError(
            "bad_answer", f"seconds must be a number from 0 to 86400, not {value!r:.100}"
        )
    return float(value)
