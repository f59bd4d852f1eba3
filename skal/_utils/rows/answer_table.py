"""Answers of a classifier for rows, each asked for once."""

import numpy as np

from skal._utils.rows.lazy import n_rows

__all__ = ["AnswerTable"]


class AnswerTable:
    """Cached answers for rows of an X."""

    def __init__(self, base):
        self.base = base
        self._slot = np.full(n_rows(base), -1, dtype=np.intp)
        self._values = None

    def missing(self, positions):
        """Return the positions without an answer."""
        return positions[self._slot[positions] < 0]

    def add(self, positions, values):
        """Keep the answers for positions."""
        start = 0 if self._values is None else len(self._values)
        self._slot[positions] = np.arange(start, start + len(positions))
        # Use a view, so that the classifier's own array does not become read-only.
        values = values.view() if start == 0 else np.concatenate([self._values, values])
        values.flags.writeable = False
        self._values = values

    def get(self, positions):
        """Return the answers for positions, read-only."""
        slots = self._slot[positions]
        if len(slots) == len(self._values) and np.array_equal(slots, np.arange(len(slots))):
            return self._values
        return self._values[slots]
