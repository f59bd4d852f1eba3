"""What comes from outside: names, numbers and times that a data base can hold."""

import math

from skal.label.asking.records import ProjectError

__all__ = ["check_id", "check_key", "check_seconds", "check_text"]

_LONGEST = 200
_LARGEST = 2**31 - 1


def check_text(value, what, *, code="bad_answer", longest=_LONGEST):
    """Return a short text without blanks around it, or refuse it.

    Parameters
    ----------
    value : object
        What was given.
    what : str
        What it is, for the message.
    code : str, default="bad_answer"
        Of the error.
    longest : int, default=200
        Most characters.

    Returns
    -------
    str

    Raises
    ------
    ProjectError
        If it is no text, empty, too long, or has characters that cannot be shown or stored.
    """
    if not isinstance(value, str) or not value.strip():
        raise ProjectError(code, f"{what} must be a text that is not empty, not {value!r:.100}")
    text = value.strip()
    if len(text) > longest:
        raise ProjectError(code, f"{what} has {len(text)} characters; {longest} are allowed")
    if not text.isprintable():
        raise ProjectError(code, f"{what} has characters that cannot be shown: {text!a:.100}")
    return text


def check_id(value, code, what):
    """Return a number of a row, or say that there is no such row.

    Parameters
    ----------
    value : object
        What was given.
    code : str
        Of the error.
    what : str
        What it numbers.

    Returns
    -------
    int

    Raises
    ------
    ProjectError
        If it cannot be the number of a row.
    """
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise ProjectError(code, f"the number of a {what} is an integer, not {value!r:.100}")
    number = value.__index__()
    if not 0 <= number <= _LARGEST:
        raise ProjectError(code, f"there is no {what} {number}"[:100])
    return number


def check_key(value):
    """Return the key of a class, or None.

    Parameters
    ----------
    value : str or None
        What was given.

    Returns
    -------
    str or None

    Raises
    ------
    ProjectError
        If it is neither a digit nor a letter from a to z.
    """
    if value is None:
        return None
    if isinstance(value, str) and len(value) == 1 and value.isascii() and value.isalnum():
        return value.lower()
    raise ProjectError(
        "bad_class", f"the key of a class is one digit or letter, not {value!r:.100}"
    )


def check_seconds(value):
    """Return a time span in s, or None.

    Parameters
    ----------
    value : float or None
        What was given.

    Returns
    -------
    float or None

    Raises
    ------
    ProjectError
        If it is no number from 0 to a day.
    """
    if value is None:
        return None
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or not 0 <= value <= 86_400:
        raise ProjectError(
            "bad_answer", f"seconds must be a number from 0 to 86400, not {value!r:.100}"
        )
    return float(value)
