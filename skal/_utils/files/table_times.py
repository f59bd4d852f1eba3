"""Times in text tables: decimal commas, and columns that look like times."""

import re

__all__ = ["as_seconds", "time_columns"]

_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?\Z")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}\Z")
_TIMES = {
    *("begin", "begins", "start", "starts", "end", "ends", "stop", "finish", "onset", "offset"),
    *("from", "to", "time", "times", "duration", "length", "seconds", "sec", "secs"),
    *("tmin", "tmax", "xmin", "xmax", "t0", "t1", "t2"),
}
_NO_TIMES = {
    *("date", "datetime", "day", "year", "month", "week", "utc", "local", "clock", "zone"),
    *("freq", "frequency", "hz"),
}


def as_seconds(value, separator=""):
    """Return a time as a float; allow a decimal comma if it is unambiguous."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError(f"{value!r} is not a number of seconds")
    text = value.strip() if isinstance(value, str) else value
    if isinstance(text, str) and _DECIMAL_COMMA.match(text):
        if separator == "," and _THOUSANDS.match(text):
            raise ValueError(
                f"{value!r} is ambiguous: the comma may mean decimals or thousands; "
                "write a decimal point"
            )
        text = text.replace(",", ".")
    try:
        return float(text)
    except (ValueError, OverflowError):
        raise ValueError(f"{value!r} is not a number of seconds") from None


def time_columns(columns, known):
    """Return unknown columns whose names look like times in a recording."""
    return [name for name in columns if name.strip().casefold() not in known and _is_time(name)]


def _is_time(name):
    # Such as "End Time (s)", "clip_start", "stopSec".
    parts = re.sub(r"([a-z])([A-Z])", r"\1 \2", name)
    words = re.findall(r"[a-z]+\d*", parts.casefold())
    if not words or _NO_TIMES & set(words):
        return False
    if len(words) > 1:
        words = [word for word in words if word not in ("from", "to")]
    return words == ["t"] or bool(_TIMES & {*words[:1], *words[-2:]})
