"""The columns of CSV tables and JSON lines."""

from skal._utils.files.delimited import is_missing
from skal._utils.files.table_times import as_seconds
from skal.label.asking.kinds import KINDS, LABEL
from skal.label.formats.problems import LabelProblem, LeftOut, check_span

__all__ = ["COLUMNS", "LOOKS_LIKE_TIME", "NEEDED", "read_record", "values_of"]

# Columns and their attributes. The files have always called the reason "why"; scripts read it.
_ATTRIBUTES = {
    **{name: name for name in ("path", "start", "end", "label", "kind", "person", "at", "round")},
    "why": "reason",
}
COLUMNS = tuple(_ATTRIBUTES)
NEEDED = ("path", "label")
LOOKS_LIKE_TIME = "it looks like a time, but only start and end (s) are read; rename or remove it"


def values_of(row):
    """Return a value of a LabelRow for each column."""
    values = [getattr(row, name) for name in _ATTRIBUTES.values()]
    return [value.isoformat() if hasattr(value, "isoformat") else value for value in values]


def read_record(row, record, separator=""):
    """Yield the label of a row, or its problems; `separator` divides the table's cells."""
    kind = record.get("kind")
    kind = LABEL if is_missing(kind) else str(kind).strip().lower()
    if kind not in KINDS:
        yield LabelProblem(row, "kind", f"{kind!r}; allowed: {', '.join(KINDS)}")
        return
    label = record.get("label")
    if kind != LABEL or is_missing(label):
        reason = "empty" if kind == LABEL else f"none, because the clip is {kind!r}"
        yield LeftOut(row, "label", reason)
        return
    problems = [
        LabelProblem(row, key, f"{record.get(key)!r} is not text")
        for key in NEEDED
        if not isinstance(record.get(key), (str, type(None)))
    ]
    span = [_seconds(row, record, key, separator, problems) for key in ("start", "end")]
    wrong = None if problems else check_span(*span)
    if wrong is not None:
        problems.append(LabelProblem(row, *wrong))
    yield from problems
    if not problems:
        yield row, record.get("path"), *span, label


def _seconds(row, record, key, separator, problems):
    value = record.get(key)
    if value is None or value == "":
        return None
    try:
        return as_seconds(value, separator)
    except ValueError as error:
        problems.append(LabelProblem(row, key, str(error)))
        return None
