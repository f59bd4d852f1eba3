"""Strategies made of strategies: one behind another, or capped by group."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval

from skal.strategies.base import QueryStrategy, as_strategy

__all__ = ["MaxPerGroup", "Prefilter", "query_among"]


def query_among(strategy, learner, X, n_instances, among, *, groups=None, **context):
    """Query among some of the candidates only.

    Parameters
    ----------
    strategy : QueryStrategy or callable
        The strategy asked.
    learner : Learner
        The window on the classifier.
    X : Rows of length n_samples
        All candidates.
    n_instances : int
        Rows wanted.
    among : ndarray of shape (n_among,)
        Positions in X of the candidates that the strategy sees.
    groups : ndarray of shape (n_samples,), default=None
        Group of each candidate in X.
    **context : dict
        Other arguments of `QueryStrategy.query`, handed on.

    Returns
    -------
    positions : ndarray of shape (min(n_instances, n_among),)
        Positions in X, most wanted first.
    scores : ndarray of shape (min(n_instances, n_among),)
        The score of each, NaN where the strategy gives none.
    """
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
    """Let one strategy pick candidates, and another choose among them.

    Parameters
    ----------
    score : QueryStrategy or callable
        Picks ``factor * n_instances`` candidates, such as `EntropySampling`.
    then : QueryStrategy or callable
        Chooses among them, such as a strategy that looks for diversity and would be slow, or
        drawn to the outskirts, in the whole pool.
    factor : float, default=3
        Candidates kept for each row wanted.
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


class MaxPerGroup(QueryStrategy):
    """Take at most a few rows of one group in a round.

    A group is a recording, a speaker or a place: what one query about it teaches, the next of
    the same round teaches again. The groups are those given to `query` or ``fit``. The strategy
    is asked for as many rows as are wanted, and, as long as too many of them are of one group,
    again for twice as many, without the surplus rows of the groups that are full.

    Where the groups run out, fewer rows than wanted are picked.

    Parameters
    ----------
    strategy : QueryStrategy or callable
        Picks the rows.
    k : int, default=1
        Rows of one group in a round.
    """

    _parameter_constraints = {
        "strategy": [QueryStrategy, callable],
        "k": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, strategy, k=1):
        self.strategy = strategy
        self.k = k

    def select(self, learner, X, n_instances, *, groups, random_state, **context):
        """Pick rows, no more than k of a group; see `QueryStrategy.select`."""
        if groups is None:
            raise ValueError(
                "MaxPerGroup needs the group of every row: give groups to query or fit"
            )
        _, codes = np.unique(groups, return_inverse=True)
        sizes = np.bincount(codes)
        wanted = min(n_instances, np.minimum(sizes, self.k).sum())
        context["groups"] = groups
        seed = random_state.randint(np.iinfo(np.int32).max)
        among, asked = np.arange(len(X)), n_instances
        while True:
            # The same seed each time: a longer list then begins as the shorter one did.
            context["random_state"] = check_random_state(seed)
            positions, scores = query_among(self.strategy, learner, X, asked, among, **context)
            allowed = occurrence(codes[positions]) < self.k
            kept = positions[allowed]
            if len(kept) >= wanted or asked >= len(among):
                return kept[:n_instances], scores[allowed][:n_instances]
            full = np.bincount(codes[kept], minlength=len(sizes)) >= self.k
            among = np.union1d(kept, among[~full[codes[among]]])
            asked = min(2 * asked, len(among))


def occurrence(values):
    """Count, for each entry, the equal entries in front of it.

    Parameters
    ----------
    values : ndarray of shape (n_samples,)
        Integers.

    Returns
    -------
    ndarray of shape (n_samples,)
    """
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.searchsorted(ordered, ordered, side="left")
    counts = np.empty(len(values), dtype=np.intp)
    counts[order] = np.arange(len(values)) - starts
    return counts
