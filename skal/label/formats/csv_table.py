"""CSV tables (RFC 4180) in UTF-8, with every column of every row."""

import csv
import difflib
import io

from skal.label.formats.cells import safe_cell, text_stream, unsafe_cell
from skal.label.formats.format import Format
from skal.label.formats.problems import LabelProblem
from skal.label.formats.rows import COLUMNS, NEEDED, read_record, values_of

__all__ = ["FORMAT"]


def _write(rows, stream, root):
    with text_stream(stream) as text:
        writer = csv.writer(text)
        writer.writerow(COLUMNS)
        for row in rows:
            writer.writerow(
                safe_cell(value) if isinstance(value, str) else value for value in values_of(row)
            )
    return []


def _read(content):
    # European spreadsheets write semicolons, because they need the comma for decimals.
    separator = max(",;\t", key=content.split("\n", 1)[0].count)
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=separator, strict=True)
    try:
        rows = list(reader)
    except csv.Error as error:
        return [LabelProblem(f"line {reader.line_num}", "quotes", str(error))]
    columns = [cell.strip() for cell in rows[0]] if rows else []
    problems = [_missing(name, columns) for name in NEEDED if name not in columns]
    problems += [
        LabelProblem("row 1", name, "there are several columns of this name")
        for name in sorted({name for name in columns if name and columns.count(name) > 1})
    ]
    return problems or _read_rows(rows, columns)


def _missing(name, columns):
    near = difflib.get_close_matches(name, columns, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"the header has {', '.join(columns)}"
    return LabelProblem("row 1", name, f"no such column; {hint}")


def _read_rows(rows, columns):
    for number, cells in enumerate(rows[1:], start=2):
        row = f"row {number}"
        if not any(cells):
            continue
        if len(cells) != len(columns):
            yield LabelProblem(row, "cells", f"{len(cells)}, but the header has {len(columns)}")
            continue
        record = {name: unsafe_cell(cell) for name, cell in zip(columns, cells, strict=True)}
        yield from read_record(row, record)


FORMAT = Format(
    name="csv",
    title="CSV table",
    extension=".csv",
    media_type="text/csv",
    help="a table with every column of every answered clip",
    write=_write,
    read=_read,
    reads=(".csv", ".tsv", ".txt"),
)
