"""Read labels that were made elsewhere: CSV, JSON lines, Label Studio's JSON."""

import csv
import difflib
import io
import json
import os
from pathlib import Path

from skal.label.asking.records import ImportedLabel
from skal.label.formats.cells import unsafe_cell
from skal.label.formats.label_studio import read_tasks
from skal.label.formats.problems import LabelFileError, LabelProblem, check_span

__all__ = ["read_labels"]

_NEEDED = ("path", "label")
_KINDS = ("label", "skip", "unsure", "bad")
_ENCODING = "not UTF-8; save the file as UTF-8"


def read_labels(path):
    """Read labels from a file.

    A CSV table needs the columns ``path`` and ``label`` and may have ``start`` and ``end``
    (s; empty: the whole recording); commas, semicolons or tabs between its cells. JSON lines
    have objects with the same keys. Both may be what `export_labels` wrote: rows of clips that
    were skipped (``kind``) or have no label are passed over. JSON with a list in it is taken as
    Label Studio's.

    Parameters
    ----------
    path : path-like
        The file: ``.csv``, ``.tsv``, ``.txt``, ``.jsonl``, ``.ndjson`` or ``.json``.

    Returns
    -------
    list of ImportedLabel
        Paths as they are in the file; addresses of Label Studio as the paths that they stand
        for.

    Raises
    ------
    LabelFileError
        If anything is wrong. It lists every problem with its row and key, and nothing is taken.
    FileNotFoundError
        If there is no such file.
    """
    path = Path(path)
    content = _decoded(path)
    found = _READERS.get(path.suffix.lower(), _from_csv)(content)
    labels, problems = {}, []
    for item in found:
        problem = item if isinstance(item, LabelProblem) else _add(labels, *item)
        if problem is not None:
            problems.append(problem)
    if problems:
        raise LabelFileError(path, problems)
    return [
        ImportedLabel(path=path, start=start, end=end, label=label)
        for (path, start, end), (label, _) in labels.items()
    ]


def _decoded(path):
    content = path.read_bytes()
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise LabelFileError(path, [LabelProblem("row 1", "text", f"UTF-16, {_ENCODING}")])
    # Bytes that are no UTF-8 survive in names of files, which may be any bytes.
    return content.decode("utf-8-sig", errors="surrogateescape")


def _add(labels, row, path, start, end, label):
    """Take in a label, or say what is wrong with it."""
    clip = (path, start, end)
    if not path:
        return LabelProblem(row, "path", "empty")
    if not _is_text(label):
        return LabelProblem(row, "label", _ENCODING)
    before = labels.setdefault(clip, (label, row))
    if before[0] != label:
        reason = f"{label!r}, but {path!r} is {before[0]!r} in {before[1]}; keep one of them"
        return LabelProblem(row, "label", reason)
    return None


def _is_text(label):
    return not any("\ud800" <= character <= "\udfff" for character in label)


def _json(text):
    """Return what JSON text says, or the reason why it says nothing."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        return error


def _from_json(content):
    tasks = _json(content)
    if isinstance(tasks, list):
        return read_tasks(tasks)
    found = tasks if isinstance(tasks, Exception) else f"found is a {type(tasks).__name__}"
    return [LabelProblem("task 1", "JSON", f"needed is a list of tasks; {found}")]


def _from_json_lines(content):
    for number, line in enumerate(content.split("\n"), start=1):
        if not line.strip():
            continue
        record = _json(line)
        if isinstance(record, dict):
            yield from _understood(f"row {number}", record)
        else:
            yield LabelProblem(f"row {number}", "JSON", "no JSON object; one is needed a line")


def _from_csv(content):
    # European spreadsheets write semicolons where the comma is for decimals.
    separator = max(",;\t", key=content.split("\n", 1)[0].count)
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=separator, strict=True)
    try:
        rows = list(reader)
    except csv.Error as error:
        return [LabelProblem(f"line {reader.line_num}", "quotes", str(error))]
    columns = [cell.strip() for cell in rows[0]] if rows else []
    problems = [_missing(name, columns) for name in _NEEDED if name not in columns]
    problems += [
        LabelProblem("row 1", name, "there are several columns of this name")
        for name in sorted({name for name in columns if name and columns.count(name) > 1})
    ]
    return problems or _from_rows(rows, columns)


def _missing(name, columns):
    near = difflib.get_close_matches(name, columns, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"the header has {', '.join(columns)}"
    return LabelProblem("row 1", name, f"no such column; {hint}")


def _from_rows(rows, columns):
    for number, cells in enumerate(rows[1:], start=2):
        row = f"row {number}"
        if not any(cells):
            continue
        if len(cells) != len(columns):
            yield LabelProblem(row, "cells", f"{len(cells)}, but the header has {len(columns)}")
            continue
        record = {name: unsafe_cell(cell) for name, cell in zip(columns, cells, strict=True)}
        yield from _understood(row, record)


def _understood(row, record):
    """Yield the label of a row, its problems, or nothing where it has no label."""
    kind = record.get("kind") or "label"
    if kind not in _KINDS:
        yield LabelProblem(row, "kind", f"{kind!r}; allowed: {', '.join(_KINDS)}")
        return
    label = record.get("label")
    if kind != "label" or label in (None, ""):
        return
    problems = [
        LabelProblem(row, key, f"{record.get(key)!r} is no text")
        for key in _NEEDED
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
        problems.append(LabelProblem(row, key, f"{value!r} is no number of seconds"))
        return None


_READERS = {".json": _from_json, ".jsonl": _from_json_lines, ".ndjson": _from_json_lines}
