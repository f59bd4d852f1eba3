"""Validation of what the caller gives: rows, labels, classes, amounts."""

import os
from numbers import Integral

import numpy as np
from sklearn.utils import column_or_1d, get_tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from skal._rows import n_rows


def check_rows(estimator, X, *, reset):
    """Validate X and return it, without a copy where it is an array already.

    Paths, and waveforms of different lengths, are rows as well: such a sequence is returned
    as it is. A DataFrame stays one, so that a Pipeline can pick its columns.

    Parameters
    ----------
    estimator : estimator
        Records, or has recorded, the number of features and their names.
    X : array-like, DataFrame or sequence
        The rows.
    reset : bool
        True in fit: record the number of features; else compare with it.

    Returns
    -------
    array-like, DataFrame or sequence
    """
    if _is_plain_sequence(X):
        if n_rows(X) == 0:
            raise ValueError("Found array with 0 sample(s): X is empty")
        return X
    if hasattr(X, "iloc") and not all(np.issubdtype(t, np.number) for t in _plain_dtypes(X)):
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        return X
    checked = validate_data(
        estimator,
        X,
        reset=reset,
        dtype="numeric",
        allow_nd=True,
        ensure_all_finite=not get_tags(estimator).input_tags.allow_nan,
    )
    return X if hasattr(X, "iloc") else checked


def _plain_dtypes(frame):
    return [t if isinstance(t, np.dtype) else np.dtype(object) for t in frame.dtypes]


def _is_plain_sequence(X):
    """Tell whether X is a 1-D sequence of things that make no matrix: paths, ragged waveforms."""
    if hasattr(X, "shape"):
        numeric = hasattr(X, "dtype") and getattr(X.dtype, "kind", "O") in "biufc"
        return len(X.shape) == 1 and not numeric
    if not isinstance(X, (list, tuple)) and hasattr(X, "__array__"):
        return False
    if not hasattr(X, "__len__") or not hasattr(X, "__getitem__"):
        return False  # scikit-learn's message says best what X is not
    if len(X) == 0:
        return False
    first = X[0]
    if isinstance(first, (str, os.PathLike)):
        return True
    if isinstance(first, np.ndarray) and first.ndim == 1:
        return len({len(row) for row in X}) > 1
    return not isinstance(first, (int, float, complex, np.ndarray, np.generic, list, tuple))


def check_labels(y, unlabeled, n_samples):
    """Split labels into known and unknown ones.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Labels; None and NaN are unknown, and so is what equals `unlabeled`.
    unlabeled : object
        The caller's mark of a row without a label, or None.
    n_samples : int
        Number of rows.

    Returns
    -------
    labels : ndarray of shape (n_samples,)
        As given.
    known : ndarray of shape (n_samples,), dtype bool
        Where there is a label.
    """
    y = y if hasattr(y, "dtype") else _as_labels(y)
    y = np.asarray(column_or_1d(np.asarray(y), warn=True))
    if len(y) != n_samples:
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: X has {n_samples} rows, "
            f"y has {len(y)} labels"
        )
    known = ~_is_mark(y, unlabeled)
    labels = y
    if y.dtype == object:
        labels = y.copy()
        labels[known] = np.asarray(list(y[known])) if known.any() else None
    if known.any():
        check_classification_targets(_infer(labels[known]))
    return labels, known


def _as_labels(y):
    """Make an array of a list in which None stands beside numbers or strings."""
    if not isinstance(y, (list, tuple)):
        return np.asarray(y)
    if any(value is None for value in y):
        labels = np.empty(len(y), dtype=object)
        labels[:] = y
        return labels
    return np.asarray(y)


def _is_mark(y, unlabeled):
    if y.dtype.kind == "f":
        marks = np.isnan(y)
    elif y.dtype == object:
        marks = np.equal(y, None).astype(bool) | (y != y).astype(bool)
    else:
        marks = np.zeros(len(y), dtype=bool)
    if unlabeled is None:
        return marks
    if y.dtype != object and isinstance(unlabeled, str) != (y.dtype.kind in "US"):
        return marks  # numbers are never equal to text, and numpy would warn about the question
    return marks | (y == unlabeled).astype(bool)


def _infer(values):
    """Return labels in their own type where they came as objects."""
    return np.asarray(list(values)) if values.dtype == object else values


def find_classes(labels, known, classes):
    """Return all classes, sorted, and the position of each label among them.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,)
        Labels.
    known : ndarray of shape (n_samples,), dtype bool
        Where there is one.
    classes : array-like of shape (n_classes,) or None
        All classes, where the labels known so far may miss some.

    Returns
    -------
    classes : ndarray of shape (n_classes,)
        Sorted.
    codes : ndarray of shape (n_samples,), dtype intp
        Position of each label in `classes`, -1 where it is unknown.
    """
    present = _infer(labels[known]) if known.any() else np.empty(0)
    if classes is None:
        if not known.any():
            raise ValueError(
                "no label is known, so the classes are not either: give all of them, "
                "ActiveLearningClassifier(..., classes=[...])"
            )
        classes = np.unique(present)
    else:
        classes = np.unique(np.asarray(classes))
    codes = np.full(len(labels), -1, dtype=np.intp)
    codes[known] = encode(present, classes)
    return classes, codes


