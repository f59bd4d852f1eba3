"""Validation of input: rows, amounts, groups, weights, and evaluation sets."""

from numbers import Integral

import numpy as np
from sklearn.utils.validation import validate_data

from skal._utils.estimators.pipelines import refuses_missing
from skal._utils.rows.containers import (
    in_container_of,
    in_matrix_of,
    is_frame,
    is_plain_sequence,
    is_polars,
    n_rows,
    take_rows,
)
from skal._utils.rows.lazy import check_numbers
from skal.campaign.given_labels import as_typed, as_values, check_labels, is_missing


def check_rows(estimator, X, *, reset):
    """Validate X and return it, without a copy if it is an array."""
    if is_plain_sequence(X):  # paths, or waveforms of different lengths
        if n_rows(X) == 0:
            raise ValueError("Found array with 0 sample(s): X is empty")
        return X
    if is_frame(X) and not _is_numeric(X):
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        return X
    checked = validate_data(
        estimator,
        X,
        reset=reset,
        dtype="numeric",
        allow_nd=True,
        accept_sparse="csr",  # the format with fast row selection
        ensure_all_finite=refuses_missing(estimator.estimator),
    )
    return X if is_frame(X) else checked


def _is_numeric(frame):
    """Return whether all columns have NumPy's numeric types, which check_array needs."""
    if is_polars(frame):
        return all(dtype.is_numeric() for dtype in frame.dtypes)
    return all(isinstance(t, np.dtype) and np.issubdtype(t, np.number) for t in frame.dtypes)


def match_rows(estimator, X, state):
    """Validate rows from outside and return them in the container of the X given to fit."""
    X = check_rows(estimator, in_container_of(X, state.template), reset=False)
    return in_matrix_of(X, state.template)


def amount(value, total):
    """Return a number of rows, given as a number or as a share of `total`."""
    if value is None:
        return total
    if isinstance(value, Integral):
        return int(value)
    return int(np.ceil(value * total - 1e-9))


def check_groups(groups, n_samples):
    """Return the group of each row as an array of one type, or None."""
    if groups is None:
        return None
    values = as_values(groups, "groups", n_samples)
    missing = is_missing(values)
    if missing.any():  # a row without a group could end up on both sides
        raise ValueError(
            f"groups has no group for row {np.flatnonzero(missing)[0]} ({missing.sum()} rows in "
            "total): give each row a group, and a unique group if it is unknown"
        )
    return as_typed(values, "groups")


def check_weights(sample_weight, n_samples):
    """Return the weights of the rows as floats, or None."""
    if sample_weight is None:
        return None
    weights = check_numbers(sample_weight, "sample_weight", n_samples)
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError("sample_weight must be finite and not negative")
    if not weights.any():
        raise ValueError("Sample weights must contain at least one non-zero number.")
    return weights


def check_eval_set(estimator, eval_set, unlabeled, state):
    """Return the labeled rows of an evaluation set and their labels, or None."""
    if eval_set is None:
        return None
    if not isinstance(eval_set, (tuple, list)) or len(eval_set) != 2:
        raise ValueError("eval_set must be a tuple (X_eval, y_eval)")
    X = match_rows(estimator, eval_set[0], state)
    labels, known = check_labels(eval_set[1], unlabeled, n_rows(X), "y of eval_set")
    if not known.any():
        raise ValueError("eval_set has no labels: every row of its y is marked as unlabeled")
    if not known.all():
        X = take_rows(X, np.flatnonzero(known))
    if (labels.dtype.kind == "U") != (state.classes.dtype.kind == "U"):
        raise ValueError(
            f"y of eval_set has labels such as {labels[0].item()!r}, y such as "
            f"{state.classes[0].item()!r}: write the classes in one way"
        )
    return X, labels


def are_integers(X):
    """Return whether X has integers instead of rows, such as positions."""
    is_column = np.iterable(X) and len(getattr(X, "shape", (0,))) == 1
    return is_column and all(isinstance(row, Integral) for row in X)


def check_indices(indices, n_samples, labeled):
    """Return validated positions of rows to label."""
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
        raise ValueError("indices contains a position more than once")
    return indices.astype(np.intp)
