"""Stopping criteria: stop when more labels no longer help, or at a limit."""

from abc import ABCMeta, abstractmethod
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.metrics import cohen_kappa_score
from sklearn.model_selection import GroupKFold, GroupShuffleSplit

from skal._utils.private import Interval
from skal.strategies.functions import entropy

__all__ = [
    "LowUncertainty",
    "NoGain",
    "StabilizedPredictions",
    "StoppingCriterion",
    "TargetScore",
]


class StoppingCriterion(BaseEstimator, metaclass=ABCMeta):
    """Base of the stopping criteria.

    A campaign clones its criteria, and calls all of them after every training. A criterion stores
    its state in attributes that end with an underscore. If it uses `CampaignView.predict_proba`,
    set the class attribute ``needs = ("predict_proba",)``, so that classifiers without
    probabilities are refused before any training.

    See Also
    --------
    CampaignView : All that a criterion may read.
    TargetScore, NoGain, StabilizedPredictions, LowUncertainty : The criteria of skal.

    Examples
    --------
    A criterion that stops when the last labels were all of one class:

    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal import ActiveLearningClassifier
    >>> from skal.campaign import StoppingCriterion
    >>> class OneClassOnly(StoppingCriterion):
    ...     def __init__(self, n=5):
    ...         self.n = n
    ...
    ...     def reason(self, campaign):
    ...         last = campaign.labels()[-self.n:]
    ...         return f"the last {self.n} labels are {last[0]}" if len(set(last)) == 1 else None
    >>> X = np.arange(100.0).reshape(-1, 1)
    >>> y = np.where(X.ravel() < 50, "rain", "wind")
    >>> campaign = ActiveLearningClassifier(
    ...     LogisticRegression(), n_initial=10, n_instances=5,
    ...     stopping=OneClassOnly(), random_state=0,
    ... ).fit(X, y)
    >>> campaign.stop_reason_
    'the last 5 labels are wind'
    """

    needs: tuple[str, ...] = ()

    @abstractmethod
    def reason(self, campaign):
        """Return why the campaign should stop.

        Parameters
        ----------
        campaign : CampaignView
            Provides the history, the labels, and predictions of the last model.

        Returns
        -------
        str or None
            The reason, or None to continue.
        """


class _Validated(StoppingCriterion):
    """Base of criteria that score a copy of the classifier on held-out labels."""

    _parameter_constraints = {
        "validation": [
            Interval(Integral, 2, None, closed="left"),
            Interval(Real, 0, 1, closed="neither"),
        ],
    }

    def _score(self, campaign):
        """Return the accuracy on held-out labels, or None with too few labels."""
        weights, given = campaign.weights(), campaign.groups()
        counted = np.arange(campaign.n_labeled) if weights is None else np.flatnonzero(weights)
        groups = counted if given is None else given[counted]
        splitter = self._splitter(groups, given is not None, campaign.seed("validation"))
        if splitter is None:
            return None
        correct = n_scored = 0
        for train, test in splitter.split(np.zeros(len(counted)), groups=groups):
            hits = campaign.score_copy(counted[train], counted[test])
            if hits is None:
                return None
            correct += hits
            n_scored += len(test)
        return correct / n_scored

    def _splitter(self, groups, few_allowed, seed):
        n_groups = len(np.unique(groups))
        if isinstance(self.validation, Integral):
            n_folds = min(self.validation, n_groups) if few_allowed else self.validation
            enough = 2 <= n_folds <= n_groups
            return GroupKFold(n_folds, shuffle=True, random_state=seed) if enough else None
        n_test = int(self.validation * n_groups)
        return GroupShuffleSplit(1, test_size=n_test, random_state=seed) if n_test else None


