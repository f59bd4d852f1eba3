"""Checks shared by the loaders of published data sets."""

import os
from collections import Counter
from pathlib import Path

from skal._utils.hints import did_you_mean
from skal._utils.sound.broken import Broken
from skal.datasets._problems import report_problems

__all__ = ["check_files", "one_to_one", "whole_number"]


def whole_number(row, column, where, problems):
    """Return a cell as an int, or add a problem and return None."""
    try:
        return int(row[column])
    except (TypeError, ValueError):
        reason = f"{column} is {row[column]!r}, not a whole number"
        problems.append(Broken(where, reason, "correct the row"))
        return None


def one_to_one(pairs, names, where):
    """Return a problem for every key with several values, and every value with several keys."""
    problems = []
    unique = list(dict.fromkeys(pairs))
    for side in (0, 1):
        counts = Counter(pair[side] for pair in unique)
        for value in (value for value, count in counts.items() if count > 1):
            others = sorted(str(pair[1 - side]) for pair in unique if pair[side] == value)
            reason = (
                f"{names[side]} {value!r} has more than one {names[1 - side]}: {', '.join(others)}"
            )
            problems.append(Broken(where, reason, "one of the two is wrong"))
    return problems


def check_files(rows, folder, sounds, problems, on_error):
    """Compare a table with the files in a folder, and report all problems together."""
    there = set(sounds)
    named = {}
    for row in rows:
        path = row["path"]
        if path in named:
            problems.append(Broken(row["where"], f"{path!r} is listed twice", "remove a row"))
        elif path not in there:
            problems.append(_missing(row, there))
        named.setdefault(path, row)
    kept = [named[path] for path in sounds if path in named]
    report_problems(f"{len(problems)} problems in {str(folder)!r}:", problems, on_error)
    if not kept:
        raise FileNotFoundError(f"no recordings in {str(folder)!r} that its table names")
    return kept, [path for path in sounds if path not in named]


def _missing(row, there):
    folder = os.path.dirname(row["path"])
    names = [Path(path).name for path in there if os.path.dirname(path) == folder][:2000]
    # Numbered names are similar: with a lower cutoff there would always be a suggestion.
    otherwise = "download it again, or remove the row"
    hint = did_you_mean(os.path.basename(row["path"]), names, otherwise, cutoff=0.8)
    return Broken(row["where"], f"there is no file {row['path']!r}", hint)
