"""Small pools for the checks of strategies, and queries on them."""

from copy import deepcopy
from dataclasses import dataclass, field

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from skal._utils.rows.lazy import n_rows
from skal.strategies.checks.fake_net import FakeNet

__all__ = ["Lookup", "Task", "make_task", "task_around"]


@dataclass
class Task:
    """A fitted model, a pool, and labeled rows."""

    model: object
    X: object
    X_labeled: object
    y_labeled: np.ndarray
    groups: np.ndarray = field(init=False)
    starts: np.ndarray = field(init=False)

    def __post_init__(self):
        self.groups = np.array([f"recording {number}" for number in range(self.n_samples)])
        self.starts = np.arange(self.n_samples, dtype=float)

    @property
    def n_samples(self):
        """Return the number of candidates."""
        return n_rows(self.X)

    def ask(self, strategy, n_instances, seed=0, **changed):
        """Query, and check positions and scores before returning them."""
        context = {name: getattr(self, name) for name in ("X_labeled", "y_labeled", "starts")}
        context |= {"groups": self.groups, "random_state": seed, **changed}
        answer = strategy.query(self.model, self.X, n_instances, return_scores=True, **context)
        _check_answer(*answer, self.n_samples, n_instances)
        return answer


def _check_answer(positions, scores, n_samples, n_instances):
    wanted = min(n_instances, n_samples)
    assert len(positions) == wanted, (
        f"{len(positions)} positions where {wanted} were wanted (n_instances={n_instances}, "
        f"{n_samples} candidates, each a group of its own)"
    )
    assert positions.dtype.kind == "i", f"positions of dtype {positions.dtype}"
    assert len(np.unique(positions)) == wanted, "a position more than once"
    assert positions.min() >= 0, "a negative position"
    assert positions.max() < n_samples, f"position {positions.max()} of {n_samples} candidates"
    assert np.shape(scores) == (wanted,), f"scores of shape {np.shape(scores)}, not {(wanted,)}"


def make_task(n_samples=40, n_classes=3, *, shape=(3,), dtype=np.float64, net=None, n_labeled=12):
    """Draw a pool and labeled rows, and fit a network on these."""
    rng = np.random.RandomState(n_samples)
    X = rng.standard_normal((n_samples + n_labeled, *shape)).astype(dtype)
    y = np.arange(n_labeled) % n_classes
    net = FakeNet() if net is None else net
    return Task(net.fit(X[:n_labeled], y), X[n_labeled:], X[:n_labeled], y)


def task_around(model, X):
    """Split X into labeled rows (the first ones) and a pool."""
    if X is None or len(X) < 20:
        raise ValueError("check_strategy(model=...) needs X, at least 20 rows for the model")
    y = np.asarray(model.classes_)[np.arange(6) % len(model.classes_)]
    X = deepcopy(X)  # a copy, in case a strategy changes it
    return Task(model, X[6:], X[:6], y)


class Lookup(TransformerMixin, BaseEstimator):
    """Transformer for rows other than matrices: paths whose names are numbers, or waveforms."""

    def __init__(self, table):
        self.table = table

    def fit(self, X, y=None):
        """Do nothing."""
        return self

    def transform(self, X):
        """Look up the features of paths, or cut them out of waveforms."""
        if isinstance(X[0], str):
            return self.table[[int(path.split(".")[0]) for path in X]]
        return np.stack([waveform[:3] for waveform in X])

    def __sklearn_is_fitted__(self):
        return True
