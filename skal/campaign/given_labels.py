"""Labels from the caller, in any container, with a marker for unlabeled rows."""

import numbers

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from skal._utils.rows.containers import is_frame

# What becomes of a marker when a list or a table converts everything to text.
_MARKS_AS_TEXT = {"nan", "<NA>", "NaT"}


def check_labels(y, unlabeled, n_samples, name="y"):
    """Return the known labels in a common type, and which rows have one."""
    # Find markers before NumPy converts to a common type, which turns -1 in ["low", -1] into "-1".
    values = as_values(y, name, n_samples)
    known = ~is_missing(values, unlabeled)
    labels = as_typed(values[known], name)
    if known.any():
        check_classification_targets(labels)
    return labels, known


def as_values(values, name, n_samples=None):
    """Return a column as a 1-D array of objects with the caller's entries."""
    if isinstance(values, np.ma.MaskedArray):
        values = values.tolist()  # None for masked entries
    elif is_frame(values):
        values = values.to_numpy()  # 2-D now: the checks below refuse it or warn
    if not _is_column(values):
        values = np.asarray(values)
        if values.ndim == 0 or (values.ndim > 1 and values.shape[1:] != (1,)):
            raise ValueError(
                f"{name} should be a 1d array, got an array of shape {values.shape} instead. "
                "Give a list or an array"
            )
        values = column_or_1d(values, warn=True)
    if n_samples not in (None, len(values)):
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: X has {n_samples} rows, "
            f"{name} has {len(values)} entries"
        )
    found = np.empty(len(values), dtype=object)
    found[:] = list(values)
    for i, value in enumerate(found):
        if isinstance(value, (bytes, bytearray)):
            raise ValueError(
                f"{name} has bytes ({value!r}, entry {i}), which are not text: decode them first, "
                f"for example [label.decode() for label in {name}]"
            )
    return found


def _is_column(values):
    """Return whether values are a sequence of the caller's objects: not an array, not nested."""
    if isinstance(values, (list, tuple)):
        return not any(isinstance(item, (list, tuple)) or np.ndim(item) > 0 for item in values)
    return type(values).__module__.partition(".")[0] in {"pandas", "polars"}


def is_missing(values, unlabeled=None):
    """Return which entries are missing, or equal the caller's marker."""
    marked = unlabeled is not None and not _is_nothing(unlabeled)
    found = (_is_nothing(v) or (marked and bool(v == unlabeled)) for v in values)
    return np.fromiter(found, bool, len(values))


def _is_nothing(value):
    """Return whether a value is None, NaN, or the NA or NaT of NumPy and pandas."""
    # NaN and NaT are the values that differ from themselves; pandas' NA will not even say so.
    return value is None or type(value).__name__ == "NAType" or bool(value != value)


def as_typed(values, name):
    """Return objects, none of them missing, in a common type: text, numbers, or booleans."""
    text = np.fromiter((isinstance(value, str) for value in values), bool, len(values))
    kinds = (numbers.Number, np.number, np.bool_)
    for i in np.flatnonzero(~text):
        if not isinstance(values[i], kinds):
            raise ValueError(
                f"Unknown label type: {name} has {values[i]!r} (entry {i}), a "
                f"{type(values[i]).__name__}; classes are text, integers or truth values"
            )
    if text.any() and not text.all():
        i, j = np.argmax(text), np.argmin(text)
        raise ValueError(
            f"{name} mixes text ({values[i]!r}, entry {i}) and numbers ({values[j]!r}, entry "
            f"{j}): write all classes in one way"
        )
    return np.array(values.tolist(), dtype=str if text.any() else None)


def find_classes(labels, known, classes, unlabeled=-1):
    """Return all classes, sorted."""
    if classes is not None:
        return _listed_classes(classes, unlabeled)
    if not known.any():
        raise ValueError(
            "y has no labels, so the classes are unknown: give all of them, "
            "ActiveLearningClassifier(..., classes=[...])"
        )
    classes = np.unique(labels)
    _check_not_marks(classes, known, unlabeled)
    return classes


def _listed_classes(classes, unlabeled):
    values = as_values(classes, "classes")
    values = values[~is_missing(values)]
    if is_missing(values, unlabeled).any():
        raise ValueError(
            f"classes lists {unlabeled!r}, which marks a row without a label "
            f"(unlabeled={unlabeled!r}). Leave it out, or set unlabeled=None to make it a class."
        )
    if len(values) == 0:
        raise ValueError("classes is empty: list all classes, or leave it out")
    return np.unique(as_typed(values, "classes"))


def _check_not_marks(classes, known, unlabeled):
    """Refuse classes that are really a marker, or a single class left by a marker."""
    if len(classes) == 1 and not known.all():
        raise ValueError(
            f"without the rows marked as unlabeled, y has one class, {classes[0].item()!r}. If "
            f"the marker {unlabeled!r} is a class, set unlabeled=None (or another marker). If "
            "further classes are still to come, list all of them: classes=[...]."
        )
    texts = {*_MARKS_AS_TEXT, str(unlabeled)} if unlabeled is not None else _MARKS_AS_TEXT
    suspects = [text for text in classes.tolist() if text in texts]
    if suspects:
        raise ValueError(
            f"y contains the text {suspects[0]!r}: the marker for unlabeled rows seems to have "
            f"been converted to text. Pass y as a list or an object array, or set "
            f"unlabeled={suspects[0]!r}. If it is a class, list all classes: classes=[...]."
        )


def encode(labels, known, classes):
    """Return the position of the label of each row in `classes`, -1 for an unknown one."""
    codes = np.full(len(known), -1, dtype=np.intp)
    if not known.any():
        return codes
    both_text = (labels.dtype.kind == "U") == (classes.dtype.kind == "U")
    strange = ~np.isin(labels, classes) if both_text else np.ones(len(labels), dtype=bool)
    if strange.any():
        names = ", ".join(repr(name) for name in classes[:20].tolist())
        raise ValueError(
            f"label {labels[strange][0].item()!r} (entry {np.flatnonzero(known)[strange][0]}) is "
            f"not one of the {len(classes)} classes: {names}. To allow more, give all of them in "
            "advance: ActiveLearningClassifier(..., classes=[...])"
        )
    codes[known] = np.searchsorted(classes, labels)
    return codes
