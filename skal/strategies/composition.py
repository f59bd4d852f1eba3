"""Strategies in sequence."""

from numbers import Real

import numpy as np

from skal._utils.private import Interval
from skal.strategies.base import QueryStrategy, as_strategy

__all__ = ["Prefilter", "query_among"]


def query_among(strategy, learner, X, n_instances, among, *, groups=None, **context):
    """Query a subset of the candidates."""
    positions, scores = as_strategy(strategy).query(
        learner,
        X[among],
        n_instances,
        groups=None if groups is None else groups[among],
        return_scores=True,
        **context,
    )
    return among[positions], scores


class Prefilter(QueryStrategy):
    """Pick candidates with one strategy, and choose among them with another.

    Parameters
    ----------
    score : QueryStrategy or callable
        Picks ``factor * n_instances`` candidates, such as `EntropySampling`.
    then : QueryStrategy or callable
        Chooses among them, such as a diversity strategy that would be slow on the whole pool or
        prefer its outliers.
    factor : float, default=3
        Number of candidates per row wanted.

    See Also
    --------
    DiverseBatch : Spreads the candidates over clusters.
    SubsamplePool : Chooses in a random part of the pool.

    Examples
    --------
    Pick the twenty most uncertain rows of a thousand, and two dissimilar rows among them:

    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal.strategies import CoreSet, EntropySampling, Prefilter
    >>> model = LogisticRegression().fit([[0, 0], [9, 0]], ["cat", "dog"])
    >>> X = np.random.RandomState(0).uniform(0, 9, size=(1000, 2))
    >>> strategy = Prefilter(EntropySampling(), CoreSet(), factor=10)
    >>> picks = strategy.query(model, X, 2, random_state=0)
    >>> bool(model.predict_proba(X[picks]).max() < 0.55)  # both are uncertain
    True
    >>> bool(abs(X[picks[0], 1] - X[picks[1], 1]) > 4)  # and far from each other
    True
    """

    _parameter_constraints = {
        "score": [QueryStrategy, callable],
        "then": [QueryStrategy, callable],
        "factor": [Interval(Real, 1, None, closed="left")],
    }

    def __init__(self, score, then, factor=3):
        self.score = score
        self.then = then
        self.factor = factor

    def select(self, learner, X, n_instances, **context):
        """Pick rows in two steps; see `QueryStrategy.select`."""
        n_kept = min(len(X), int(np.ceil(self.factor * n_instances)))
        everything = np.arange(len(X))
        kept, _ = query_among(self.score, learner, X, n_kept, everything, **context)
        return query_among(self.then, learner, X, n_instances, kept, **context)
