"""What a campaign knows at one moment: which rows are labeled, and which may be asked for."""

import numpy as np

from skal._rows import Rows, n_rows


class CampaignState:
    """Rows, labels and what has become of each row.

    Labels are kept as positions in the list of classes. In a simulation the labels of rows
    not asked for yet are in `codes` too; only `labeled` ones are ever looked at.

    Parameters
    ----------
    X : array-like or sequence of n_samples rows
        All rows, never copied.
    codes : ndarray of shape (n_samples,)
        Class of each row, -1 where nobody knows it.
    classes : ndarray of shape (n_classes,)
        All classes, sorted.
    groups, weights : ndarray of shape (n_samples,) or None
        Group and weight of each row.
    """

    def __init__(self, X, codes, classes, groups=None, weights=None):
        self.X = X
        self.codes = codes
        self.classes = classes
        self.groups = groups
        self.weights = weights
        self.labeled = np.empty(0, dtype=np.intp)
        self.open = np.ones(n_rows(X), dtype=bool)
        self.extra = []

    @property
    def candidates(self):
        """Return the positions that may be asked for, ascending."""
        return np.flatnonzero(self.open)

    @property
    def n_labeled(self):
        """Return the number of labels, those of rows from outside X included."""
        return len(self.labeled) + sum(len(codes) for _, codes in self.extra)

    def reveal(self, indices, codes):
        """Record answers; a row whose code is -1 ("cannot tell") leaves the pool unlabeled.

        Parameters
        ----------
        indices : ndarray of shape (n,)
            Positions in X.
        codes : ndarray of shape (n,)
            Class of each, or -1.

        Returns
        -------
        ndarray
            Those of `indices` that have a label now.
        """
        told = indices[codes >= 0]
        self.codes[told] = codes[codes >= 0]
        self.open[indices] = False
        self.labeled = np.concatenate([self.labeled, told])
        return told

    def add_rows(self, X, codes):
        """Add labeled rows that are no part of X, for training only.

        Parameters
        ----------
        X : array-like or sequence of n rows
            The rows.
        codes : ndarray of shape (n,)
            Class of each.
        """
        self.extra.append((X, codes))

    def labels(self, indices):
        """Return the labels of rows.

        Parameters
        ----------
        indices : ndarray of shape (n,)
            Positions of labeled rows.

        Returns
        -------
        ndarray of shape (n,)
        """
        return self.classes[self.codes[indices]]

    def training_set(self):
        """Return what a model is trained on.

        Returns
        -------
        X : array-like or sequence of n_labeled rows
            Labeled rows, in the order asked, then those from outside X.
        y : ndarray of shape (n_labeled,)
            Their labels.
        weights : ndarray of shape (n_labeled,) or None
            Their weights; 1 for rows from outside X.
        """
        parts = [Rows(self.X, self.labeled).take(), *(X for X, _ in self.extra)]
        codes = np.concatenate([self.codes[self.labeled], *(codes for _, codes in self.extra)])
        weights = None
        if self.weights is not None:
            n_extra = len(codes) - len(self.labeled)
            weights = np.concatenate([self.weights[self.labeled], np.ones(n_extra)])
        return _stack([part for part in parts if n_rows(part)]), self.classes[codes], weights


def _stack(parts):
    if len(parts) == 1:
        return parts[0]
    if hasattr(parts[0], "iloc"):
        import pandas as pd

        return pd.concat(parts)
    if hasattr(parts[0], "dtype"):
        return np.concatenate(parts)
    return [row for part in parts for row in part]
