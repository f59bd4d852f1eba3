"""JSON lines: an object on each line, with the columns of the CSV table."""

import json

from skal.label.formats.format import Format
from skal.label.formats.problems import LabelProblem, parse_json
from skal.label.formats.rows import COLUMNS, read_record, values_of

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
        record = parse_json(line)
        if isinstance(record, dict):
            yield from read_record(f"row {number}", record)
        else:
            yield LabelProblem(f"row {number}", "JSON", "each line must be a JSON object")


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
