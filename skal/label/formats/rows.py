"""Rows with every column of a label, as tables and JSON lines have them."""

import os

from skal.label.asking.kinds import KINDS, LABEL
from skal.label.formats.problems import LabelProblem, check_span

__all__ = ["COLUMNS", "NEEDED", "read_record", "values_of"]

# Columns and their attributes. The files have always called the reason "why"; scripts read it.
_ATTRIBUTES = {
    **{name: name for name in ("path", "start", "end", "label", "kind", "person", "at", "round")},
    "why": "reason",
}
COLUMNS = tuple(_ATTRIBUTES)
NEEDED = ("path", "label")


def values_of(row):
    """Return the values of a LabelRow, one for each column."""
    values = [getattr(row, name) for name in _ATTRIBUTES.values()]
    return [value.isoformat() if hasattr(value, "isoformat") else value for value in values]


def read_record(row, record):
    """Yield the label of a row, its problems, or nothing if it has no label."""
    kind = record.get("kind") or LABEL
    if kind not in KINDS:
        yield LabelProblem(row, "kind", f"{kind!r}; allowed: {', '.join(KINDS)}")
        return
    label = record.get("label")
    if kind != LABEL or label in (None, ""):
        return
    problems = [
        LabelProblem(row, key, f"{record.get(key)!r} is not a text")
        for key in NEEDED
        if not isinstance(record.get(key), str)
    ]
    span = [_seconds(row, record, key, problems) for key in ("start", "end")]
    wrong = None if problems else check_span(*span)
    if wrong is not None:
        problems.append(LabelProblem(row, *wrong))
    yield from problems
    if not problems:
        yield row, os.fspath(record["path"]), *span, label


def _seconds(row, record, key, problems):
    value = record.get(key)
    if value is None or value == "":
        return None
    try:
        if isinstance(value, bool):
            raise ValueError
        return float(value)
    except (TypeError, ValueError, OverflowError):
        problems.append(LabelProblem(row, key, f"{value!r} is not a number of seconds"))
        return None
