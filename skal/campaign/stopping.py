"""When a campaign stops: labels that no longer pay, and limits."""

from abc import ABCMeta, abstractmethod
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.metrics import cohen_kappa_score
from sklearn.model_selection import GroupKFold, GroupShuffleSplit
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import Interval

from skal._rows import Rows
from skal.campaign.training import fresh_copy, seed_all, validation_arguments
from skal.strategies import entropy

__all__ = [
    "EmptyPool",
    "LabelBudget",
    "LowUncertainty",
    "MaxRounds",
    "NoGain",
    "StabilizedPredictions",
    "StoppingCriterion",
    "TargetScore",
]


class StoppingCriterion(BaseEstimator, metaclass=ABCMeta):
    """Base of what ends a campaign.

    A campaign clones its criteria, and asks each after every training.
    """

    @abstractmethod
    def reason(self, rounds):
        """Say why the campaign should stop.

        Parameters
        ----------
        rounds : Rounds
            The campaign: ``history`` (see `ActiveLearningClassifier.history_`), ``learner``
            (the window on the model of the last round), ``state.X``, ``state.candidates``
            (positions that may be asked for), ``training_set()`` and ``seed(purpose)``.

        Returns
        -------
        str or None
            None to go on.
        """


class EmptyPool(StoppingCriterion):
    """Stop when no row is left to ask for; always in force."""

    def reason(self, rounds):
        """Say so if the pool is empty; see `StoppingCriterion.reason`."""
        return None if rounds.state.open.any() else "the pool is empty"


class LabelBudget(StoppingCriterion):
    """Stop at a number of labels; what ``budget`` stands for.

    Parameters
    ----------
    budget : int
        Labels in all.
    """

    _parameter_constraints = {"budget": [Interval(Integral, 1, None, closed="left")]}

    def __init__(self, budget):
        self.budget = budget

    def reason(self, rounds):
        """Say so if the budget is spent; see `StoppingCriterion.reason`."""
        spent = rounds.state.n_labeled >= self.budget
        return f"the budget of {self.budget} labels is spent" if spent else None


class MaxRounds(StoppingCriterion):
    """Stop after a number of rounds; what ``max_rounds`` stands for.

    Parameters
    ----------
    max_rounds : int
        Rounds of asking.
    """

    _parameter_constraints = {"max_rounds": [Interval(Integral, 0, None, closed="left")]}

    def __init__(self, max_rounds):
        self.max_rounds = max_rounds

    def reason(self, rounds):
        """Say so if the rounds are played; see `StoppingCriterion.reason`."""
        return f"max_rounds={self.max_rounds} is reached" if self._reached(rounds) else None

    def _reached(self, rounds):
        return len(rounds.history) > self.max_rounds


class _Validated(StoppingCriterion):
    """Base of criteria that score a copy of the classifier on labels it was not trained on."""

    _parameter_constraints = {
        "validation": [
            Interval(Integral, 2, None, closed="left"),
            Interval(Real, 0, 1, closed="neither"),
        ],
    }

    def _score(self, rounds):
        """Return the accuracy on held-out labels, None where there are too few labels."""
        X, y, weights, given = self._labels(rounds)
        groups = np.arange(len(y)) if given is None else given
        splitter = self._splitter(groups, given is not None, rounds.seed("validation"))
        if splitter is None:
            return None
        if not hasattr(self, "_copy"):
            self._copy = fresh_copy(rounds.model)
        correct = n_scored = 0
        for train, test in splitter.split(np.zeros(len(y)), groups=groups):
            if len(np.unique(y[train])) < 2:
                return None
            seed_all(self._copy, rounds.seed("validation"))
            about = validation_arguments(
                self._copy, len(train), 0, None if given is None else given[train]
            )
            if weights is not None:
                about |= dict.fromkeys(rounds.weight_names, weights[train])
            self._copy.fit(_safe_indexing(X, train), y[train], **about)
            correct += np.sum(self._copy.predict(_safe_indexing(X, test)) == y[test])
            n_scored += len(test)
        return correct / n_scored

    def _labels(self, rounds):
        """Return rows, labels, weights and groups of the labels that have any weight."""
        X, y, weights = rounds.training_set()
        groups = rounds.state.training_groups()
        if weights is None or weights.all():
            return X, y, weights, groups
        some = np.flatnonzero(weights)
        groups = None if groups is None else groups[some]
        return _safe_indexing(X, some), y[some], weights[some], groups

    def _splitter(self, groups, few_allowed, seed):
        n_groups = len(np.unique(groups))
        if isinstance(self.validation, Integral):
            n_folds = min(self.validation, n_groups) if few_allowed else self.validation
            enough = 2 <= n_folds <= n_groups
            return GroupKFold(n_folds, shuffle=True, random_state=seed) if enough else None
        n_test = int(self.validation * n_groups)
        return GroupShuffleSplit(1, test_size=n_test, random_state=seed) if n_test else None

    def __getstate__(self):
        state = super().__getstate__().copy()
        state.pop("_copy", None)  # an untrained classifier costs nothing to make again
        return state


