"""Tables of labels: CSV or JSON lines with a row for each recording or part of one."""

import json
import math
import os
from pathlib import Path

from skal._utils.files.delimited import TableError, is_missing, near_name, read_cells, unsafe_cell
from skal._utils.files.table_times import as_seconds, time_columns
from skal._utils.sound.broken import Broken
from skal.datasets._part_ends import within_recordings
from skal.datasets._problems import DatasetError

__all__ = ["as_number", "read_csv", "read_table"]

_COLUMNS = ("path", "label", "group", "fold", "split", "start", "end")
_NEEDED = ("path", "label")
_SPLITS = ("train", "validation", "test")
_NUMBERS = ("fold", "start", "end")
# Columns that are redundant if a table has start and end.
_DERIVED = ("duration", "length")


def read_csv(path, needed, problems):
    """Return the rows of a CSV file as dicts, after checking its header."""
    return _read_csv(path, needed, needed, problems)[0]


def _read_csv(path, known, needed, problems):
    """Return the rows as in `read_csv`, and the separator."""
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
        rows, separator = read_cells(text)
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{os.fspath(path)!r} not found: is this the folder of the published data set?"
        ) from None
    except (UnicodeDecodeError, TableError) as error:
        line = f", line {error.line}" if isinstance(error, TableError) else ""
        reason = error.reason if isinstance(error, TableError) else str(error)
        problem = Broken(os.fspath(path) + line, reason, "save it as CSV in UTF-8")
        raise DatasetError("the table cannot be read:", [problem]) from error
    names = _named([cell.strip() for cell in rows[0].cells] if rows else [], known, path)
    check_columns(path, names, needed)
    found = []
    for _, line, cells in rows[1:]:
        where = f"{os.fspath(path)}, line {line}"
        if len(cells) == len(names):
            values = map(unsafe_cell, cells)
            found.append((where, dict(zip(names, values, strict=True))))
        else:
            reason = f"{'more' if len(cells) > len(names) else 'fewer'} cells than the header has"
            problems.append(Broken(where, reason, "put cells with a comma in quotes"))
    return found, separator


def _named(names, known, where):
    """Return column names, with the spelling of known columns."""
    lower = {name.casefold(): name for name in known}
    names = [lower.get(name.strip().casefold(), name) for name in names]
    several = sorted({name for name in names if name in known and names.count(name) > 1})
    if several:
        problems = [
            Broken(os.fspath(where), f"several columns {name!r}", "keep one of them")
            for name in several
        ]
        raise DatasetError("the table has columns that contradict:", problems)
    return names


def check_columns(path, columns, needed):
    """Raise an error that names all missing columns."""
    problems = []
    if not columns:
        problems.append(Broken(os.fspath(path), "empty", "it needs a header"))
    for name in needed if columns else ():
        if name not in columns:
            hint = near_name(name, columns)
            problems.append(Broken(os.fspath(path), f"no column {name!r}", hint))
    if problems:
        raise DatasetError("the table lacks its columns:", problems)


def read_table(path, folder):
    """Read a table of labels."""
    problems, separator = [], ""
    if os.path.splitext(path)[1].lower() in {".jsonl", ".ndjson", ".json"}:
        raw = _read_json_lines(path, problems)
    else:
        raw, separator = _read_csv(path, _COLUMNS, _NEEDED, problems)
    _check_times(path, raw)
    rows, seen = [], {}
    for where, row in raw:
        try:
            row = _understood(row, folder, separator)
        except ValueError as error:
            problems.append(Broken(where, str(error), "correct the row"))
            continue
        key = (os.path.abspath(row["path"]), row.get("start"), row.get("end"))
        if key in seen:
            reason = f"{row['path']!r} is in {seen[key]} already"
            problems.append(Broken(where, reason, "remove one of the rows"))
            continue
        seen[key] = where.rpartition(", ")[2]
        rows.append((where, row))
    return within_recordings(rows, problems), problems


def _check_times(path, rows):
    """Raise an error if unknown columns contain times."""
    filled = dict.fromkeys(name for _, row in rows for name in row if not is_missing(row[name]))
    known = _COLUMNS + (_DERIVED if {"start", "end"} <= set(filled) else ())
    wrong = [
        Broken(os.fspath(path), f"column {name!r} looks like a time", "name it start or end (s)")
        for name in time_columns(filled, known)
    ]
    if wrong:
        raise DatasetError("the table has times that are not read:", wrong)


def _read_json_lines(path, problems):
    try:
        lines = Path(path).read_text("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        problem = Broken(os.fspath(path), str(error), "save it in UTF-8")
        raise DatasetError("the table cannot be read:", [problem]) from error
    rows = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{os.fspath(path)}, line {number}"
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            row = error
        if isinstance(row, dict):
            rows.append(
                (where, dict(zip(_named(row, _COLUMNS, where), row.values(), strict=True)))
            )
        else:
            advice = 'one object per line, such as {"path": ..., "label": ...}'
            problems.append(Broken(where, "not a JSON object", advice))
    columns = list(dict.fromkeys(name for _, row in rows for name in row))
    if columns or not problems:
        check_columns(path, columns, _NEEDED)
    return rows


def _understood(raw, folder, separator):
    row = {name: raw[name] for name in _COLUMNS if not is_missing(raw.get(name))}
    # In JSON, NaN is a missing value in text columns only; number columns keep it.
    row |= {name: raw[name] for name in _NUMBERS if isinstance(raw.get(name), float)}
    if "path" not in row:
        raise ValueError("no path")
    for name in ("path", "label", "group", "split"):
        if name in row:
            row[name] = _as_text(row[name], name)
    # Normalize: "./a.wav" and "a.wav" are the same recording, for example in splits.
    row["path"] = os.path.join(folder, os.path.normpath(row["path"]))
    # Spaces around a label do not make another class.
    row["label"] = row.get("label", "").strip() or None
    for name in _NUMBERS:
        if name in row:
            row[name] = as_number(row[name], name, separator)
    if not float(row.get("fold", 0)).is_integer():
        raise ValueError(f"fold is {row['fold']!r}, not a whole number")
    if row.get("split", "train") not in _SPLITS:
        raise ValueError(f"split is {row['split']!r}, not one of {', '.join(_SPLITS)}")
    if "start" in row and "end" not in row:
        raise ValueError("a start without an end")
    if "end" in row and not 0 <= row.get("start", 0.0) < row["end"]:
        raise ValueError(f"start={row.get('start', 0.0)}, end={row['end']}: 0 <= start < end")
    if not _is_below(row["path"], folder):
        raise ValueError(f"path {raw['path']!r} is outside the folder of recordings")
    if not os.path.lexists(row["path"]):
        raise ValueError(f"there is no file {row['path']!r}")
    return row


def _is_below(path, folder):
    # Links inside the folder may lead anywhere; a folder that is itself a link has two names.
    places = (os.path.abspath(folder), os.path.realpath(folder))
    return any(Path(os.path.abspath(path)).is_relative_to(place) for place in places)


def _as_text(value, name):
    """Return a value of JSON as text; pandas writes 1 as 1.0 in columns with gaps."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError(f"{name} is {value!r}, not text")
    is_whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if is_whole else str(value)


def as_number(cell, name, separator=","):
    """Return a cell as a number."""
    try:
        number = as_seconds(cell, separator)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{name} is {cell!r}, not a number")
    return number
