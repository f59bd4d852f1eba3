"""JSON lines: an object on each line, with the columns of the CSV table."""

import json

from skal._utils.files.delimited import find_columns, is_missing, near_name
from skal._utils.files.table_times import time_columns
from skal.label.formats.columns import COLUMNS, LOOKS_LIKE_TIME, NEEDED, read_record, values_of
from skal.label.formats.format import Format
from skal.label.formats.problems import LabelProblem, parse_json

__all__ = ["FORMAT"]


def _write(rows, stream, root):
    for row in rows:
        line = json.dumps(dict(zip(COLUMNS, values_of(row), strict=True)))
        stream.write(line.encode("ascii") + b"\n")
    return []


def _read(content):
    for number, line in enumerate(content.split("\n"), start=1):
        if not line.strip():
            continue
        record, row = parse_json(line), f"row {number}"
        if isinstance(record, dict):
            yield from _read_object(row, record)
        else:
            yield LabelProblem(row, "JSON", "each line must be a JSON object")


def _read_object(row, record):
    found, several = find_columns(list(record), COLUMNS)
    problems = [LabelProblem(row, key, "there are several keys of this name") for key in several]
    problems += [
        LabelProblem(row, key, f"no such key; {near_name(key, record)}")
        for key in NEEDED
        if key not in found and key not in several
    ]
    filled = [key for key, value in record.items() if not is_missing(value)]
    problems += [LabelProblem(row, key, LOOKS_LIKE_TIME) for key in time_columns(filled, found)]
    yield from problems
    if not problems:
        record = {key: record[name] for key, name in found.items()}
        # JSON lines cover many recordings, so a missing path is an error.
        yield from read_record(row, record | {"path": record["path"] or ""})


FORMAT = Format(
    name="jsonl",
    title="JSON lines",
    extension=".jsonl",
    media_type="application/x-ndjson",
    help="the same as CSV, a JSON object on each line",
    write=_write,
    read=_read,
    reads=(".jsonl", ".ndjson"),
)
