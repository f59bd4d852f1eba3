"""Tables of labels: CSV or JSON lines with a row for each recording or part of one."""

import csv
import difflib
import json
import math
import os
import re

from skal.datasets._problems import DatasetError, Problem

__all__ = ["as_number", "read_csv", "read_table"]

_COLUMNS = ("path", "label", "group", "fold", "split", "start", "end")
_NEEDED = ("path", "label")
_SPLITS = ("train", "validation", "test")
# The cells of a row that the header has no names for; no header has this name.
_TOO_MANY = "\0"


def read_csv(path, needed, problems):
    """Return the rows of a CSV file as dicts, after a look at its header.

    Parameters
    ----------
    path : path-like
        The file, UTF-8, with a header.
    needed : sequence of str
        Columns that must be there.
    problems : list of Problem
        Where to note rows that have more cells than the header, which are left out.

    Returns
    -------
    list of tuple (where, row)
        How to name each row, by the line in which it ends, and its cells.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    DatasetError
        If columns are missing, or it is not text.
    """
    rows = []
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True, restkey=_TOO_MANY)
            columns = reader.fieldnames or []
            for row in reader:
                rows.append((f"{os.fspath(path)}, line {reader.line_num}", row))
    except FileNotFoundError:
        raise FileNotFoundError(
            f"there is no {os.fspath(path)!r}: is this the folder of the data set as published?"
        ) from None
    except (UnicodeDecodeError, csv.Error) as error:
        problem = Problem(os.fspath(path), str(error), "save it as CSV in UTF-8")
        raise DatasetError("the table cannot be read:", [problem]) from error
    check_columns(path, columns, needed)
    reason, advice = "more cells than the header has", "put cells with a comma in quotes"
    problems += [Problem(where, reason, advice) for where, row in rows if _TOO_MANY in row]
    return [(where, row) for where, row in rows if _TOO_MANY not in row]


def check_columns(path, columns, needed):
    """Raise an error that names all missing columns.

    Parameters
    ----------
    path : path-like
        The table.
    columns : sequence of str
        What it has.
    needed : sequence of str
        What it must have.

    Raises
    ------
    DatasetError
        If any is missing.
    """
    problems = []
    if not columns:
        problems.append(Problem(os.fspath(path), "empty", "it needs a header"))
    elif len(columns) == 1 and (separator := re.search(r"[;\t]", columns[0])):
        reason = f"its cells are separated by {separator[0]!r}"
        problems.append(Problem(os.fspath(path), reason, "save it with commas"))
    for name in () if problems else needed:
        if name not in columns:
            near = difflib.get_close_matches(name, columns, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(columns)}"
            problems.append(Problem(os.fspath(path), f"no column {name!r}", hint))
    if problems:
        raise DatasetError("the table lacks its columns:", problems)


def read_table(path, folder):
    """Read a table of labels.

    Parameters
    ----------
    path : path-like
        CSV with a header, or JSON lines (``.jsonl``, ``.ndjson``, ``.json``).
    folder : pathlib.Path
        What its paths are relative to.

    Returns
    -------
    rows : list of dict
        ``path`` (with the folder), ``label`` (None: not known) and, where the table has them,
        ``group``, ``fold``, ``split``, ``start`` and ``end``.
    problems : list of Problem
        Rows that are not among these, and why.

    Raises
    ------
    DatasetError
        If the table has no ``path`` or ``label``, or it is not text.
    """
    problems = []
    if os.path.splitext(path)[1].lower() in {".jsonl", ".ndjson", ".json"}:
        raw = _read_json_lines(path, problems)
    else:
        raw = read_csv(path, _NEEDED, problems)
    rows, seen = [], {}
    for where, row in raw:
        try:
            row = _understood(row, folder)
        except ValueError as error:
            problems.append(Problem(where, str(error), "correct the row"))
            continue
        key = (os.path.abspath(row["path"]), row.get("start"), row.get("end"))
        if key in seen:
            reason = f"{row['path']!r} is in {seen[key]} already"
            problems.append(Problem(where, reason, "remove one of the rows"))
            continue
        seen[key] = where.rpartition(", ")[2]
        rows.append(row)
    return rows, problems


def _read_json_lines(path, problems):
    try:
        with open(path, encoding="utf-8-sig") as file:
            lines = file.read().split("\n")
    except UnicodeDecodeError as error:
        problem = Problem(os.fspath(path), str(error), "save it in UTF-8")
        raise DatasetError("the table cannot be read:", [problem]) from error
    rows = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{os.fspath(path)}, line {number}"
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            row = error
        if isinstance(row, dict):
            rows.append((where, row))
        else:
            advice = 'one object in a line, such as {"path": ..., "label": ...}'
            problems.append(Problem(where, "no JSON object", advice))
    columns = list(dict.fromkeys(name for _, row in rows for name in row))
    if columns or not problems:
        check_columns(path, columns, _NEEDED)
    return rows


def _understood(raw, folder):
    row = {name: raw[name] for name in _COLUMNS if raw.get(name) not in (None, "")}
    if "path" not in row:
        raise ValueError("no path")
    # In one spelling: "./a.wav" and "a.wav" are one recording, also where data are split.
    row["path"] = os.path.join(folder, os.path.normpath(str(row["path"])))
    # Spaces that come with a separator or a spreadsheet make no class of their own.
    row["label"] = str(row.get("label", "")).strip() or None
    if "group" in row:
        row["group"] = str(row["group"])
    for name in ("fold", "start", "end"):
        if name in row:
            row[name] = as_number(row[name], name)
    if not float(row.get("fold", 0)).is_integer():
        raise ValueError(f"fold is {row['fold']!r}, not a whole number")
    if row.get("split", "train") not in _SPLITS:
        raise ValueError(f"split is {row['split']!r}, not one of {', '.join(_SPLITS)}")
    if "start" in row and "end" not in row:
        raise ValueError("a start without an end")
    if "end" in row and not 0 <= row.get("start", 0.0) < row["end"]:
        raise ValueError(f"start={row.get('start', 0.0)}, end={row['end']}: 0 <= start < end")
    if not os.path.lexists(row["path"]):
        raise ValueError(f"there is no file {row['path']!r}")
    return row


def as_number(cell, name):
    """Return a cell as a number.

    Parameters
    ----------
    cell : object
        The cell. Tables that were saved with gaps have 1.0 for 1.
    name : str
        Its column.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If it is no finite number.
    """
    try:
        number = float(cell)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{name} is {cell!r}, not a number")
    return number
