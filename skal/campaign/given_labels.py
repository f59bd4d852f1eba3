"""Labels from the caller, in any container, with marks of unlabeled rows."""

import numbers

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from skal._utils.rows.containers import is_pandas, is_polars

_NO_CLASS = -1


def check_labels(y, unlabeled, n_samples, name="y"):
    """Split labels into known and unknown labels."""
    # Find marks before NumPy converts to a common type, which turns -1 in ["low", -1] into "-1".
    values = as_values(y, name)
    if len(values) != n_samples:
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: X has {n_samples} rows, "
            f"{name} has {len(values)} labels"
        )
    known = ~(is_missing(values) | _equals(values, unlabeled))
    typed = as_typed(values[known], name)
    if known.any():
        check_classification_targets(typed)
    if known.all():
        return typed, known
    labels = np.full(len(values), None, dtype=object)
    labels[known] = typed
    return labels, known


def as_values(values, name):
    """Return a column as a 1-D array with the caller's entries."""
    if isinstance(values, np.ma.MaskedArray):
        masked = np.ma.getmaskarray(values)
        values = values.data.astype(object)
        values[masked] = None
    if (is_pandas(values) or is_polars(values)) and len(values.shape) == 2:
        if values.shape[1] == 1:
            values = values.to_numpy()  # refuse it or warn, as for any column vector
    elif isinstance(values, (list, tuple)) or _is_column(values):
        values = _unchanged(list(values))
    values = np.asarray(values)
    if values.ndim == 0 or (values.ndim > 1 and values.shape[1:] != (1,)):
        raise ValueError(
            f"{name} should be a 1d array, got an array of shape {values.shape} instead. "
            "Give a list or an array"
        )
    values = column_or_1d(values, warn=True)
    if values.dtype.kind in "TMm":  # StringDType has a mark of its own, dates have NaT
        values = _unchanged(list(values))
    _refuse_bytes(values, name)
    return values


def _is_column(values):
    """Tell whether values are a Series, an Index or an extension array of pandas or polars."""
    return type(values).__module__.partition(".")[0] in {"pandas", "polars"}


def _unchanged(items):
    """Return an array of objects with the items of a list; a nested list becomes an array."""
    if any(isinstance(item, (list, tuple)) or np.ndim(item) > 0 for item in items):
        return np.asarray(items)
    values = np.empty(len(items), dtype=object)
    values[:] = items
    return values


def _refuse_bytes(values, name):
    if values.dtype.kind == "S":
        bytes_at = np.arange(len(values))
    elif values.dtype == object:
        bytes_at = [i for i, v in enumerate(values) if isinstance(v, (bytes, bytearray))]
    else:
        return
    if len(bytes_at):
        first = values[bytes_at[0]]
        raise ValueError(
            f"{name} has bytes ({first!r}, entry {bytes_at[0]}), which are not text: decode them "
            f"first, for example [label.decode() for label in {name}]"
        )


def is_missing(values):
    """Tell which entries are missing: None, NaN, and the NA and NaT of NumPy and pandas."""
    if values.dtype.kind in "fc":
        return np.isnan(values)
    if values.dtype != object:
        return np.zeros(len(values), dtype=bool)
    return np.fromiter((_is_nothing(value) for value in values), bool, len(values))


def _is_nothing(value):
    # NaN and NaT are the values that differ from themselves; pandas' NA will not even say so.
    return value is None or type(value).__name__ == "NAType" or bool(value != value)


def _equals(values, unlabeled):
    """Tell which entries equal the caller's mark."""
    if unlabeled is None or _is_nothing(unlabeled):
        return np.zeros(len(values), dtype=bool)
    if values.dtype == object:
        found = (not _is_nothing(v) and bool(v == unlabeled) for v in values)
        return np.fromiter(found, bool, len(values))
    if isinstance(unlabeled, str) != (values.dtype.kind == "U"):
        return np.zeros(len(values), dtype=bool)  # numbers are never equal to text
    return np.broadcast_to(np.asarray(values == unlabeled, dtype=bool), values.shape)