class TargetScore(_Validated):
    """Stop when the accuracy, estimated on a part of the labels, reaches a target.

    Each check trains the classifier anew: once, or once per fold.

    Parameters
    ----------
    target : float
        Accuracy to reach.
    validation : int or float, default=5
        Folds of a cross-validation over the labels, or the share of them that is held out;
        with groups given to ``fit``, over the groups, in no more folds than there are groups.
        Labels that a strategy chose are harder than others: the estimate is low rather than
        high.
    """

    _parameter_constraints = {
        **_Validated._parameter_constraints,
        "target": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(self, target, *, validation=5):
        self.target = target
        self.validation = validation

    def reason(self, rounds):
        """Say so if the target is reached; see `StoppingCriterion.reason`."""
        score = self._score(rounds)
        if score is None or score < self.target:
            return None
        return f"the validated accuracy of {score:.3f} reaches the target of {self.target}"


class NoGain(_Validated):
    """Stop when the accuracy, estimated on a part of the labels, has stopped rising.

    Parameters
    ----------
    rounds : int, default=3
        Rounds without a gain.
    min_gain : float, default=0.005
        What counts as a gain over the best accuracy before.
    validation : int or float, default=5
        As in `TargetScore`.
    """

    _parameter_constraints = {
        **_Validated._parameter_constraints,
        "rounds": [Interval(Integral, 1, None, closed="left")],
        "min_gain": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(self, rounds=3, *, min_gain=0.005, validation=5):
        self.rounds = rounds
        self.min_gain = min_gain
        self.validation = validation

    def reason(self, rounds):
        """Say so if nothing has been gained; see `StoppingCriterion.reason`."""
        score = self._score(rounds)
        if score is None:
            return None
        self.scores_ = [*getattr(self, "scores_", []), score]
        before, lately = self.scores_[: -self.rounds], self.scores_[-self.rounds :]
        if not before or max(lately) >= max(before) + self.min_gain:
            return None
        return f"the validated accuracy has not risen in {self.rounds} rounds ({score:.3f})"


class StabilizedPredictions(StoppingCriterion):
    """Stop when successive models agree on rows that need no labels.

    Parameters
    ----------
    agreement : float, default=0.99
        Cohen's kappa between the predictions of successive models, averaged over `rounds`.
    rounds : int, default=3
        Pairs of successive models that are averaged.
    max_rows : int, default=2000
        Rows of X, drawn once at random, that the models are compared on.

    References
    ----------
    Bloodgood and Vijay-Shanker, "A method for stopping active learning based on stabilizing
    predictions and the need for user-adjustable stopping", CoNLL 2009, section 3.
    """

    _parameter_constraints = {
        "agreement": [Interval(Real, 0, 1, closed="both")],
        "rounds": [Interval(Integral, 1, None, closed="left")],
        "max_rows": [Interval(Integral, 2, None, closed="left")],
    }

    def __init__(self, agreement=0.99, *, rounds=3, max_rows=2000):
        self.agreement = agreement
        self.rounds = rounds
        self.max_rows = max_rows

    def reason(self, rounds):
        """Say so if the predictions are stable; see `StoppingCriterion.reason`."""
        if not hasattr(self, "rows_"):
            usable = rounds.state.usable.positions
            rng = np.random.RandomState(rounds.seed("stop_set"))
            self.rows_ = np.sort(rng.permutation(usable)[: self.max_rows])
            self.agreements_, self.predictions_ = [], None
        proba = rounds.learner.predict_proba(Rows(rounds.state.X, self.rows_))
        predictions, before = np.argmax(proba, axis=1), self.predictions_
        self.predictions_ = predictions
        if before is None:
            return None
        self.agreements_.append(_kappa(before, predictions))
        lately = self.agreements_[-self.rounds :]
        if len(lately) < self.rounds or np.mean(lately) < self.agreement:
            return None
        return (
            f"predictions are stable: the last {self.rounds + 1} models agree with kappa "
            f"{np.mean(lately):.3f}"
        )


def _kappa(first, second):
    if np.array_equal(first, second):
        return 1.0  # also where only one class is predicted, for which kappa is undefined
    return cohen_kappa_score(first, second)


class LowUncertainty(StoppingCriterion):
    """Stop when the model is sure of every candidate.

    Parameters
    ----------
    threshold : float, default=0.1
        Highest entropy of a candidate's prediction, in nats.

    References
    ----------
    Zhu, Wang, Hovy and Ma, "Confidence-based stopping criteria for active learning for data
    annotation", ACM TSLP 2010, section 3.1.
    """

    _parameter_constraints = {"threshold": [Interval(Real, 0, None, closed="left")]}

    def __init__(self, threshold=0.1):
        self.threshold = threshold

    def reason(self, rounds):
        """Say so if no candidate is uncertain; see `StoppingCriterion.reason`."""
        candidates = rounds.state.candidates
        if len(candidates) == 0:
            return None
        highest = entropy(rounds.learner.predict_proba(Rows(rounds.state.X, candidates))).max()
        if highest >= self.threshold:
            return None
        return f"no candidate is uncertain: the highest entropy is {highest:.3f}"
