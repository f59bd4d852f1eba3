"""Recordings that a classifier's transformers cannot read."""

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer

from skal._utils.estimators.pipelines import Chain
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
    """Tell whether a transformer, or one inside it, sets recordings aside."""
    return getattr(step, "sets_aside", False) or any(map(_sets_aside, _members(_plain(step))))


def _plain(step):
    return step.transformer if isinstance(step, Remembered) else step


def _members(step):
    if isinstance(step, Pipeline):
        return [member for _, member in step.steps]
    if isinstance(step, FeatureUnion):
        return [member for _, member in step.transformer_list]
    if isinstance(step, ColumnTransformer):
        return [member for _, member, _ in step.transformers]
    return []


def _readers(steps, X):
    """Yield the transformers that set recordings aside, each with the rows that it gets."""
    for step in steps:
        inside = _plain(step)
        if getattr(step, "sets_aside", False):
            yield step, X
        elif isinstance(inside, (FeatureUnion, ColumnTransformer)):
            for member, rows in _branches(inside, X):
                yield from _readers([member], rows)
        elif isinstance(inside, Pipeline):
            yield from _readers(_members(inside), X)
        elif isinstance(inside, FunctionTransformer):
            X = inside.fit_transform(X)  # it learns nothing, and may prepare paths
            continue
        elif inside in (None, "passthrough"):
            continue
        return  # later steps get features


def _branches(step, X):
    """Yield the parts of a transformer, each with the rows that it gets."""
    if isinstance(step, FeatureUnion):
        yield from ((member, X) for member in _members(step))
        return
    for _, member, columns in step.transformers:
        if _sets_aside(member):
            yield member, _safe_indexing(X, columns(X) if callable(columns) else columns, axis=1)
