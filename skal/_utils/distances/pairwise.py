"""Distances between all pairs of rows, tile by tile, without the whole matrix."""

import numpy as np

__all__ = ["METRICS", "ROWS", "Pairwise", "as_floats"]

METRICS = ("euclidean", "cosine")

# Tiles of 2 MB in float32: large enough for BLAS, small enough for the processor's cache.
ROWS, _COLUMNS = 512, 1024

# Below this number, float64 costs little and makes distances exact.
_SMALL = 2048


def as_floats(X):
    """Return float32 and float64 rows as they are, other types in float64."""
    # Squares of small integer types and of half precision would overflow.
    X = np.asarray(X)
    return X if X.dtype in (np.float32, np.float64) else X.astype(np.float64)


class Pairwise:
    """Distances among the rows of X, computed in tiles."""

    # A tile is one matrix product for both metrics: rows carry their norms in two extra columns.
    # Entries are raw: squared distances for "euclidean", distances for "cosine" (1 - cosine).
    # `to_distance` and `to_raw` convert.

    def __init__(self, X, metric="euclidean", finest=None):
        X = np.asarray(X)
        X = X.reshape(len(X), -1)
        self.metric = metric
        self.n_features = X.shape[1]
        self.center, self.scale = 0.0, 1.0
        if metric == "euclidean":
            self.center, self.scale = _center_and_scale(X)
        self.dtype = np.dtype(np.float64)
        if len(X) > _SMALL and not self._too_fine(finest):
            self.dtype = np.dtype(np.float32)
        self.right = self.extend(X)

    def __len__(self):
        return len(self.right)

    def _too_fine(self, finest):
        # Rows have norm 1 at most, so products are off by a few units of rounding.
        rounding = 4 * np.finfo(np.float32).eps
        return finest is not None and self.to_raw(finest) < 1e3 * rounding

    def extend(self, X):
        """Convert rows of this or another X to the form that `tiles` needs."""
        X = np.asarray(X)
        X = X.reshape(len(X), -1)
        right = np.empty((len(X), self.n_features + 2), dtype=self.dtype)
        rows = right[:, :-2]
        if self.metric == "euclidean":
            # Center in the precision of X, block by block, to avoid a second copy of X.
            for first in range(0, len(X), _COLUMNS):
                block = slice(first, first + _COLUMNS)
                rows[block] = (X[block] - self.center) / self.scale
            right[:, -2] = np.einsum("ij,ij->i", rows, rows)
            _check_finite(right[:, -2])
        else:
            rows[:] = X
            norms = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
            _check_finite(norms)
            rows /= np.where(norms > 0, norms, 1)[:, None].astype(self.dtype)
            right[:, -2] = 1
        right[:, -1] = 1
        return right

    def like(self, points):
        """Convert points that are already centered and scaled to the form that `tiles` needs."""
        squares = np.einsum("ij,ij->i", points, points)[:, None]
        if self.metric == "cosine":
            points = points / np.sqrt(np.where(squares > 0, squares, 1))
            squares = np.ones_like(squares)
        ones = np.ones_like(squares)
        return np.concatenate([points, squares, ones], axis=1, dtype=self.dtype)

    @property
    def slack(self):
        """The largest rounding difference between entries."""
        return 16 * np.finfo(self.dtype).eps

    @property
    def points(self):
        """The centered and scaled rows; for cosine, rows of length 1."""
        return self.right[:, : self.n_features]

    def subset(self, index):
        """Return the Pairwise of a subset of the rows."""
        part = object.__new__(Pairwise)
        part.__dict__.update(self.__dict__, right=self.right[index])
        return part

    def to_distance(self, raw):
        """Convert entries of a tile to distances."""
        raw = np.maximum(np.asarray(raw, dtype=np.float64), 0)
        return self.scale * np.sqrt(raw) if self.metric == "euclidean" else raw

    def to_raw(self, distance):
        """Convert a distance to an entry of a tile."""
        return (distance / self.scale) ** 2 if self.metric == "euclidean" else distance

    def tiles(self, rows, start=0, stop=None):
        """Yield tiles of rows against all columns or a range of columns."""
        left = _as_left(self._pick(rows), self.metric)
        stop = len(self) if stop is None else stop
        buffer = np.empty(len(left) * max(min(_COLUMNS, stop - start), 0), dtype=self.dtype)
        for first in range(start, stop, _COLUMNS):
            columns = slice(first, min(first + _COLUMNS, stop))
            raw = buffer[: len(left) * (columns.stop - first)].reshape(len(left), -1)
            yield columns, np.dot(left, self.right[columns].T, out=raw)

    def product(self, rows, columns):
        """Return the entries of rows against columns, as a new array."""
        return _as_left(self._pick(rows), self.metric) @ self._pick(columns).T

    def _pick(self, rows):
        elsewhere = isinstance(rows, np.ndarray) and rows.ndim == 2
        return rows if elsewhere else self.right[rows]

    def between(self, first, second):
        """Return exact distances of pairs of rows, without a matrix product."""
        result = np.empty(len(first))
        for start in range(0, len(first), _COLUMNS):
            block = slice(start, start + _COLUMNS)
            a = self.points[first[block]].astype(np.float64)
            b = self.points[second[block]].astype(np.float64)
            squared = ((a - b) ** 2).sum(axis=1)
            if self.metric == "euclidean":
                result[block] = self.scale * np.sqrt(squared)
            else:  # for rows of length 1; 1 - cosine would cancel
                result[block] = np.where(a.any(axis=1) & b.any(axis=1), squared / 2, 1)
        return result


def _as_left(right, metric):
    """Turn (x, norm, 1) into a factor whose product with (y, norm, 1) is a raw distance."""
    left = np.empty_like(right)
    if metric == "euclidean":
        np.multiply(right[:, :-2], -2, out=left[:, :-2])
        left[:, -2], left[:, -1] = 1, right[:, -2]
    else:
        np.negative(right[:, :-2], out=left[:, :-2])
        left[:, -2], left[:, -1] = 1, 0
    return left


def _center_and_scale(X):
    """Return the mean of the rows, and the largest distance of a row from it."""
    center = X.mean(axis=0, dtype=np.float64)
    if not np.isfinite(center).all():  # extend() names the rows at fault
        return 0.0, 1.0
    largest = 0.0
    for first in range(0, len(X), _COLUMNS):
        block = X[first : first + _COLUMNS] - center
        largest = max(largest, np.einsum("ij,ij->i", block, block).max())
    scale = np.sqrt(largest)
    # Differences of equal rows are rounding errors and must not be scaled up to distances.
    # Integers are exact: rows that differ by 1 are different.
    dtype = np.result_type(X.dtype, np.float32) if X.dtype.kind == "f" else np.float64
    precision = np.finfo(dtype).eps
    if scale <= 4 * precision * np.sqrt(len(center)) * np.abs(center).max(initial=0):
        return X[0].astype(np.float64), 1.0
    return center, scale


def _check_finite(norms):
    bad = ~np.isfinite(norms)
    if bad.any():
        raise ValueError(
            f"{bad.sum()} of {len(bad)} rows hold NaN or infinity, the first is row "
            f"{bad.argmax()}; did the training of the embeddings diverge?"
        )
