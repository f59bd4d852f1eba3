"""Rows that the transformer of a Pipeline sets aside: recordings that cannot be read."""

import numpy as np

from skal._utils.pipelines import Chain
from skal._utils.rows import as_rows

# Recordings transformed at a time; their features are not kept.
_BLOCK = 1024


def find_broken(estimator, X):
    """Find the rows that the first step of a Pipeline would turn into zeros."""
    # One pass over the rows; what a FeatureCache computes for it is kept, not read again.
    broken = [np.empty(0, dtype=np.intp)]
    for step in Chain(estimator).steps[:1]:
        if getattr(step, "sets_aside", False):
            for block in as_rows(X).blocks(_BLOCK):
                found = step.transform_readable(block.take())[1]
                broken.append(block.positions[list(found)])
    return np.concatenate(broken)


def readable_rows(estimator, X):
    """Return the rows that the first step of a Pipeline does not set aside."""
    rows = as_rows(X)
    return rows[np.setdiff1d(np.arange(len(rows)), find_broken(estimator, X))]
