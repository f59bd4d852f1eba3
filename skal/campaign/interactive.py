"""A campaign whose labels come from its caller: query for rows, teach their labels."""

from numbers import Integral

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skal._utils.containers import n_rows
from skal._utils.pipelines import ask
from skal._utils.rows import Rows, check_starts
from skal.campaign.inputs import (
    are_integers,
    check_groups,
    check_indices,
    match_rows,
    readable_rows,
)
from skal.campaign.labels import check_labels, encode


class InteractiveMixin:
    """What `ActiveLearningClassifier` does between its rounds, for whoever labels."""

    def query(self, X=None, n_instances=None, *, groups=None, starts=None):
        """Choose the rows to label next.

        This changes nothing: until `teach` is called, the same question gets the same answer,
        and a look at more rows leaves the campaign as it is.

        Parameters
        ----------
        X : array-like or sequence of n_samples rows, default=None
            Candidates. None: the rows given to `fit` that have no label yet.
        n_instances : int, default=None
            Rows wanted. None: as many as in `fit`.
        groups : array-like of shape (n_samples,), default=None
            Recording, speaker or place of each row of the X given here.
        starts : array-like of shape (n_samples,), default=None
            Where each row of the X given here starts in its recording, in s.

        Returns
        -------
        ndarray of shape (min(n_instances, n_candidates),)
            Positions in the X given here or, with none, in the X given to `fit`; most wanted
            first. Empty if no row is left.

        Raises
        ------
        ValueError
            If X does not fit to the rows given to `fit`, or `groups` or `starts` not to X.
        """
        check_is_fitted(self, "history_")
        if isinstance(X, Integral):
            raise ValueError(f"X is {X}, no rows; for a number of rows: query(n_instances={X})")
        rounds = self._rounds
        n_instances = rounds.n_instances if n_instances is None else n_instances
        if X is None:
            if groups is not None or starts is not None:
                raise ValueError(
                    "groups and starts are those of an X given to query; those of the pool are "
                    "given to fit"
                )
            self._check_pool()
            return rounds.choose(n_instances)
        self._check_model()
        X = match_rows(self, X, rounds.state)
        groups, starts = check_groups(groups, n_rows(X)), check_starts(starts, n_rows(X))
        readable = readable_rows(rounds.model, Rows(X, np.arange(n_rows(X)), starts))
        return rounds.ask(readable, n_instances, groups)[0]

    def teach(self, X=None, y=None, *, indices=None):
        """Add labels and train on all labels so far.

        Parameters
        ----------
        X : array-like or sequence of n rows, default=None
            Labeled rows from outside the X given to `fit`; either these or `indices`. They are
            copied, and brought into the container of that X: the columns of a DataFrame into
            its order, an array into a DataFrame.
        y : array-like of shape (n,)
            Their labels. With `indices`, `unlabeled` says "cannot tell": that row is not
            asked for again.
        indices : array-like of shape (n,), default=None
            Positions in the X given to `fit`.

        Returns
        -------
        ActiveLearningClassifier
            The object itself.

        Raises
        ------
        ValueError
            If a label is unknown, or a position is outside X, given twice or labeled
            already; if rows do not fit to those given to `fit`; if another process has gone on
            with the checkpoint. Nothing has changed then.
        """
        check_is_fitted(self, "history_")
        if y is None or (X is None) == (indices is None):
            raise ValueError("teach needs y and either X or indices: teach(indices=..., y=...)")
        self._check_pool()
        state = self._rounds.state
        if indices is not None:
            indices = check_indices(indices, n_rows(state.X), state.labeled)
            codes = self._codes(y, indices)
            with self._checkpoint.hold():
                self._rounds.reveal(indices, codes)
                return self._take_in()
        if are_integers(X) and not are_integers(state.template):
            raise ValueError(
                "X has integers, not rows; if they are positions in the X given to fit: "
                "teach(indices=..., y=...)"
            )
        X = match_rows(self, X, state)
        codes = self._codes(y, X)
        if (codes < 0).any():
            raise ValueError(f"row {np.flatnonzero(codes < 0)[0]} of X has no label; leave it out")
        readable = readable_rows(self._rounds.model, X)
        with self._checkpoint.hold():
            if len(readable):
                X = readable.take()
                self._try(X)
                state.add_rows(X, codes[readable.positions])
            return self._take_in()

    def _check_pool(self):
        """Raise an error where the rows given to `fit` were left out of a pickle."""
        if not self._rounds.state.has_pool:
            self._rounds.state.X.refuse()

    def _try(self, X):
        """Let the model predict rows before they are kept: what it cannot take raises here."""
        if hasattr(self, "estimator_"):
            ask(self.estimator_, "predict", X)

    def _take_in(self):
        """Keep new labels, then train on them."""
        self._save()
        self._learn()
        self._wait_or_stop()
        return self

    def _codes(self, y, rows, name="y"):
        """Return the class codes of new labels, -1 for those marked unlabeled."""
        return encode(*check_labels(y, self.unlabeled, n_rows(rows), name), self.classes_)
