"""Pseudo-labels: training on confident predictions of the last model."""

from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator

from skal._utils.private import Interval, StrOptions
from skal.strategies.functions import entropy

__all__ = ["PseudoLabels"]


class PseudoLabels(BaseEstimator):
    """Also train on candidates whose predictions have a low entropy.

    After the human labels of a round, the model that chose the rows predicts the rest of the pool.
    For this training only, candidates with entropy below the threshold get their most probable
    class as label. Rows answered in the round, even by "cannot tell", are never pseudo-labeled in
    it.

    Parameters
    ----------
    threshold : float, default=0.046
        Highest entropy, in nats, in the first round.
    decay : float, default=0.001
        Rate at which the threshold falls: as labels accumulate, the model must be more certain.
    schedule : {"linear", "recursive"}, default="linear"
        "linear": ``threshold - decay * t`` in round t (t = 0, 1, ...). "recursive": the previous
        threshold minus ``decay * t``.
    floor : float, default=1e-4
        Lower limit of the threshold.
    max_per_class : int, default=None
        Maximum number of pseudo-labels of a class, by lowest entropy.
    weight : float, default=1.0
        Sample weight of a pseudo-label; a human label has weight 1. Values other than 1 need a
        classifier whose ``fit`` takes ``sample_weight``.

    See Also
    --------
    Replay : Trains on fewer of the old labels.

    References
    ----------
    Wang, Zhang, Li, Zhang and Lin, "Cost-effective active learning for deep image
    classification", arXiv 1701.03551, section III-B.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal import ActiveLearningClassifier
    >>> from skal.campaign import PseudoLabels
    >>> X, y = load_iris(return_X_y=True)
    >>> campaign = ActiveLearningClassifier(
    ...     LogisticRegression(max_iter=500),
    ...     pseudo_labels=PseudoLabels(threshold=0.2, decay=0.01),
    ...     n_initial=20,
    ...     budget=60,
    ...     random_state=0,
    ... ).fit(X, y)
    >>> last = campaign.history_[-1]
    >>> last["n_labeled"], last["n_pseudo_labeled"], last["n_trained"], last["pseudo_accuracy"]
    (60, 31, 91, 1.0)

    Only confident predictions become labels, here of rows 0 and 3:

    >>> import numpy as np
    >>> proba = np.array([[0.99, 0.01], [0.9, 0.1], [0.4, 0.6], [0.0, 1.0]])
    >>> positions, codes = PseudoLabels(threshold=0.1).choose(proba, t=0)
    >>> positions.tolist(), codes.tolist()
    ([0, 3], [0, 1])
    """

    needs = ("predict_proba",)
    _parameter_constraints = {
        "threshold": [Interval(Real, 0, None, closed="left")],
        "decay": [Interval(Real, 0, None, closed="left")],
        "schedule": [StrOptions({"linear", "recursive"})],
        "floor": [Interval(Real, 0, None, closed="left")],
        "max_per_class": [Interval(Integral, 1, None, closed="left"), None],
        "weight": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        threshold=0.046,
        decay=0.001,
        *,
        schedule="linear",
        floor=1e-4,
        max_per_class=None,
        weight=1.0,
    ):
        self.threshold = threshold
        self.decay = decay
        self.schedule = schedule
        self.floor = floor
        self.max_per_class = max_per_class
        self.weight = weight

    def threshold_at(self, t):
        """Compute the threshold of a round.

        Parameters
        ----------
        t : int
            The round, 0 for the first one.

        Returns
        -------
        float
            Highest entropy, in nats. A threshold of 0 stays 0 and gives no pseudo-labels.
        """
        if self.threshold == 0:
            return 0.0
        steps = t if self.schedule == "linear" else t * (t + 1) / 2
        return max(self.threshold - self.decay * steps, min(self.floor, self.threshold))

    def choose(self, proba, t):
        """Choose the candidates to pseudo-label.

        Parameters
        ----------
        proba : ndarray of shape (n_candidates, n_classes)
            Predictions of the model that chose the rows of this round.
        t : int
            The round, 0 for the first one.

        Returns
        -------
        positions : ndarray of shape (n,)
            Positions of candidates, ascending.
        codes : ndarray of shape (n,)
            Columns of their classes.
        """
        uncertainty = entropy(proba)
        codes = np.argmax(proba, axis=1)
        sure = np.flatnonzero(uncertainty < self.threshold_at(t))
        if self.max_per_class is not None:
            sure = _lowest_per_class(sure, uncertainty, codes, self.max_per_class)
        return sure, codes[sure]


def _lowest_per_class(positions, uncertainty, codes, n):
    order = positions[np.lexsort((uncertainty[positions], codes[positions]))]
    starts = np.searchsorted(codes[order], codes[order], side="left")
    return np.sort(order[np.arange(len(order)) - starts < n])
