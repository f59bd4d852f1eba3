"""Labels as tables with every column: CSV and JSON lines."""

import csv
import json

from skal.label.formats.cells import safe_cell, text_stream

__all__ = ["COLUMNS", "write_csv", "write_jsonl"]

COLUMNS = ("path", "start", "end", "label", "kind", "person", "at", "round", "why")


def write_csv(rows, stream, root):
    """Write CSV (RFC 4180) in UTF-8.

    Parameters
    ----------
    rows : list of LabelRow
        The labels.
    stream : binary file object
        Where to.
    root : str
        Not needed here: paths stay as they are.

    Returns
    -------
    list of LabelProblem
        Empty.
    """
    with text_stream(stream) as text:
        writer = csv.writer(text)
        writer.writerow(COLUMNS)
        for row in rows:
            writer.writerow([_cell(value) for value in _values(row)])
    return []


def write_jsonl(rows, stream, root):
    """Write a JSON object a line, see `write_csv`.

    Parameters
    ----------
    rows : list of LabelRow
        The labels.
    stream : binary file object
        Where to.
    root : str
        Not needed here: paths stay as they are.

    Returns
    -------
    list of LabelProblem
        Empty.
    """
    for row in rows:
        line = json.dumps(dict(zip(COLUMNS, _values(row), strict=True)))
        stream.write(line.encode("ascii") + b"\n")
    return []


def _values(row):
    values = [getattr(row, name) for name in COLUMNS]
    return [value.isoformat() if hasattr(value, "isoformat") else value for value in values]


def _cell(value):
    return safe_cell(value) if isinstance(value, str) else value
