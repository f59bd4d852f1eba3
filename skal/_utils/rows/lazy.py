"""Views of rows of X, copied only when needed."""

import numpy as np

from skal._utils.rows.containers import n_rows, take_rows

__all__ = ["Rows", "as_rows", "check_column", "check_numbers", "check_starts", "n_rows"]


def as_rows(X):
    """Return X itself if it is `Rows`, else all rows of X as `Rows`."""
    return X if isinstance(X, Rows) else Rows(X, np.arange(n_rows(X)))


class Rows:
    """The rows of X at some positions, without a copy of X."""

    # A pool shrinks every round, and slicing it out of X would copy nearly all of X each time, so
    # strategies receive this view. ``len``, ``shape`` and NumPy functions work as on an array. Its
    # only index selects rows: an array, a mask or a slice gives a smaller view. Start times of
    # rows are part of the view.

    def __init__(self, X, positions, starts=None):
        self.base = X
        self.positions = positions
        self.starts = starts

    def __len__(self):
        return len(self.positions)

    @property
    def shape(self):
        """Shape of the rows, as of an array; a plain sequence has one axis."""
        return (len(self), *getattr(self.base, "shape", (0,))[1:])

    @property
    def ndim(self):
        """Number of axes."""
        return len(self.shape)

    def __getitem__(self, index):
        if isinstance(index, (int, np.integer)):
            return take_rows(self.base, int(self.positions[index]))
        if isinstance(index, tuple):
            raise IndexError(
                f"rows take a single index, not {index!r}: take columns of the rows "
                "themselves, np.asarray(X) or X.take()"
            )
        starts = None if self.starts is None else self.starts[index]
        return Rows(self.base, self.positions[index], starts)

    def take(self, copy=False):
        """Return the rows themselves, in the container of X (array, list, DataFrame)."""
        # All rows are X itself, unless `copy` is set; a selection is always a copy.
        if self._is_everything() and not copy:
            return self.base
        return take_rows(self.base, self.positions)

    def _is_everything(self):
        positions = self.positions
        return len(positions) == n_rows(self.base) and np.array_equal(
            positions, np.arange(len(positions))
        )

    def blocks(self, size):
        """Yield the view in consecutive parts of at most `size` rows."""
        for start in range(0, len(self), size):
            yield self[start : start + size]

    def __array__(self, dtype=None, copy=None):
        array = np.asarray(self.take())
        if dtype is not None and array.dtype != dtype:
            return array.astype(dtype)
        # NumPy may write into the result, so it must not be X itself.
        return array.copy() if copy or self._is_everything() else array


def check_column(values, name, n_samples):
    """Return an array with one entry per row, or raise an error."""
    if values.ndim != 1 or len(values) != n_samples:
        raise ValueError(
            f"{name} must have one entry for each of the {n_samples} rows of X, not shape "
            f"{values.shape}"
        )
    return values


def check_numbers(values, name, n_samples):
    """Return one float per row, or raise an error."""
    values = check_column(np.asarray(values), name, n_samples)
    try:
        return values.astype(float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be numbers: {error}") from error


def check_starts(starts, n_samples):
    """Return start times of rows, in s, as floats, or None."""
    if starts is None:
        return None
    starts = check_numbers(starts, "starts", n_samples)
    if not np.isfinite(starts).all():
        row = np.flatnonzero(~np.isfinite(starts))[0]
        raise ValueError(f"starts must be finite, in s; entry {row} is {starts[row]}")
    return starts