def encode(labels, classes):
    """Return the position of each label in `classes`.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,)
        Labels, all of them known.
    classes : ndarray of shape (n_classes,)
        All classes, sorted.

    Returns
    -------
    ndarray of shape (n_samples,), dtype intp

    Raises
    ------
    ValueError
        If a label is none of the classes.
    """
    labels = _infer(np.asarray(labels))
    if len(labels) == 0:
        return np.empty(0, dtype=np.intp)
    both_text = (labels.dtype.kind in "US") == (classes.dtype.kind in "US")
    unknown = ~np.isin(labels, classes) if both_text else np.ones(len(labels), dtype=bool)
    if unknown.any():
        names = ", ".join(repr(name) for name in classes[:20].tolist())
        raise ValueError(
            f"label {labels[unknown][0].item()!r} (entry {np.flatnonzero(unknown)[0]}) is none of "
            f"the {len(classes)} classes: {names}. To allow more, give all of them in advance: "
            "ActiveLearningClassifier(..., classes=[...])"
        )
    return np.searchsorted(classes, labels).astype(np.intp)


def amount(value, total):
    """Return a number of rows, given as it is or as a share of `total`.

    Parameters
    ----------
    value : int, float or None
        A number, a share (rounded up), or None for all.
    total : int
        What a share refers to.

    Returns
    -------
    int
    """
    if value is None:
        return total
    if isinstance(value, Integral):
        return int(value)
    return int(np.ceil(value * total - 1e-9))


def check_column(values, name, n_samples):
    """Return a column that goes along with X as an array, or None.

    Parameters
    ----------
    values : array-like of shape (n_samples,) or None
        Groups or weights.
    name : str
        For the message.
    n_samples : int
        Number of rows of X.

    Returns
    -------
    ndarray of shape (n_samples,) or None
    """
    if values is None:
        return None
    values = np.asarray(values)
    if values.ndim != 1 or len(values) != n_samples:
        raise ValueError(
            f"{name} must have one entry for each of the {n_samples} rows of X, not shape "
            f"{values.shape}"
        )
    return values


def check_starts(starts, n_samples):
    """Return where the rows start in their recordings as an array of floats, or None.

    Parameters
    ----------
    starts : array-like of shape (n_samples,) or None
        What the caller gave, in s.
    n_samples : int
        Number of rows of X.

    Returns
    -------
    ndarray of shape (n_samples,) or None
    """
    starts = check_column(starts, "starts", n_samples)
    if starts is None:
        return None
    starts = starts.astype(float)
    if not np.isfinite(starts).all():
        row = np.flatnonzero(~np.isfinite(starts))[0]
        raise ValueError(f"starts must be finite, in s; entry {row} is {starts[row]}")
    return starts


def check_weights(sample_weight, n_samples):
    """Return the weights of the rows as an array, or None.

    Parameters
    ----------
    sample_weight : array-like of shape (n_samples,) or None
        What the caller gave.
    n_samples : int
        Number of rows of X.

    Returns
    -------
    ndarray of shape (n_samples,) or None
    """
    weights = check_column(sample_weight, "sample_weight", n_samples)
    if weights is None:
        return None
    weights = weights.astype(float)
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError("sample_weight must be finite and not negative")
    if not weights.any():
        raise ValueError("Sample weights must contain at least one non-zero number.")
    return weights


def check_eval_set(eval_set):
    """Return the rows and labels of an evaluation set, or None.

    Parameters
    ----------
    eval_set : tuple (X, y) or None
        What the caller gave.

    Returns
    -------
    tuple (X, y) or None
    """
    if eval_set is None:
        return None
    if not isinstance(eval_set, (tuple, list)) or len(eval_set) != 2:
        raise ValueError("eval_set must be a tuple (X_eval, y_eval)")
    X, y = eval_set[0], np.asarray(eval_set[1])
    if n_rows(X) != len(y) or len(y) == 0:
        raise ValueError(
            f"eval_set has {n_rows(X)} rows and {len(y)} labels; it needs one label for each row"
        )
    return X, y


def check_indices(indices, n_samples, labeled):
    """Return positions of rows that can be given a label.

    Parameters
    ----------
    indices : array-like of shape (n,)
        Positions in X.
    n_samples : int
        Number of rows of X.
    labeled : ndarray of shape (n_labeled,)
        Positions that have a label.

    Returns
    -------
    ndarray of shape (n,), dtype intp
    """
    indices = np.asarray(indices)
    if indices.ndim != 1 or len(indices) == 0 or indices.dtype.kind not in "iu":
        raise ValueError(f"indices must be a non-empty list of positions in X, not {indices!r}")
    outside = (indices < 0) | (indices >= n_samples)
    if outside.any():
        raise ValueError(f"index {indices[outside][0]} is outside the {n_samples} rows of X")
    done = np.isin(indices, labeled)
    if done.any():
        raise ValueError(f"index {indices[done][0]} is labeled already")
    if len(np.unique(indices)) != len(indices):
        raise ValueError("indices has a position more than once")
    return indices.astype(np.intp)
