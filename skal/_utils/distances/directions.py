"""Principal directions: a few coordinates that keep most of the cosines between rows."""

import numpy as np
from sklearn.utils.extmath import randomized_svd

from skal._utils.distances.cosine import unit_rows

__all__ = ["principal_directions"]

# A sample of rows suffices: at most so many, and so many numbers (64 MB of float32).
_ROWS, _NUMBERS = 10_000, 2**24
_BLOCK = 1024


def principal_directions(X, n_directions, rng):
    """Find the directions along which rows of length 1 reach farthest, as columns."""
    # The mean is not subtracted: products of coordinates approximate cosines, not covariances.
    n_features = X.shape[1]
    if n_features <= n_directions:
        return np.eye(n_features, dtype=np.float32)
    size = min(len(X), _ROWS, max(n_directions, _NUMBERS // n_features))
    sample = np.sort(rng.permutation(len(X))[:size])
    rows = np.empty((size, n_features), dtype=np.float32)
    for first in range(0, size, _BLOCK):
        block = slice(first, first + _BLOCK)
        rows[block] = unit_rows(X[sample[block]])
    return np.ascontiguousarray(randomized_svd(rows, n_directions, random_state=rng)[2].T)
