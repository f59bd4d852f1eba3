"""Herding: rows that cover the pool, or its uncertain rows."""

from math import isqrt
from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_random_state

from skal._utils.distances.pairwise import ROWS, Pairwise
from skal._utils.private import Interval
from skal._utils.threads import run
from skal.strategies.base import QueryStrategy
from skal.strategies.diversity import lower_distances
from skal.strategies.uncertainty import negative_margin

__all__ = ["MaxHerding", "UncertaintyHerding", "max_herding"]

# Number of kernel values: 80 MB as float32, all pairs of 4,472 rows.
_PAIRS = 20_000_000

# Rows to cover per candidate, if there are too many pairs. Thousands of rows to cover are enough,
# because their gaps are averaged, but only candidates can be picked.
_COVERED_PER_CANDIDATE = 5

# Rows to cover per block, which then stays in the processor's cache.
_BLOCK = 64

# Recompute gains when the best gain has fallen to this share: rounding errors of the subtractions
# would become too large.
_FRESH = 0.01


def max_herding(
    X,
    n_instances,
    X_labeled=None,
    *,
    weights=None,
    gamma=None,
    max_pairs=_PAIRS,
    random_state=None,
):
    """Greedily pick the row that adds most to the coverage of all rows.

    Rows are scaled to length 1. A picked or labeled row j covers row i by the Gaussian kernel
    ``exp(-gamma * ||x_i - x_j||^2)``, and only the nearest one counts. The coverage is at least 1
    - 1/e, or 63%, of the optimum for the same number of rows.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        The candidates.
    n_instances : int
        Rows wanted, at most n_samples.
    X_labeled : array-like of shape (n_labeled, n_features), default=None
        Labeled rows.
    weights : array-like of shape (n_samples,), default=None
        Non-negative importance of covering each row. None or all zeros: equal weights.
    gamma : float, default=None
        Inverse width of the kernel. None: 1 / n_features.
    max_pairs : int, default=20_000_000
        Maximum pairs of rows to compute, 4 bytes each. Pools with more rows than its square root
        (4,472) are sampled by weight, with five times as many rows to cover as candidates.
    random_state : int, RandomState instance or None, default=None
        Breaks ties, and draws the samples.

    Returns
    -------
    ndarray of shape (n_instances,)
        Positions in X, in the order of picking.

    See Also
    --------
    max_coverage : Covers by balls of a radius.
    k_center_greedy : Prefers the farthest rows.
    skal.strategies.MaxHerding, skal.strategies.UncertaintyHerding : The strategies.

    Notes
    -----
    A pick changes the gains only through the rows that it is nearest to. So each round processes
    only those, and fewer each time.

    References
    ----------
    Bae, Noh and Sutherland, "Generalized coverage for more robust low-budget active learning",
    ECCV 2024, arXiv 2407.12212, section 4.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.strategies.functions import max_herding
    >>> X = np.array([[1, 0], [1, 0.1], [1, 0.2], [0, 1], [0.1, 1], [0.2, 1]])
    >>> sorted(int(row) for row in max_herding(X, 2, gamma=10, random_state=0))
    [1, 4]
    """
    rng = check_random_state(random_state)
    X = np.asarray(X)
    X = X.reshape(len(X), -1)
    weights = _checked_weights(weights, len(X))
    covered, weights, candidates = _draw(weights, n_instances, max_pairs, rng)
    unit = Pairwise(X[covered], "cosine")
    pairs = Pairwise(unit.points)

    def _extend(rows):
        return pairs.extend(unit.extend(rows)[:, :-2])

    gamma = (1 / max(X.shape[1], 1) if gamma is None else gamma) * pairs.scale**2
    gaps = _gaps(pairs, _extend(X[candidates]), gamma)
    nearest = None
    if X_labeled is not None and len(X_labeled):
        nearest = np.full(len(pairs), np.inf, dtype=pairs.dtype)
        lower_distances(pairs, nearest, _extend(X_labeled))
        nearest = _gap(nearest, gamma)
    return candidates[_greedy(gaps, nearest, weights.astype(pairs.dtype), n_instances)]


def _checked_weights(weights, n_samples):
    """Return valid weights, at least one of them positive."""
    if weights is None:
        return np.ones(n_samples)
    weights = np.asarray(weights, dtype=np.float64)
    if weights.shape != (n_samples,):
        raise ValueError(f"weights has the shape {weights.shape} for {n_samples} rows")
    if not np.isfinite(weights).all() or weights.min() < 0:
        raise ValueError(
            "weights must be finite and non-negative; does the classifier predict NaN because "
            "its training diverged?"
        )
    largest = weights.max()
    return weights / largest if largest > 0 else np.ones(n_samples)


