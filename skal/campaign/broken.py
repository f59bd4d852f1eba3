"""Rows that the transformer of a Pipeline sets aside: recordings that cannot be read."""

import numpy as np
from sklearn.base import clone

from skal._pipelines import Chain
from skal._rows import as_rows
from skal.audio import BrokenClipsError

# Recordings transformed at a time; their features are not kept.
_BLOCK = 1024


def find_broken(estimator, X):
    """Find the rows that the first step of a Pipeline would turn into zeros.

    That is asked of transformers with ``on_error="warn"`` only, at the price of one pass over
    the rows; a :class:`~skal.audio.FeatureCache` computes nothing twice for it.

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
    steps = Chain(estimator).steps[:1]
    if not any(_sets_aside(step) for step in steps):
        return np.empty(0, dtype=np.intp)
    step, broken = clone(steps[0]), []
    for block in as_rows(X).blocks(_BLOCK):
        try:
            step.transform(block.take())
            failed = step.failed_
        except BrokenClipsError as error:  # not one of the block can be read
            failed = [failure.position for failure in error.failures]
        broken.append(block.positions[failed])
    return np.concatenate([np.empty(0, dtype=np.intp), *broken])


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


def _sets_aside(step):
    return any(
        name.split("__")[-1] == "on_error" and value == "warn"
        for name, value in step.get_params().items()
    )
