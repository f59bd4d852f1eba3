"""Read tables: our own, and those of Raven, BirdNET, Kaleidoscope, crowsetta and Audacity."""

from skal._utils.files.delimited import (
    TableError,
    find_columns,
    near_name,
    read_cells,
    unsafe_cell,
)
from skal._utils.files.table_times import time_columns
from skal.label.formats.audacity import is_track, read_track
from skal.label.formats.columns import COLUMNS, LOOKS_LIKE_TIME, NEEDED, read_record
from skal.label.formats.dialects import find_dialect
from skal.label.formats.label_studio import MINIMAL, read_minimal
from skal.label.formats.problems import LabelProblem, LeftOut

__all__ = ["read_table"]

# Decimal commas are read in `skal._utils.files.table_times`.

# Columns that are redundant if a table has start and end.
_DERIVED = ("duration", "length")
_SPAN = ("path", "start", "end")


def read_table(content):
    """Yield the labels of a table, or its problems."""
    # The path of a label is None if the table is named after its recording.
    if is_track(content):
        yield from read_track(content)
        return
    rows, separator, error = _cells_of(content, quotes=True)
    dialect = find_dialect(rows[0].cells) if rows else None
    if dialect is not None and not dialect.quotes and separator == "\t":
        rows, separator, error = _cells_of(content, quotes=False)
    if error is not None:
        yield LabelProblem(f"line {error.line}", "quotes", error.reason)
    elif rows and set(rows[0].cells) >= MINIMAL:
        for number, _, cells in rows[1:]:
            yield from read_minimal(f"row {number}", dict(zip(rows[0].cells, cells, strict=False)))
    else:
        yield from _read_rows(rows, separator, dialect)


def _cells_of(content, quotes):
    """Return rows and separator; after an error, read quotes as plain characters."""
    try:
        return *read_cells(content, quotes=quotes), None
    except TableError as error:
        return *read_cells(content, quotes=False), error


def _read_rows(rows, separator, dialect):
    names = [name.strip() for name in rows[0].cells] if rows else []
    header = f"row {rows[0].number}" if rows else "row 1"
    full = [cells for _, _, cells in rows[1:] if len(cells) == len(names)]
    columns = _own_columns if dialect is None else dialect.columns
    found, wrong = columns(names, full)
    if wrong:
        yield from (LabelProblem(header, *item) for item in wrong)
        return
    several = _spans_of_several(dialect, found, rows[1:], len(names))
    for number, _, cells in rows[1:]:
        row = f"row {number}"
        is_whole = len(cells) == len(names)
        if is_whole and _span_of(cells, found) in several:
            yield LeftOut(row, "label", "this span has several labels, but a clip has only one")
            continue
        if not is_whole:
            yield LabelProblem(row, "cells", f"{len(cells)}, but the header has {len(names)}")
            continue
        record = {key: unsafe_cell(cells[i]) for key, i in found.items()}
        if dialect is not None:
            record = dialect.complete(record, separator)
        yield from read_record(row, record, separator)


def _spans_of_several(dialect, found, rows, n_columns):
    """Return the cells of spans with several labels, for programs that write them."""
    if dialect is None or not dialect.several_labels:
        return set()
    labels = {}
    for _, _, cells in rows:
        if len(cells) == n_columns:
            labels.setdefault(_span_of(cells, found), set()).add(cells[found["label"]].strip())
    return {span for span, names in labels.items() if len(names) > 1}


def _span_of(cells, found):
    return tuple(cells[found[key]] for key in _SPAN if key in found)


def _own_columns(names, rows):
    """Return positions of our columns, and (column, reason) of each problem."""
    scores = _score_columns(names)
    others = [name for name in names if name not in scores]
    found, several = find_columns(others, COLUMNS)
    wrong = [
        (name, f"no such column; {near_name(name, others)}")
        for name in NEEDED
        if name not in found and name not in several
    ]
    wrong += [(name, "there are several columns of this name") for name in several]
    filled = [
        name
        for i, name in enumerate(names)
        if name not in scores and any(cells[i].strip() for cells in rows)
    ]
    known = {*COLUMNS, *(_DERIVED if {"start", "end"} <= set(found) else ())}
    wrong += [(name, LOOKS_LIKE_TIME) for name in time_columns(filled, known)]
    return {key: names.index(name) for key, name in found.items()}, wrong


def _score_columns(names):
    """Return the score columns of a table of predictions, whose names are arbitrary."""
    if "probability" in names and names[-1] == "problem":
        return set(names[names.index("probability") + 1 : -1])
    return set()
