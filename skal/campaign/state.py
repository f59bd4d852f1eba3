"""The state of a campaign: which rows are labeled, and which are candidates."""

import copy
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from skal._utils.rows.containers import PoolLeftOut, concatenate, copy_rows, n_rows
from skal._utils.rows.lazy import Rows, as_rows

_NO_ROWS = np.empty(0, dtype=np.intp)


@dataclass
class TrainingSet:
    """Rows to train on: labeled rows of X, rows from outside X, then pseudo-labeled rows."""

    parts: list
    y: np.ndarray
    weights: np.ndarray | None
    groups: np.ndarray | None
    n_guessed: int = 0

    @cached_property
    def X(self):
        """The rows in the container of X."""
        return concatenate([part.take() for part in self.parts if len(part)])

    def take(self, positions):
        """Return a training set of the given rows, none of them pseudo-labeled."""
        weights, groups = (
            None if column is None else column[positions] for column in (self.weights, self.groups)
        )
        return TrainingSet([Rows(self.X, positions)], self.y[positions], weights, groups)


class CampaignState:
    """Rows, labels, and the status of each row."""

    # Labels are positions in the list of classes, -1 for unknown. In a simulation, `codes` also
    # contains hidden labels, but only those of `labeled` rows are used.

    def __init__(self, X, codes, classes, groups=None, weights=None, starts=None):
        self.X = X
        self.codes = codes
        self.classes = classes
        self.groups = groups
        self.weights = weights
        self.starts = starts
        self.labeled = _NO_ROWS
        self.open = np.ones(n_rows(X), dtype=bool)
        self.broken = _NO_ROWS
        self.extra = []

    @property
    def candidates(self):
        """Return the positions of candidates, ascending."""
        return np.flatnonzero(self.open)

    @property
    def usable(self):
        """Return the rows that are not set aside, as `Rows`."""
        return self.rows(np.setdiff1d(np.arange(n_rows(self.X)), self.broken))

    def rows(self, positions):
        """Return the rows at some positions, with their starts."""
        return Rows(self.X, positions, None if self.starts is None else self.starts[positions])

    def set_aside(self, indices):
        """Exclude rows from all further rounds, with or without labels."""
        self.broken = indices
        self.open[indices] = False

    @property
    def n_labeled(self):
        """Return the number of labels, including rows from outside X."""
        return len(self.labeled) + sum(len(codes) for _, codes in self.extra)

    @property
    def n_untold(self):
        """Return the number of rows for which the answer was "cannot tell"."""
        return n_rows(self.X) - len(self.candidates) - len(self.labeled) - len(self.broken)

    def reveal(self, indices, codes):
        """Record answers, and return the newly labeled rows; -1 means "cannot tell"."""
        useful = (codes >= 0) & ~np.isin(indices, self.broken)
        told = indices[useful]
        self.codes[told] = codes[useful]
        self.open[indices] = False
        self.labeled = np.concatenate([self.labeled, told])
        return told

    def add_rows(self, X, codes):
        """Add labeled rows from outside X, for training only."""
        # Copy them: a caller may reuse the array for the next rows.
        self.extra.append((copy_rows(X), codes))

    def labels(self, indices):
        """Return the labels of rows."""
        return self.classes[self.codes[indices]]

    def training_set(self, rows=None, guessed=_NO_ROWS, guesses=_NO_ROWS, guess_weight=1.0):
        """Return the rows to train on; None for `rows` is all labeled rows of X."""
        rows = self.labeled if rows is None else rows
        outside = np.arange(self.n_labeled - len(self.labeled))
        weights = groups = None
        if self.weights is not None or (guess_weight != 1 and len(guessed)):
            own = np.ones(n_rows(self.X)) if self.weights is None else self.weights
            weights = [own[rows], np.ones(len(outside)), guess_weight * own[guessed]]
            weights = np.concatenate(weights)
        if self.groups is not None:
            _, numbers = np.unique(self.groups, return_inverse=True)
            alone = len(numbers) + outside  # a row from outside is its own group
            groups = np.concatenate([numbers[rows], alone, numbers[guessed]])
        codes = [self.codes[rows], *(codes for _, codes in self.extra), guesses]
        parts = [self.rows(rows), *(as_rows(X) for X, _ in self.extra), self.rows(guessed)]
        y = self.classes[np.concatenate(codes)]
        return TrainingSet(parts, y, weights, groups, len(guessed))

    @property
    def has_pool(self):
        """Return whether the rows are available; a pickle does not contain them."""
        return not isinstance(self.X, PoolLeftOut)

    @property
    def template(self):
        """Return rows in the container of X, for a comparison with others."""
        return self.X if self.has_pool else self.X.template

    def __getstate__(self):
        """Drop the rows, and the information on unlabeled rows."""
        left_out = {"groups": None, "weights": None, "starts": None, "extra": []}
        if self.has_pool:
            left_out["X"] = PoolLeftOut(self.X)
        return {**self.__dict__, **left_out, "codes": self.codes[self.labeled]}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self.codes = np.full(n_rows(self.X), -1, dtype=np.intp)
        self.codes[self.labeled] = state["codes"]

    def __deepcopy__(self, memo):
        """Copy the mutable state, and share the rows between copies in this process."""
        copied = type(self).__new__(type(self))
        memo[id(self)] = copied
        for name, value in self.__dict__.items():
            shared = name in ("X", "classes", "groups", "weights", "starts")
            copied.__dict__[name] = value if shared else copy.deepcopy(value, memo)
        return copied
