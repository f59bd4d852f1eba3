"""Nearest neighbors of every row of a large X."""

import numpy as np

from skal._utils.distances.pairwise import ROWS
from skal._utils.threads import run
from skal.cluster._k_means import lloyd

__all__ = ["nearest_neighbors"]

# Up to this number, compare all pairs.
_EXACT = 8192

# Rows per cell, on average, for placing the centers.
_ROWS_PER_CENTER = 32
_ROUNDS = 5


def nearest_neighbors(pairs, n_neighbors, n_candidates=None, random_state=None):
    """Find the nearest neighbors of every row."""
    # Exact up to 8,192 rows. Above, rows are divided into cells (by a few rounds of k-means on a
    # sample), and the search covers a row's own cell and the cells with the nearest centers.
    n_samples = len(pairs)
    neighbors = np.empty((n_samples, n_neighbors), dtype=np.int32)
    values = np.empty((n_samples, n_neighbors), dtype=pairs.dtype)
    if n_samples <= _EXACT:
        cells, centers, n_candidates = [np.arange(n_samples)], pairs.right[:1], n_samples
    else:
        n_cells = int(np.sqrt(n_samples))
        cells, centers = _partition(pairs, n_cells, random_state)
        n_candidates = n_candidates or 8 * n_samples // n_cells
    n_candidates = max(n_candidates, n_neighbors + 1)
    sizes = np.array([len(cell) for cell in cells])

    def _search(cell):
        near = _nearest_cells(pairs, centers, cell)
        n_near = np.searchsorted(np.cumsum(sizes[near]), min(n_candidates, n_samples)) + 1
        candidates = np.concatenate([cells[other] for other in near[:n_near]])
        right = pairs.right[candidates]
        for first in range(0, sizes[cell], ROWS):
            rows = cells[cell][first : first + ROWS]
            raw = pairs.product(rows, right)
            # A row's own cell comes first, so the row itself is on this diagonal.
            raw[np.arange(len(rows)), first + np.arange(len(rows))] = np.inf
            neighbors[rows], values[rows] = _smallest(raw, candidates, n_neighbors)

    run(_search, range(len(cells)))
    return neighbors, values


def _smallest(raw, candidates, n_neighbors):
    if n_neighbors < raw.shape[1]:
        found = np.argpartition(raw, n_neighbors - 1, axis=1)[:, :n_neighbors]
    else:
        found = np.broadcast_to(np.arange(raw.shape[1]), raw.shape)
    values = np.take_along_axis(raw, found, axis=1)
    order = np.argsort(values, axis=1, kind="stable")
    found = candidates[np.take_along_axis(found, order, axis=1)]
    return found, np.take_along_axis(values, order, axis=1)


def _nearest_cells(pairs, centers, cell):
    """Return all cells by distance, the cell itself first."""
    raw = pairs.product(centers[[cell]], centers)[0]
    raw[cell] = -np.inf
    return np.argsort(raw, kind="stable")


def _partition(pairs, n_cells, random_state):
    """Return the positions in each cell, and the cells' centers."""
    cell_of, centers = lloyd(
        pairs, n_cells, random_state, n_rounds=_ROUNDS, n_per_center=_ROWS_PER_CENTER
    )
    order = np.argsort(cell_of, kind="stable")
    cells = np.split(order, np.cumsum(np.bincount(cell_of, minlength=len(centers)))[:-1])
    return _cut(cells, centers, 4 * len(pairs) // n_cells)


def _cut(cells, centers, largest):
    """Cut large cells, such as those of equal rows, into pieces, and drop empty ones."""
    pieces, owners = [], []
    for owner, cell in enumerate(cells):
        for first in range(0, len(cell), largest):
            pieces.append(cell[first : first + largest])
            owners.append(owner)
    return pieces, centers[owners]
