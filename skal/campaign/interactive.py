"""Interactive campaigns: query rows, and teach their labels."""

import numbers

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skal._utils.estimators.pipelines import ask
from skal._utils.rows.containers import n_rows
from skal._utils.rows.lazy import Rows, check_starts
from skal.campaign.broken import readable_rows
from skal.campaign.given_labels import check_labels, encode
from skal.campaign.inputs import (
    are_integers,
    check_groups,
    check_indices,
    match_rows,
)


class InteractiveMixin:
    """Mixin of `ActiveLearningClassifier` with query and teach."""

    def query(self, X=None, n_instances=None, *, groups=None, starts=None):
        """Choose the rows to label next.

        This does not change the campaign: until `teach` is called, the same query returns the same
        rows.

        Parameters
        ----------
        X : array-like or sequence of n_samples rows, default=None
            Candidates. None: the unlabeled rows given to `fit`.
        n_instances : int, default=None
            Rows wanted. None: as many as in `fit`.
        groups : array-like of shape (n_samples,), default=None
            Recording, speaker or place of each row of the X given here.
        starts : array-like of shape (n_samples,), default=None
            Start of each row of the X given here in its recording, in s.

        Returns
        -------
        ndarray of shape (min(n_instances, n_candidates),)
            Positions in the given X or, without one, in the X given to `fit`; most wanted first.
            Empty if no row is left.

        Raises
        ------
        TypeError
            If X is a number.
        ValueError
            If X does not match the rows given to `fit`, or `groups` or `starts` do not match X.
        """
        check_is_fitted(self, "history_")
        if isinstance(X, numbers.Integral):
            raise TypeError(f"query({X}): the first argument is X; write query(n_instances={X})")
        rounds = self._rounds
        n_instances = rounds.n_instances if n_instances is None else n_instances
        if X is None:
            if groups is not None or starts is not None:
                raise ValueError(
                    "query takes groups and starts only together with X; pass those of the pool "
                    "to fit"
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
            Labeled rows that are not in the X given to `fit`, instead of `indices`. They are
            copied and converted to the container of that X, for example to a DataFrame with its
            order of columns.
        y : array-like of shape (n,)
            Their labels. With `indices`, `unlabeled` says "cannot tell": that row is not asked
            again.
        indices : array-like of shape (n,), default=None
            Positions in the X given to `fit`.

        Returns
        -------
        ActiveLearningClassifier
            The object itself.

        Raises
        ------
        ValueError
            If a label is unknown, or a position is outside X, given twice or labeled already; if
            rows do not match those given to `fit`; if another process has continued the
            checkpoint. The campaign does not change then.
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
        """Raise an error if the campaign was pickled without its rows."""
        if not self._rounds.state.has_pool:
            self._rounds.state.X.refuse()

    def _try(self, X):
        """Predict rows before storing them, so that unsuitable rows raise an error."""
        if hasattr(self, "estimator_"):
            ask(self.estimator_, "predict", X)

    def _take_in(self):
        """Store new labels, then train on them."""
        self._save()
        self._learn()
        self._wait_or_stop()
        return self

    def _codes(self, y, rows, name="y"):
        """Return the class codes of new labels, -1 for those marked unlabeled."""
        return encode(*check_labels(y, self.unlabeled, n_rows(rows), name), self.classes_)
