"""Probabilities below which a clip is none of the classes."""

import os

from skal._utils.saved_models import ModelError
from skal._utils.tables import as_seconds, read_cells, unsafe_cell

__all__ = ["NONE", "check_thresholds", "or_none", "read_thresholds"]

# What a clip is called that no class is probable enough for.
NONE = "none of these"


def read_thresholds(text):
    """Return the threshold that a text is, or those of a table with a class and one each row.

    Parameters
    ----------
    text : str
        A number, or the path of a table.

    Returns
    -------
    float or dict of str to float

    Raises
    ------
    ModelError
        If it is neither.
    """
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
        raise ValueError(f"{value} is not a share")
    return number


def _by_class(threshold):
    return isinstance(threshold, dict)


def or_none(found, threshold, nothing=None):
    """Return a prediction, or that it is none of the classes, or nothing of interest."""
    if found.problem is None and nothing is not None and str(found.label) == nothing:
        return found._replace(label=NONE)
    if threshold is None or found.problem is not None:
        return found
    least = threshold.get(str(found.label), 0) if _by_class(threshold) else threshold
    return found._replace(label=NONE) if found.probabilities.max() < least else found


def check_thresholds(threshold, classes):
    """Refuse a threshold of a class that a model does not know."""
    names = [str(name) for name in classes]
    unknown = set(threshold) - set(names) if _by_class(threshold) else ()
    if unknown:
        raise ModelError(
            f"the model has no class {sorted(unknown)[0]!r}, which has a threshold; it has "
            f"{', '.join(names)}"
        )
