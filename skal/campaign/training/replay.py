"""Replay: the old labels that a round trains on."""

from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, clone

from skal._utils.private import Interval, StrOptions
from skal.cluster import DensityPeaks
from skal.strategies.functions import entropy

__all__ = ["Replay", "as_replay"]


class Replay(BaseEstimator):
    """Train on the labels of this round and on a part of the old labels.

    The model of the last round selects the part. It selects per class, so that no class vanishes,
    and always keeps old labels that it predicts wrong.

    Parameters
    ----------
    mode : {"none", "uncertain", "var", "diverse"}, default="uncertain"
        "none": no old labels. "uncertain": the share `fraction` of the correctly predicted labels,
        those with the highest entropy. "var": as "uncertain", with a share that shrinks as labels
        accumulate, ``fraction * threshold / n_old``; it needs a `threshold` above 0. "diverse":
        the share `fraction`, by density peaks of the embeddings.
    threshold : int, default=0
        Up to this number of old labels, all are kept, except with "none".
    fraction : float, default=0.5
        Share of the correctly predicted old labels of each class, at least one label.

    See Also
    --------
    Finetune : Continues from the last model, which saw the other labels before.
    PseudoLabels : Trains on more rows than the labeled ones.

    Notes
    -----
    Choosing among the old labels costs one forward pass over them.

    Examples
    --------
    Every round trains on its 20 labels and on less than all of the old ones:

    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal import ActiveLearningClassifier
    >>> from skal.campaign import Replay
    >>> X, y = load_iris(return_X_y=True)
    >>> campaign = ActiveLearningClassifier(
    ...     LogisticRegression(max_iter=500),
    ...     replay=Replay("uncertain", fraction=0.5),
    ...     n_initial=20,
    ...     budget=60,
    ...     random_state=0,
    ... ).fit(X, y)
    >>> [record["n_labeled"] for record in campaign.history_]
    [20, 40, 60]
    >>> [record["n_trained"] for record in campaign.history_]
    [20, 31, 43]
    """

    _parameter_constraints = {
        "mode": [StrOptions({"none", "uncertain", "var", "diverse"})],
        "threshold": [Interval(Integral, 0, None, closed="left")],
        "fraction": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(self, mode="uncertain", *, threshold=0, fraction=0.5):
        self.mode = mode
        self.threshold = threshold
        self.fraction = fraction

    def check(self):
        """Refuse parameters that do not go together.

        Raises
        ------
        ValueError
            If "var" has no threshold, because it would keep a single old label per class.
        """
        self._validate_params()
        if self.mode == "var" and self.threshold == 0:
            raise ValueError(
                "replay 'var' keeps the share fraction * threshold / n_old of the old labels, so "
                "it needs a threshold above 0, such as Replay('var', threshold=200); 'uncertain' "
                "needs none"
            )

    @property
    def needs(self):
        """The names of the `Learner` methods that the mode needs."""
        if self.mode == "none":
            return ()
        return ("predict_proba", "embed") if self.mode == "diverse" else ("predict_proba",)

    def choose(self, learner, X, codes):
        """Choose among old labels.

        Parameters
        ----------
        learner : Learner
            The model of the last round.
        X : Rows of length n_old
            Rows labeled in earlier rounds.
        codes : ndarray of shape (n_old,)
            Columns of their classes.

        Returns
        -------
        ndarray of shape (n_kept,)
            Positions in X, ascending.
        """
        self.check()
        n_old = len(codes)
        if self.mode == "none":
            return np.empty(0, dtype=np.intp)
        if n_old <= self.threshold:
            return np.arange(n_old)
        fraction = self.fraction
        if self.mode == "var":
            fraction *= self.threshold / n_old
        proba = learner.predict_proba(X)
        correct = np.argmax(proba, axis=1) == codes
        kept = [np.flatnonzero(~correct)]
        for code in np.unique(codes):
            rows = np.flatnonzero(correct & (codes == code))
            n_kept = max(1, int(np.ceil(fraction * len(rows))))
            if self.mode == "diverse":
                order = _by_prominence(learner.embed(X)[rows])
            else:
                order = np.argsort(-entropy(proba[rows]), kind="stable")
            kept.append(rows[order[:n_kept]])
        return np.sort(np.concatenate(kept))


def _by_prominence(embedding):
    """Order points by density times distance to a denser point."""
    if len(embedding) < 3:
        return np.arange(len(embedding))
    peaks = DensityPeaks().fit(embedding)
    return np.argsort(-peaks.rho_ * peaks.delta_, kind="stable")


def as_replay(replay):
    """Return a Replay for the name of a mode, or a copy of a Replay."""
    if replay is None:
        return None
    replay = Replay(replay) if isinstance(replay, str) else clone(replay)
    replay.check()
    return replay
