"""Distances between all pairs of rows, tile by tile, without a matrix of them."""

import numpy as np

__all__ = ["METRICS", "ROWS", "Pairwise", "as_floats"]

METRICS = ("euclidean", "cosine")

# A tile of float32 takes 2 MB: large enough for BLAS, small enough for the processor's cache.
ROWS, _COLUMNS = 512, 1024

# Up to here float64 costs nothing worth saving, and the distances are exact.
_SMALL = 2048


def as_floats(X):
    """Return rows in float32 or float64, as they are if they are that, else in float64.

    Squares of small integers and of half-precision numbers overflow in their own type.
    """
    X = np.asarray(X)
    return X if X.dtype in (np.float32, np.float64) else X.astype(np.float64)


class Pairwise:
    """Distances among the rows of X, handed out in tiles.

    A tile is one matrix product, whatever the metric: rows carry their norms as two more
    columns. Its entries are comparable, not distances: squared for "euclidean", the distance
    itself for "cosine" (1 - cosine). `to_distance` and `to_raw` translate.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        The rows; more axes are flattened.
    metric : {"euclidean", "cosine"}, default="euclidean"
        The metric.
    finest : float, default=None
        A distance that must be told from 0. Where float32 could not, float64 is used.
    """

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
        # Rows have a norm of at most 1, so the products are off by a few units of rounding.
        rounding = 4 * np.finfo(np.float32).eps
        return finest is not None and self.to_raw(finest) < 1e3 * rounding

    def extend(self, X):
        """Bring rows, of this X or another, into the form that `tiles` needs.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            The rows; more axes are flattened.

        Returns
        -------
        ndarray of shape (n_rows, n_features + 2)
            The scaled rows, their squared norms (cosine: 1), and 1.

        Raises
        ------
        ValueError
            If a row holds NaN or infinity.
        """
        X = np.asarray(X)
        X = X.reshape(len(X), -1)
        right = np.empty((len(X), self.n_features + 2), dtype=self.dtype)
        rows = right[:, :-2]
        if self.metric == "euclidean":
            # Centered in the precision of X, block by block: no second copy of X.
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
        """Bring points that are centered and scaled already, such as means, into this form.

        Parameters
        ----------
        points : ndarray of shape (n_rows, n_features)
            Points in the space of `points`.

        Returns
        -------
        ndarray of shape (n_rows, n_features + 2)
        """
        squares = np.einsum("ij,ij->i", points, points)[:, None]
        if self.metric == "cosine":
            points = points / np.sqrt(np.where(squares > 0, squares, 1))
            squares = np.ones_like(squares)
        ones = np.ones_like(squares)
        return np.concatenate([points, squares, ones], axis=1, dtype=self.dtype)

    @property
    def slack(self):
        """How far entries may be apart by rounding alone."""
        return 16 * np.finfo(self.dtype).eps

    @property
    def points(self):
        """The rows: centered and scaled, for cosine of length 1."""
        return self.right[:, : self.n_features]

    def subset(self, index):
        """Return the distances among some rows only.

        Parameters
        ----------
        index : ndarray of shape (n_rows,)
            Positions of the rows.

        Returns
        -------
        Pairwise
        """
        part = object.__new__(Pairwise)
        part.__dict__.update(self.__dict__, right=self.right[index])
        return part

    def to_distance(self, raw):
        """Translate entries of a tile into distances.

        Parameters
        ----------
        raw : ndarray
            Entries of a tile.

        Returns
        -------
        ndarray of the same shape, float64
        """
        raw = np.maximum(np.asarray(raw, dtype=np.float64), 0)
        return self.scale * np.sqrt(raw) if self.metric == "euclidean" else raw

    def to_raw(self, distance):
        """Translate a distance into what it is in a tile.

        Parameters
        ----------
        distance : float
            The distance.

        Returns
        -------
        float
        """
        return (distance / self.scale) ** 2 if self.metric == "euclidean" else distance

    def tiles(self, rows, start=0, stop=None):
        """Yield the entries of some rows against all columns, or against a range of them.

        Parameters
        ----------
        rows : slice, ndarray of int, or ndarray of shape (n_rows, n_features + 2)
            Which rows; or rows from elsewhere, as `extend` makes them.
        start, stop : int
            Range of the columns.

        Yields
        ------
        columns : slice
            Columns of this tile.
        raw : ndarray of shape (n_rows, n_columns)
            The entries; the memory is used again for the next tile.
        """
        left = _as_left(self._pick(rows), self.metric)
        stop = len(self) if stop is None else stop
        buffer = np.empty(len(left) * max(min(_COLUMNS, stop - start), 0), dtype=self.dtype)
        for first in range(start, stop, _COLUMNS):
            columns = slice(first, min(first + _COLUMNS, stop))
            raw = buffer[: len(left) * (columns.stop - first)].reshape(len(left), -1)
            yield columns, np.dot(left, self.right[columns].T, out=raw)

    def product(self, rows, columns):
        """Return the entries of some rows against some columns, in memory of their own.

        Parameters
        ----------
        rows, columns : slice, ndarray of int, or ndarray of shape (n_rows, n_features + 2)
            Which rows; or rows from elsewhere, as `extend` and `like` make them.

        Returns
        -------
        ndarray of shape (n_rows, n_columns)
        """
        return _as_left(self._pick(rows), self.metric) @ self._pick(columns).T

    def _pick(self, rows):
        elsewhere = isinstance(rows, np.ndarray) and rows.ndim == 2
        return rows if elsewhere else self.right[rows]

    def between(self, first, second):
        """Return distances of pairs of rows, not by matrix product but exactly.

        Parameters
        ----------
        first, second : ndarray of shape (n_pairs,)
            Positions of the two rows of each pair.

        Returns
        -------
        ndarray of shape (n_pairs,), float64
        """
        result = np.empty(len(first))
        for start in range(0, len(first), _COLUMNS):
            block = slice(start, start + _COLUMNS)
            a = self.points[first[block]].astype(np.float64)
            b = self.points[second[block]].astype(np.float64)
            squared = ((a - b) ** 2).sum(axis=1)
            if self.metric == "euclidean":
                result[block] = self.scale * np.sqrt(squared)
            else:  # of two rows of length 1, without the cancellation of 1 - cosine
                result[block] = np.where(a.any(axis=1) & b.any(axis=1), squared / 2, 1)
        return result


def _as_left(right, metric):
    """Turn (x, norm, 1) into the factor whose product with (y, norm, 1) is a distance."""
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
    if not np.isfinite(center).all():  # extend() says which rows are to blame
        return 0.0, 1.0
    largest = 0.0
    for first in range(0, len(X), _COLUMNS):
        block = X[first : first + _COLUMNS] - center
        largest = max(largest, np.einsum("ij,ij->i", block, block).max())
    scale = np.sqrt(largest)
    # What is left of equal rows is rounding: it must not be blown up to distances.
    # Integers are exact, however large: rows that differ by 1 are not equal.
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
            f"{bad.argmax()}; are they embeddings of a training that diverged?"
        )
