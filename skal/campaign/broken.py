"""Rows that the transformer of a Pipeline sets aside: recordings that cannot be read."""

import numpy as np

from skal._utils.pipelines import Chain
from skal._utils.rows import as_rows

# Recordings transformed at a time; their features are not kept.
_BLOCK = 1024


def find_broken(estimator, X):
    """Find the rows that the first step of a Pipeline would turn into zeros.

    That is asked of transformers that set rows aside (``sets_aside``), at the price of one pass
    over the rows; what a :class:`~skal.audio.FeatureCache` computes for it is kept in its store
    and not read again.

    Parameters
    ----------
    estimator : estimator
        The classifier of a campaign.
    X : array-like or sequence of n_samples rows
        The rows.

    Returns
    -------
    ndarray of int
        Positions, ascending.
    """
    broken = [np.empty(0, dtype=np.intp)]
    for step in Chain(estimator).steps[:1]:
        if getattr(step, "sets_aside", False):
            for block in as_rows(X).blocks(_BLOCK):
                found = step.transform_readable(block.take())[1]
                broken.append(block.positions[list(found)])
    return np.concatenate(broken)


def readable_rows(estimator, X):
    """Return the rows that the first step of a Pipeline does not set aside.

    Parameters
    ----------
    estimator : estimator
        The classifier of a campaign.
    X : array-like or sequence of n_samples rows
        The rows.

    Returns
    -------
    Rows
    """
    rows = as_rows(X)
    return rows[np.setdiff1d(np.arange(len(rows)), find_broken(estimator, X))]
