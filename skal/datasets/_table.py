"""Tables of labels: CSV or JSON lines with a row for each recording or part of one."""

import csv
import difflib
import json
import os

from skal.datasets._problems import DatasetError, Problem

__all__ = ["read_csv", "read_table"]

_COLUMNS = ("path", "label", "group", "fold", "split", "start", "end")
_NEEDED = ("path", "label")


def read_csv(path, needed):
    """Return the rows of a CSV file as dicts, after a look at its header.

    Parameters
    ----------
    path : path-like
        The file, UTF-8, with a header.
    needed : sequence of str
        Columns that must be there.

    Returns
    -------
    list of dict

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    DatasetError
        If columns are missing, or it is not text.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            rows = list(reader)
            columns = reader.fieldnames or []
    except FileNotFoundError:
        raise FileNotFoundError(
            f"there is no {os.fspath(path)!r}: is this the folder of the data set as published?"
        ) from None
    except (UnicodeDecodeError, csv.Error) as error:
        problem = Problem(os.fspath(path), str(error), "save it as CSV in UTF-8")
        raise DatasetError("the table cannot be read:", [problem]) from error
    check_columns(path, columns, needed)
    return rows


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
    for name in needed:
        if name not in columns:
            near = difflib.get_close_matches(name, columns, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(columns)}"
            problems.append(Problem(os.fspath(path), f"no column {name!r}", hint))
    if problems:
        raise DatasetError("the table lacks columns:", problems)


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
        If the table has no ``path`` or ``label``.
    """
    problems = []
    if os.path.splitext(path)[1].lower() in {".jsonl", ".ndjson", ".json"}:
        raw = _read_json_lines(path, problems)
        columns = list(dict.fromkeys(name for _, row in raw for name in row))
        check_columns(path, columns, _NEEDED)
    else:
        raw = list(enumerate(read_csv(path, _NEEDED), start=2))
    rows, seen = [], {}
    for number, row in raw:
        where = f"{os.fspath(path)}, line {number}"
        try:
            row = _understood(row, folder)
        except ValueError as error:
            problems.append(Problem(where, str(error), "correct the row"))
            continue
        key = (row["path"], row.get("start"), row.get("end"))
        if key in seen:
            reason = f"{row['path']!r} is in line {seen[key]} already"
            problems.append(Problem(where, reason, "remove one of the rows"))
            continue
        seen[key] = number
        rows.append(row)
    return rows, problems


def _read_json_lines(path, problems):
    rows = []
    with open(path, encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                row = error
            if isinstance(row, dict):
                rows.append((number, row))
            else:
                problems.append(
                    Problem(f"{os.fspath(path)}, line {number}", "no JSON object", "correct it")
                )
    return rows


def _understood(raw, folder):
    row = {name: raw[name] for name in _COLUMNS if raw.get(name) not in (None, "")}
    if "path" not in row:
        raise ValueError("no path")
    row["path"] = os.path.join(folder, str(row["path"]))
    row["label"] = str(row["label"]) if "label" in row else None
    if "group" in row:
        row["group"] = str(row["group"])
    for name, kind in (("fold", int), ("start", float), ("end", float)):
        if name in row:
            try:
                row[name] = kind(row[name])
            except (TypeError, ValueError):
                raise ValueError(f"{name} is {row[name]!r}, not a number") from None
    if "start" in row and "end" not in row:
        raise ValueError("a start without an end")
    if "end" in row and not 0 <= row.get("start", 0.0) < row["end"]:
        raise ValueError(f"start={row.get('start', 0.0)}, end={row['end']}: 0 <= start < end")
    if not os.path.lexists(row["path"]):
        raise ValueError(f"there is no file {row['path']!r}")
    return row
