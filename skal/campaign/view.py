"""CampaignView: the data of a campaign for stopping criteria."""

import copy

import numpy as np

from skal._utils.estimators.pipelines import ask
from skal.campaign.training.fit import fit, fresh_copy

__all__ = ["CampaignView"]


class CampaignView:
    """Read-only view of a campaign for stopping criteria.

    A campaign passes its view to every criterion after every training. All results are copies, so
    criteria cannot change the campaign. Hidden labels are not accessible.

    Parameters
    ----------
    rounds : object
        The rounds of the campaign.

    See Also
    --------
    StoppingCriterion : Reads it.

    Examples
    --------
    A criterion that stops when every class has enough labels:

    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal import ActiveLearningClassifier
    >>> from skal.campaign import StoppingCriterion
    >>> class EnoughOfEachClass(StoppingCriterion):
    ...     def __init__(self, n=10):
    ...         self.n = n
    ...
    ...     def reason(self, campaign):
    ...         counts = [np.sum(campaign.labels() == name) for name in campaign.classes_]
    ...         return f"{self.n} labels of each class" if min(counts) >= self.n else None
    >>> X, y = load_iris(return_X_y=True)
    >>> ActiveLearningClassifier(
    ...     LogisticRegression(max_iter=500), stopping=EnoughOfEachClass(8), random_state=0
    ... ).fit(X, y).stop_reason_
    '8 labels of each class'
    """

    def __init__(self, rounds):
        self._rounds = rounds

    @property
    def history(self):
        """The records so far, a list of dict; see `ActiveLearningClassifier.history_`."""
        return copy.deepcopy(self._rounds.history)

    @property
    def n_rounds(self):
        """Number of rounds so far, without the first training."""
        return self._rounds.n_rounds

    @property
    def classes_(self):
        """The classes of the task, sorted."""
        return self._rounds.state.classes.copy()

    @property
    def n_labeled(self):
        """Number of labels, including rows from outside X."""
        return self._rounds.state.n_labeled

    @property
    def candidates(self):
        """The positions in X of the rows that can still be asked, ascending."""
        return self._rounds.state.candidates

    @property
    def positions(self):
        """The positions in X of all readable rows, ascending."""
        return self._rounds.state.usable.positions.copy()

    @property
    def is_constant(self):
        """Return whether the model is constant, or has learned labels of one class only."""
        return self._rounds.is_constant

    def labels(self):
        """Return the labels so far.

        Returns
        -------
        ndarray of shape (n_labeled,)
            Labels of X in the order asked, then labels of rows from outside X.
        """
        return self._rounds.state.training_set().y

    def groups(self):
        """Return the group of each label.

        Returns
        -------
        ndarray of shape (n_labeled,) or None
            Numbers, in the order of `labels`. A row from outside X is its own group. None if `fit`
            got no groups.
        """
        return self._rounds.state.training_set().groups

    def weights(self):
        """Return the sample weight of each label.

        Returns
        -------
        ndarray of shape (n_labeled,) or None
            In the order of `labels`; None if all are 1.
        """
        return self._rounds.state.training_set().weights

    def predict_proba(self, positions):
        """Predict with the model of the last round.

        Parameters
        ----------
        positions : ndarray of shape (n,)
            Positions in X.

        Returns
        -------
        ndarray of shape (n, n_classes)
            A column for each of `classes_`.
        """
        rounds = self._rounds
        return rounds.learner.predict_proba(rounds.state.rows(np.asarray(positions))).copy()

    def score_copy(self, train, test):
        """Train a fresh copy of the classifier on some labels, and count its correct predictions
        on others.

        Parameters
        ----------
        train, test : ndarray of int
            Positions in `labels`.

        Returns
        -------
        int or None
            Number of correct predictions among `test`; None if `train` has fewer than two classes.
        """
        rounds = self._rounds
        data = rounds.state.training_set()
        if len(np.unique(data.y[train])) < 2:
            return None
        if rounds.copy is None:
            rounds.copy = fresh_copy(rounds.model)
        train, test = data.take(train), data.take(test)
        seed = self.seed("validation")
        fit(rounds.copy, train, rounds.state.classes, seed, rounds.weight_names)
        return int(np.sum(ask(rounds.copy, "predict", test.X) == test.y))

    def seed(self, purpose):
        """Return a seed for a random choice of this round.

        Parameters
        ----------
        purpose : str
            Name of the purpose; each purpose has an independent seed.

        Returns
        -------
        int
            From 0 to 2**31 - 1. The same in a resumed campaign.
        """
        return self._rounds.seed(purpose)
