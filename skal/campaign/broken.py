"""Recordings that a classifier's transformers cannot read."""

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer

from skal._utils.estimators.pipelines import Chain, parts_of
from skal._utils.private import _safe_indexing
from skal._utils.rows.lazy import as_rows
from skal.campaign.training.remembered_features import Remembered

# Recordings to transform at a time; their features are discarded.
_BLOCK = 1024


def find_broken(estimator, X):
    """Find unreadable rows, which the transformers of a Pipeline would turn into zeros."""
    # One pass over the rows; a FeatureCache or `Remembered` stores the features that it computes.
    steps = Chain(estimator).steps
    if not any(_sets_aside(step) for step in steps):
        return np.empty(0, dtype=np.intp)
    broken = [np.empty(0, dtype=np.intp)]
    for block in as_rows(X).blocks(_BLOCK):
        for reader, rows in _readers(steps, block.take()):
            broken.append(block.positions[list(reader.transform_readable(rows)[1])])
    return np.unique(np.concatenate(broken))


def readable_rows(estimator, X):
    """Return the rows that no transformer of a Pipeline sets aside."""
    rows = as_rows(X)
    return rows[np.setdiff1d(np.arange(len(rows)), find_broken(estimator, X))]


def _sets_aside(step):
    """Return whether a transformer, or one inside it, sets recordings aside."""
    return any(getattr(part, "sets_aside", False) for part in parts_of(step))


def _readers(steps, X):
    """Yield the transformers that set recordings aside, each with the rows that it gets."""
    for step in steps:
        inside = step.transformer if isinstance(step, Remembered) else step
        if getattr(step, "sets_aside", False):
            yield step, X
        elif isinstance(inside, Pipeline):
            yield from _readers([member for _, member in inside.steps], X)
        elif isinstance(inside, FeatureUnion):
            for _, member in inside.transformer_list:
                yield from _readers([member], X)
        elif isinstance(inside, ColumnTransformer):
            for _, member, columns in inside.transformers:
                if _sets_aside(member):
                    columns = columns(X) if callable(columns) else columns
                    yield from _readers([member], _safe_indexing(X, columns, axis=1))
        elif isinstance(inside, FunctionTransformer):
            X = inside.fit_transform(X)  # it learns nothing, and may prepare paths
            continue
        elif inside in (None, "passthrough"):
            continue
        return  # later steps get features
