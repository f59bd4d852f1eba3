"""Exact density peaks, in tiles: cutoff, density, and nearest denser point."""

import numpy as np
from sklearn.utils import check_random_state

from skal._utils.distances.pairwise import ROWS, Pairwise
from skal._utils.threads import run

__all__ = ["KERNELS", "density_order", "kernel_sums", "local_density", "nearest_denser"]
__all__ += ["cutoff_distance", "weigh"]

KERNELS = ("gaussian", "cutoff")

# Up to this many rows, the cutoff uses all pairs; above, pairs of a sample.
_ALL_PAIRS, _SAMPLE = 2000, 1000

# Sum in this many parts, independent of the number of threads: the order of additions, and so the
# last digit, is then the same on every machine.
_PARTS = 8


def cutoff_distance(X, percent=1.5, metric="euclidean", random_state=None):
    """Find the distance within which a row has `percent` percent of the other rows, on average."""
    X = np.asarray(X)
    if len(X) > _ALL_PAIRS:
        rows = check_random_state(random_state).choice(len(X), _SAMPLE, replace=False)
        X = X[np.sort(rows)]
    pairs = Pairwise(X, metric)
    raw = pairs.product(slice(None), slice(None))
    # Rounding in the matrix product gives equal rows of norm 1 a small nonzero distance.
    raw[raw < 1e-14] = 0
    if not raw.any():
        return 1.0
    rows, columns = np.triu_indices(len(X), 1)
    raw = raw[rows, columns]
    place = max(round(len(raw) * percent / 100) - 1, 0)
    value = np.partition(raw, place)[place] or raw[raw > 0].min()
    pair = np.argmax(raw == value)
    return _distance(X[rows[pair]], X[columns[pair]], metric)


def _distance(first, second, metric):
    # Compute it from the original rows, so that users can reproduce the exact number.
    first, second = np.ravel(first).astype(np.float64), np.ravel(second).astype(np.float64)
    if metric == "euclidean":
        return float(np.linalg.norm(first - second))
    lengths = np.linalg.norm(first) * np.linalg.norm(second)
    return float(1 - first @ second / lengths) if lengths > 0 else 1.0


def weigh(raw, pairs, kernel, cutoff):
    """Replace the entries of a tile with their contributions to the density."""
    reach = raw.dtype.type(pairs.to_raw(cutoff))
    if kernel == "cutoff":  # the cutoff is the distance of a pair, which rounding must not count
        return np.less(raw, reach - raw.dtype.type(pairs.slack), out=raw, casting="unsafe")
    if pairs.metric == "cosine":
        np.square(raw, out=raw)
        reach = reach**2
    np.multiply(raw, -1 / reach, out=raw)
    return np.exp(raw, out=raw)


def local_density(pairs, kernel, cutoff):
    """Compute the density of every row, with each pair computed once."""
    n_samples = len(pairs)
    firsts = np.arange(0, n_samples, ROWS)

    def _add_up(part):
        density = np.zeros(n_samples)
        for first in firsts[part::_PARTS]:
            rows = slice(first, min(first + ROWS, n_samples))
            size = rows.stop - first
            for columns, raw in pairs.tiles(rows, first):
                weights = weigh(raw, pairs, kernel, cutoff)
                if columns.start == first:  # both orders of its pairs are in this square
                    np.fill_diagonal(weights, 0)
                    density[rows] += weights[:, :size].sum(axis=1)
                    weights, columns = weights[:, size:], slice(rows.stop, columns.stop)
                density[rows] += weights @ np.ones(weights.shape[1], dtype=weights.dtype)
                density[columns] += np.ones(size, dtype=weights.dtype) @ weights
        return density

    return sum(run(_add_up, range(min(_PARTS, len(firsts)))))


def kernel_sums(pairs, rows, kernel, cutoff, columns=None):
    """For each given row, sum its kernel values with all rows, or with those of `columns`."""
    columns = pairs if columns is None else columns

    def _add_up(first):
        left = pairs.right[rows[first : first + ROWS]]
        total = np.zeros(len(left))
        for _, raw in columns.tiles(left):
            weights = weigh(raw, pairs, kernel, cutoff)
            total += weights @ np.ones(weights.shape[1], dtype=weights.dtype)
        return total

    parts = run(_add_up, range(0, len(rows), ROWS))
    return np.concatenate(parts) if parts else np.empty(0)


def density_order(density):
    """Return positions by decreasing density; ties by position."""
    return np.argsort(-density, kind="stable")


def nearest_denser(pairs, rows):
    """Find the nearest row before each of some rows; rows are sorted by falling density."""

    def _search(first):
        mine = rows[first : first + ROWS]
        best = np.full(len(mine), np.inf, dtype=pairs.dtype)
        nearest = np.zeros(len(mine), dtype=np.intp)
        for columns, raw in pairs.tiles(mine, 0, mine[-1]):
            if columns.stop > mine[0]:
                raw[np.arange(columns.start, columns.stop) >= mine[:, None]] = np.inf
            closest = raw.argmin(axis=1)
            value = raw[np.arange(len(mine)), closest]
            better = value < best
            best[better] = value[better]
            nearest[better] = columns.start + closest[better]
        return nearest

    # Start the longest searches first, to balance the threads.
    parts = run(_search, range(0, len(rows), ROWS)[::-1])
    return np.concatenate(parts[::-1]) if parts else np.empty(0, dtype=np.intp)
