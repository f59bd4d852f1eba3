"""The state of a campaign: which rows are labeled, and which are candidates."""

import copy

import numpy as np

from skal._utils.rows.containers import PoolLeftOut, concatenate, copy_rows, n_rows
from skal._utils.rows.lazy import Rows

_NO_ROWS = np.empty(0, dtype=np.intp)


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
        positions = np.setdiff1d(np.arange(n_rows(self.X)), self.broken)
        return Rows(self.X, positions, None if self.starts is None else self.starts[positions])

    def set_aside(self, indices):
        """Exclude rows from all further rounds, with or without labels."""
        self.broken = indices
        self.open[indices] = False

    @property
    def n_labeled(self):
        """Return the number of labels, including rows from outside X."""
        return len(self.labeled) + sum(len(codes) for _, codes in self.extra)

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

    def training_set(self, rows=None, pseudo=(_NO_ROWS, _NO_ROWS), pseudo_weight=1.0):
        """Return the rows to train on."""
        guessed, guesses = pseudo
        parts = [Rows(self.X, self.labeled if rows is None else rows).take()]
        parts += [*(X for X, _ in self.extra), Rows(self.X, guessed).take()]
        X = concatenate([part for part in parts if n_rows(part)])
        weights = self.training_weights(rows, guessed, pseudo_weight)
        return X, self.training_labels(rows, guesses), weights

    def training_labels(self, rows=None, guesses=_NO_ROWS):
        """Return the labels to train on."""
        rows = self.labeled if rows is None else rows
        extra = [codes for _, codes in self.extra]
        return self.classes[np.concatenate([self.codes[rows], *extra, guesses])]

    def training_weights(self, rows=None, guessed=_NO_ROWS, pseudo_weight=1.0):
        """Return the training weights, or None if all are 1."""
        if self.weights is None and (pseudo_weight == 1 or len(guessed) == 0):
            return None
        rows = self.labeled if rows is None else rows
        own = np.ones(n_rows(self.X)) if self.weights is None else self.weights
        outside = np.ones(sum(len(codes) for _, codes in self.extra))
        return np.concatenate([own[rows], outside, pseudo_weight * own[guessed]])

    def training_groups(self, rows=None, guessed=_NO_ROWS):
        """Return the groups of the training rows."""
        if self.groups is None:
            return None
        rows = self.labeled if rows is None else rows
        _, numbers = np.unique(self.groups, return_inverse=True)
        alone = len(self.groups) + np.arange(sum(len(codes) for _, codes in self.extra))
        return np.concatenate([numbers[rows], alone, numbers[guessed]])

    @property
    def has_pool(self):
        """Tell whether the rows are available; a pickle does not contain them."""
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