class TargetScore(_Validated):
    """Stop when the validated accuracy reaches a target.

    Each check trains a copy of the classifier: once, or once per fold.

    Parameters
    ----------
    target : float
        Accuracy to reach.
    validation : int or float, default=5
        Number of folds of a cross-validation over the labels, or the share of labels to hold out.
        With groups given to ``fit``, whole groups are held out, with at most as many folds as
        groups. Chosen rows are harder than average, so the estimate is rather low.

    See Also
    --------
    NoGain : Stops where more labels no longer help.
    LowUncertainty : Stops without training copies of the classifier.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal import ActiveLearningClassifier
    >>> from skal.campaign import TargetScore
    >>> X, y = load_iris(return_X_y=True)
    >>> campaign = ActiveLearningClassifier(
    ...     LogisticRegression(max_iter=500), n_initial=10, n_instances=10, budget=None,
    ...     stopping=TargetScore(0.95), random_state=0,
    ... ).fit(X, y)
    >>> campaign.stop_reason_
    'the validated accuracy of ... reaches the target of 0.95'
    >>> len(campaign.labeled_indices_) < len(X)
    True
    """

    _parameter_constraints = {
        **_Validated._parameter_constraints,
        "target": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(self, target, *, validation=5):
        self.target = target
        self.validation = validation

    def reason(self, campaign):
        """Return a reason if the target is reached; see `StoppingCriterion.reason`."""
        score = self._score(campaign)
        if score is None or score < self.target:
            return None
        return f"the validated accuracy of {score:.3f} reaches the target of {self.target}"


class NoGain(_Validated):
    """Stop when the validated accuracy no longer rises.

    Parameters
    ----------
    n_rounds : int, default=3
        Rounds without a gain.
    min_gain : float, default=0.005
        Smallest rise above the previous best accuracy that counts as a gain.
    validation : int or float, default=5
        As in `TargetScore`.

    See Also
    --------
    TargetScore : Stops at a given accuracy.
    StabilizedPredictions : Compares predictions, and needs no held-out labels.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal import ActiveLearningClassifier
    >>> from skal.campaign import NoGain
    >>> X, y = load_iris(return_X_y=True)
    >>> campaign = ActiveLearningClassifier(
    ...     LogisticRegression(max_iter=500), n_initial=10, n_instances=10, budget=None,
    ...     stopping=NoGain(n_rounds=2), random_state=0,
    ... ).fit(X, y)
    >>> campaign.stop_reason_
    'the validated accuracy has not risen in 2 rounds (0.9...)'
    >>> len(campaign.labeled_indices_) < len(X)
    True
    """

    _parameter_constraints = {
        **_Validated._parameter_constraints,
        "n_rounds": [Interval(Integral, 1, None, closed="left")],
        "min_gain": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(self, n_rounds=3, *, min_gain=0.005, validation=5):
        self.n_rounds = n_rounds
        self.min_gain = min_gain
        self.validation = validation

    def reason(self, campaign):
        """Return a reason if there is no gain; see `StoppingCriterion.reason`."""
        self.scores_ = getattr(self, "scores_", [])
        if _has_news(campaign):
            score = self._score(campaign)
            self.scores_ = self.scores_ if score is None else [*self.scores_, score]
        before, recent = self.scores_[: -self.n_rounds], self.scores_[-self.n_rounds :]
        if not before or max(recent) >= max(before) + self.min_gain:
            return None
        return f"the validated accuracy has not risen in {self.n_rounds} rounds ({recent[-1]:.3f})"


def _has_news(campaign):
    """Return whether the last round had new labels, and so trained a new model."""
    return campaign.history[-1]["n_new_labeled"] > 0


class StabilizedPredictions(StoppingCriterion):
    """Stop when successive models agree on a sample of rows.

    Parameters
    ----------
    agreement : float, default=0.99
        Cohen's kappa between the predictions of successive models, averaged over `n_rounds`.
    n_rounds : int, default=3
        Number of pairs of successive models to average over.
    max_rows : int, default=2000
        Number of rows of X, drawn once at random, for comparing the models.

    See Also
    --------
    NoGain : Compares accuracies on held-out labels.
    LowUncertainty : Looks at the last model only.

    References
    ----------
    Bloodgood and Vijay-Shanker, "A method for stopping active learning based on stabilizing
    predictions and the need for user-adjustable stopping", CoNLL 2009, section 3.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal import ActiveLearningClassifier
    >>> from skal.campaign import StabilizedPredictions
    >>> X, y = load_iris(return_X_y=True)
    >>> campaign = ActiveLearningClassifier(
    ...     LogisticRegression(max_iter=500), n_initial=10, n_instances=10, budget=None,
    ...     stopping=StabilizedPredictions(0.95, n_rounds=2), random_state=0,
    ... ).fit(X, y)
    >>> campaign.stop_reason_
    'predictions are stable: the last 3 models agree with kappa 0.9...'
    >>> len(campaign.labeled_indices_) < len(X)
    True
    """

    needs = ("predict_proba",)
    _parameter_constraints = {
        "agreement": [Interval(Real, 0, 1, closed="both")],
        "n_rounds": [Interval(Integral, 1, None, closed="left")],
        "max_rows": [Interval(Integral, 2, None, closed="left")],
    }

    def __init__(self, agreement=0.99, *, n_rounds=3, max_rows=2000):
        self.agreement = agreement
        self.n_rounds = n_rounds
        self.max_rows = max_rows

    def reason(self, campaign):
        """Return a reason if the predictions are stable; see `StoppingCriterion.reason`."""
        if campaign.is_constant:
            return None
        if not hasattr(self, "rows_"):
            rng = np.random.RandomState(campaign.seed("stop_set"))
            self.rows_ = np.sort(rng.permutation(campaign.positions)[: self.max_rows])
            self.agreements_, self.predictions_ = [], None
        proba = campaign.predict_proba(self.rows_)
        predictions, before = np.argmax(proba, axis=1), self.predictions_
        self.predictions_ = predictions
        if before is not None and _has_news(campaign):
            self.agreements_.append(_kappa(before, predictions))
        recent = self.agreements_[-self.n_rounds :]
        if len(recent) < self.n_rounds or np.mean(recent) < self.agreement:
            return None
        return (
            f"predictions are stable: the last {self.n_rounds + 1} models agree with kappa "
            f"{np.mean(recent):.3f}"
        )


def _kappa(first, second):
    if np.array_equal(first, second):
        return 1.0  # also if only one class is predicted, where kappa is undefined
    return cohen_kappa_score(first, second)


class LowUncertainty(StoppingCriterion):
    """Stop when the model is certain about every candidate.

    Parameters
    ----------
    threshold : float, default=0.1
        Highest entropy of a candidate's prediction, in nats.

    See Also
    --------
    StabilizedPredictions : Compares successive models.
    TargetScore : Stops at a given accuracy.

    References
    ----------
    Zhu, Wang, Hovy and Ma, "Confidence-based stopping criteria for active learning for data
    annotation", ACM TSLP 2010, section 3.1.

    Examples
    --------
    Several criteria may be given; the first with a reason stops the campaign:

    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal import ActiveLearningClassifier
    >>> from skal.campaign import LowUncertainty, NoGain
    >>> X, y = load_iris(return_X_y=True)
    >>> campaign = ActiveLearningClassifier(
    ...     LogisticRegression(max_iter=500), n_initial=20, budget=None,
    ...     stopping=[LowUncertainty(0.6), NoGain(n_rounds=10)], random_state=0,
    ... ).fit(X, y)
    >>> campaign.stop_reason_
    'no candidate is uncertain: the highest entropy is 0.5...'
    >>> len(campaign.labeled_indices_) < len(X)
    True
    """

    needs = ("predict_proba",)
    _parameter_constraints = {"threshold": [Interval(Real, 0, None, closed="left")]}

    def __init__(self, threshold=0.1):
        self.threshold = threshold

    def reason(self, campaign):
        """Return a reason if no candidate is uncertain; see `StoppingCriterion.reason`."""
        candidates = campaign.candidates
        if len(candidates) == 0 or campaign.is_constant:
            return None
        highest = entropy(campaign.predict_proba(candidates)).max()
        if highest >= self.threshold:
            return None
        return f"no candidate is uncertain: the highest entropy is {highest:.3f}"
