"""Thresholds: minimum probabilities of predicted classes."""

import os

from skal._utils.files.delimited import read_cells, unsafe_cell
from skal._utils.files.saved_models import ModelError
from skal._utils.files.table_times import as_seconds

__all__ = ["NONE", "check_thresholds", "or_none", "read_thresholds"]

# The label of a clip without a sufficiently probable class.
NONE = "none of these"


def read_thresholds(text):
    """Read a threshold, or a table with a class and its threshold in each row."""
    try:
        return _share(text)
    except ValueError as error:
        if not os.path.isfile(text):
            raise ModelError(
                f"threshold {text!r}: neither a number from 0 to 1 nor a table of label,threshold"
            ) from error
    with open(text, encoding="utf-8-sig") as file:
        rows, separator = read_cells(file.read())
    found = {}
    for row in rows:
        try:
            found[unsafe_cell(row.cells[0])] = _share(as_seconds(row.cells[1], separator))
        except (IndexError, ValueError) as error:
            if row is not rows[0]:  # a header
                raise ModelError(
                    f"{text}, line {row.line}: not a class and a threshold from 0 to 1"
                ) from error
    return found


def _share(value):
    number = float(value)
    if not 0 <= number <= 1:
        raise ValueError(f"{value} is not between 0 and 1")
    return number


def _by_class(threshold):
    return isinstance(threshold, dict)


def or_none(found, threshold, nothing=None):
    """Return a prediction, or NONE below its threshold and for the class `nothing`."""
    if found.problem is None and nothing is not None and str(found.label) == nothing:
        return found._replace(label=NONE)
    if threshold is None or found.problem is not None:
        return found
    least = threshold.get(str(found.label), 0) if _by_class(threshold) else threshold
    return found._replace(label=NONE) if found.probabilities.max() < least else found


def check_thresholds(threshold, classes):
    """Refuse a threshold of a class that the model lacks."""
    names = [str(name) for name in classes]
    unknown = set(threshold) - set(names) if _by_class(threshold) else ()
    if unknown:
        raise ModelError(
            f"a threshold is given for {sorted(unknown)[0]!r}, which is not a class of the "
            "model; it has "
            f"{', '.join(names)}"
        )