def _draw(weights, n_instances, max_pairs, rng):
    """Return the rows to cover, their weights, and the candidates in random order."""
    # The random order breaks ties.
    n_samples = len(weights)
    if n_samples**2 <= max_pairs:
        return np.arange(n_samples), weights, rng.permutation(n_samples)
    n_covered = min(n_samples, isqrt(_COVERED_PER_CANDIDATE * max_pairs))
    # Have at least twice as many candidates as rows wanted, so that there is a choice.
    n_candidates = min(n_samples, max(max_pairs // max(n_covered, 1), 2 * n_instances))
    n_covered = min(n_samples, max(max_pairs // n_candidates, 1))
    candidates, _ = _sample_by_weight(weights, n_candidates, rng)
    return *_sample_by_weight(weights, n_covered, rng), rng.permutation(candidates)


def _sample_by_weight(weights, size, rng):
    """Draw rows without replacement, and weights that represent all rows."""
    # Priority sampling: sums of the estimates are unbiased (Duffield, Lund and Thorup, JACM
    # 2007).
    if size == len(weights):
        return np.arange(size), weights
    keys = np.maximum(weights, np.finfo(float).tiny) / (1 - rng.uniform(size=len(weights)))
    order = np.argpartition(-keys, size)
    rows = np.sort(order[:size])
    return rows, np.maximum(weights[rows], keys[order[size]])


def _gap(raw, gamma):
    """Return 1 minus the kernel, which keeps precision in float32 for small gamma."""
    np.maximum(raw, 0, out=raw)
    np.multiply(raw, -gamma, out=raw)
    np.expm1(raw, out=raw)
    return np.negative(raw, out=raw)


def _gaps(pairs, candidates, gamma):
    """Return the gaps between rows to cover (rows) and candidates (columns)."""
    gaps = np.empty((len(pairs), len(candidates)), dtype=pairs.dtype)

    def _fill(first):
        rows = slice(first, first + ROWS)
        gaps[rows] = _gap(pairs.product(rows, candidates), gamma)

    run(_fill, range(0, len(pairs), ROWS))
    return gaps


def _greedy(gaps, nearest, weights, n_instances):
    """Greedily pick the column of `gaps` that reduces the weighted gap most."""
    picked = []
    if nearest is None:  # nothing is covered, so the first pick is the most central row
        picked.append(int((weights @ gaps).argmin()))
        nearest = gaps[:, picked[0]].copy()
    gains, reference = np.full(gaps.shape[1], -np.inf), np.inf
    while len(picked) < n_instances:
        if gains.max() < _FRESH * reference:
            everything = np.arange(len(gaps))
            gains = _falls(gaps, everything, nearest, nearest, weights)
            gains[picked] = -np.inf
            reference = max(gains.max(), 0)
        picked.append(int(gains.argmax()))
        column = gaps[:, picked[-1]]
        nearer = np.flatnonzero(column < nearest)
        drop = nearest[nearer] - column[nearer]
        gains -= _falls(gaps, nearer, nearest[nearer], drop, weights[nearer])
        gains[picked[-1]] = -np.inf
        nearest[nearer] = column[nearer]
    return np.array(picked, dtype=np.intp)


def _falls(gaps, rows, nearest, most, weights):
    """Return how much each column would reduce the weighted gaps of rows, at most `most` each."""
    # With `most` = the current gaps, the result is each column's gain. With `most` = the decrease
    # of the gaps after a pick, it is how much each gain decreases, so a pick costs only the rows
    # whose gap decreased.

    def _compute(first):
        part = slice(first, first + _BLOCK)
        block = nearest[part, None] - gaps[rows[part]]
        np.clip(block, 0, most[part, None], out=block)
        return (weights[part] @ block).astype(np.float64)

    return np.sum(run(_compute, range(0, len(rows), _BLOCK)), axis=0)


class _Herding(QueryStrategy):
    """Base of the strategies that cover the pool, with different weights of rows."""

    _parameter_constraints = {
        "gamma": [Interval(Real, 0, None, closed="neither"), None],
        "max_pairs": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, gamma=None, max_pairs=_PAIRS):
        self.gamma = gamma
        self.max_pairs = max_pairs

    def _pick(self, learner, X, n_instances, X_labeled, weights, random_state):
        labeled = learner.embed(X_labeled) if X_labeled is not None and len(X_labeled) else None
        positions = max_herding(
            learner.embed(X),
            n_instances,
            labeled,
            weights=weights,
            random_state=random_state,
            **self.get_params(),
        )
        return positions, None


class MaxHerding(_Herding):
    """Ask for rows that cover the pool, by a kernel on normalized embeddings.

    For the first labels, while there are few. It needs no model and no radius.

    Parameters
    ----------
    gamma : float, default=None
        Inverse width of the kernel ``exp(-gamma * ||x_i - x_j||^2)`` on embeddings of length 1.
        None: 1 / n_dimensions, wide enough that overall position counts more than nearest
        neighbors.
    max_pairs : int, default=20_000_000
        Maximum pairs of rows to compute, at 4 bytes each. Larger pools than its square root (4,472
        rows) are sampled.

    See Also
    --------
    UncertaintyHerding : Covers the uncertain rows, once there is a model.
    ProbCover : Covers by balls of a radius.
    TypiClust : Picks the typical rows of clusters.
    skal.strategies.functions.max_herding : The choice, a function of arrays.

    References
    ----------
    Bae, Noh and Sutherland, "Generalized coverage for more robust low-budget active learning",
    ECCV 2024, arXiv 2407.12212.

    Examples
    --------
    Six rows in two directions. The first labels are the middle of each:

    >>> import numpy as np
    >>> from skal.learner import Learner
    >>> from skal.strategies import MaxHerding
    >>> X = np.array([[1, 0], [1, 0.1], [1, 0.2], [0, 1], [0.1, 1], [0.2, 1]])
    >>> learner = Learner.without_model(None, X)
    >>> sorted(MaxHerding(gamma=10).query(learner, X, 2, random_state=0).tolist())
    [1, 4]
    """

    needs = frozenset({"embed"})

    def select(self, learner, X, n_instances, *, X_labeled, y_labeled, groups, random_state):
        """Pick rows by `max_herding`; see `QueryStrategy.select`."""
        return self._pick(learner, X, n_instances, X_labeled, None, random_state)


class UncertaintyHerding(_Herding):
    """Ask for rows that cover the uncertain rows of the pool.

    Each row has the weight one minus the margin between its two most probable classes. With an
    untrained model this equals `MaxHerding`; as the model learns, picks move to uncertain regions
    and stay spread out there.

    Parameters
    ----------
    gamma : float, default=None
        Inverse width of the kernel ``exp(-gamma * ||x_i - x_j||^2)`` on embeddings of length 1.
        None: 1 / n_dimensions.
    max_pairs : int, default=20_000_000
        Maximum pairs of rows to compute, at 4 bytes each. Larger pools than its square root (4,472
        rows) are sampled by uncertainty.

    See Also
    --------
    MaxHerding : The same for the first labels, without a model.
    MarginSampling : The weights alone.
    skal.strategies.functions.max_herding : The choice, a function of arrays.

    References
    ----------
    Bae, Sutherland and Oliveira, "Uncertainty herding: one active learning method for all label
    budgets", ICLR 2025, arXiv 2412.20644. Its tempering of the probabilities and its shrinking
    of the kernel are left out.

    Examples
    --------
    The rows of the first and the last direction are certain. One row of each uncertain direction
    is asked:

    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal.strategies import UncertaintyHerding
    >>> model = LogisticRegression(C=100).fit([[1, 0], [-1, 0]], ["cat", "dog"])
    >>> X = np.array([[1, 0], [1, 0.1], [0, 1], [0.05, 1], [0, -1], [0.05, -1], [-1, 0]])
    >>> picks = UncertaintyHerding(gamma=10).query(model, X, 2, random_state=0)
    >>> sorted(np.sign(X[picks, 1]).tolist())
    [-1.0, 1.0]
    """

    needs = frozenset({"embed", "predict_proba"})

    def select(self, learner, X, n_instances, *, X_labeled, y_labeled, groups, random_state):
        """Pick rows by `max_herding` with weights; see `QueryStrategy.select`."""
        uncertainty = 1 + negative_margin(learner.predict_proba(X))
        # Rounding in float32 may make a margin slightly larger than 1.
        uncertainty = np.maximum(uncertainty, 0)
        return self._pick(learner, X, n_instances, X_labeled, uncertainty, random_state)