def as_typed(values, name):
    """Return values, none of them missing, in a common type: text, numbers, or booleans."""
    if values.dtype != object or len(values) == 0:
        return values
    text = np.fromiter((isinstance(value, str) for value in values), bool, len(values))
    if text.all():
        return np.array(values.tolist(), dtype=str)
    kinds = (numbers.Number, np.number, np.bool_)
    odd = [i for i in np.flatnonzero(~text) if not isinstance(values[i], kinds)]
    if odd:
        kind = type(values[odd[0]]).__name__
        raise ValueError(
            f"Unknown label type: {name} has {values[odd[0]]!r} (entry {odd[0]}), a {kind}; "
            "classes are text, integers or truth values"
        )
    if text.any():
        i, j = np.flatnonzero(text)[0], np.flatnonzero(~text)[0]
        raise ValueError(
            f"{name} mixes text ({values[i]!r}, entry {i}) and numbers ({values[j]!r}, entry "
            f"{j}): write all classes in one way"
        )
    return np.asarray(values.tolist())


def find_classes(labels, known, classes, unlabeled=_NO_CLASS):
    """Return all classes, sorted, and the position of each label among them."""
    present = as_typed(labels[known], "y") if known.any() else np.empty(0)
    if classes is not None:
        classes = _listed_classes(classes, unlabeled)
    elif known.any():
        classes = np.unique(present)
        _check_not_marks(classes, known, unlabeled)
    else:
        raise ValueError(
            "y has no labels, so the classes are unknown: give all of them, "
            "ActiveLearningClassifier(..., classes=[...])"
        )
    codes = np.full(len(labels), -1, dtype=np.intp)
    codes[known] = encode(present, classes)
    return classes, codes


def _listed_classes(classes, unlabeled):
    values = as_values(classes, "classes")
    values = values[~is_missing(values)]
    if _equals(values, unlabeled).any():
        raise ValueError(
            f"classes lists {unlabeled!r}, which marks a row without a label "
            f"(unlabeled={unlabeled!r}). Leave it out, or set unlabeled=None to make it a class."
        )
    if len(values) == 0:
        raise ValueError("classes is empty: list all classes, or leave it out")
    return np.unique(as_typed(values, "classes"))


def _check_not_marks(classes, known, unlabeled):
    """Refuse classes that are really a mark, or a single class left by a mark."""
    if len(classes) == 1 and not known.all():
        raise ValueError(
            f"without the rows marked as unlabeled, y has one class, {classes[0].item()!r}. If "
            f"the mark {unlabeled!r} is a class, set unlabeled=None (or another mark). If "
            "further classes are still to come, list all of them: classes=[...]."
        )
    texts = {"nan", "<NA>", "NaT"} if classes.dtype.kind == "U" else set()
    if texts and isinstance(unlabeled, numbers.Number):
        texts.add(str(unlabeled))
    suspects = [text for text in classes.tolist() if text in texts]
    if suspects:
        raise ValueError(
            f"y has the text {suspects[0]!r}, which is what a list or a table makes of the mark "
            f"of a row without a label. Give the marks as they are, in a list or an array of "
            f"objects, or set unlabeled={suspects[0]!r}. If it is a class, list all classes: "
            "classes=[...]."
        )


def encode(labels, classes):
    """Return the position of each label in `classes`."""
    labels = as_typed(np.asarray(labels), "y")
    if len(labels) == 0:
        return np.empty(0, dtype=np.intp)
    both_text = (labels.dtype.kind == "U") == (classes.dtype.kind == "U")
    unknown = ~np.isin(labels, classes) if both_text else np.ones(len(labels), dtype=bool)
    if unknown.any():
        names = ", ".join(repr(name) for name in classes[:20].tolist())
        raise ValueError(
            f"label {labels[unknown][0].item()!r} (entry {np.flatnonzero(unknown)[0]}) is not "
            f"one of the {len(classes)} classes: {names}. To allow more, give all of them in "
            "advance: "
            "ActiveLearningClassifier(..., classes=[...])"
        )
    return np.searchsorted(classes, labels).astype(np.intp)
