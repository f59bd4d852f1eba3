"""ProbCover: rows that cover many others, for the first labels."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_random_state

from skal._utils.distances.pairwise import METRICS, ROWS, Pairwise
from skal._utils.private import Interval, StrOptions
from skal._utils.threads import run
from skal.cluster._k_means import k_means_labels
from skal.strategies.base import QueryStrategy
from skal.strategies.diversity import lower_distances

__all__ = ["ProbCover", "max_coverage", "purity_radius"]

# Assumed number of classes if none are known.
_CLASSES = 10

# Number of rows whose balls estimate the purity for a radius.
_BALLS = 2000


def max_coverage(X, n_instances, radius, X_labeled=None, *, metric="euclidean", random_state=None):
    """Greedily pick the row whose ball has the most uncovered rows.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        The candidates.
    n_instances : int
        Rows wanted, at most n_samples.
    radius : float
        A row covers all rows within this distance.
    X_labeled : array-like of shape (n_labeled, n_features), default=None
        Labeled rows.
    metric : {"euclidean", "cosine"}, default="euclidean"
        The distance.
    random_state : int, RandomState instance or None, default=None
        Breaks ties, and draws rows when everything is covered.

    Returns
    -------
    ndarray of shape (n_instances,)
        Positions in X, in the order of picking.

    See Also
    --------
    purity_radius : Finds a radius.
    max_herding : Covers by a kernel instead of a radius.
    skal.strategies.ProbCover : The strategy.

    Notes
    -----
    Stores no graph: distances are computed again for newly covered rows, and each row is newly
    covered only once.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.strategies.functions import max_coverage
    >>> X = np.array([[0.0], [0.1], [0.2], [5.0]])
    >>> max_coverage(X, 2, radius=0.15, random_state=0).tolist()
    [1, 3]
    """
    rng = check_random_state(random_state)
    pairs = Pairwise(X, metric, finest=radius or None)
    reach = pairs.to_raw(radius) + pairs.slack
    covered = np.zeros(len(pairs), dtype=bool)
    if X_labeled is not None and len(X_labeled):
        nearest = np.full(len(pairs), np.inf, dtype=pairs.dtype)
        lower_distances(pairs, nearest, pairs.extend(X_labeled))
        covered = nearest <= reach
    degree = _count_near(pairs, ~covered, reach)
    picked = []
    while len(picked) < n_instances and degree.max() > 0:
        pick = rng.choice(np.flatnonzero(degree == degree.max()))
        ball = pairs.product(slice(pick, pick + 1), slice(None))[0] <= reach
        ball[pick] = True
        degree -= _count_near(pairs, ball & ~covered, reach)
        covered |= ball
        degree[pick] = np.iinfo(degree.dtype).min // 2
        picked.append(pick)
    rest = np.setdiff1d(np.arange(len(pairs)), picked)
    rest = rng.choice(rest, n_instances - len(picked), replace=False)
    return np.concatenate([np.array(picked, dtype=np.intp), rest])


def _count_near(pairs, which, reach):
    """Count, for every row, how many of some rows are within the radius."""
    columns = pairs.right[which]

    def _count(first):
        total = 0
        rows = slice(first, first + ROWS)
        for start in range(0, len(columns), ROWS):
            near = pairs.product(rows, columns[start : start + ROWS]) <= reach
            total = total + np.count_nonzero(near, axis=1)
        return total

    if len(columns) == 0:
        return np.zeros(len(pairs), dtype=np.int64)
    return np.concatenate(run(_count, range(0, len(pairs), ROWS)))


def purity_radius(X, labels, purity=0.95, *, metric="euclidean", random_state=None):
    """Find the largest radius for which enough balls contain rows of only one cluster.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        The rows.
    labels : ndarray of shape (n_samples,)
        Their clusters.
    purity : float, default=0.95
        Share of the balls, one around each row, that must be pure.
    metric : {"euclidean", "cosine"}, default="euclidean"
        The distance.
    random_state : int, RandomState instance or None, default=None
        Draws 2,000 balls if there are more.

    Returns
    -------
    float
        With a single cluster, a radius that covers everything.

    See Also
    --------
    max_coverage : Picks rows by a radius.
    skal.strategies.ProbCover : The strategy.

    Examples
    --------
    The clusters are 3 apart, so smaller balls are pure:

    >>> import numpy as np
    >>> from skal.strategies.functions import purity_radius
    >>> X = np.array([[0.0], [1.0], [4.0], [5.0]])
    >>> round(purity_radius(X, np.array([0, 0, 1, 1]), purity=1.0), 2)
    3.0
    """
    pairs = Pairwise(X, metric)
    centers = np.arange(len(pairs))
    if len(pairs) > _BALLS:
        centers = check_random_state(random_state).choice(centers, _BALLS, replace=False)

    def _first_other(first):
        mine = centers[first : first + ROWS]
        nearest = np.full(len(mine), np.inf)
        for columns, raw in pairs.tiles(mine):
            raw[labels[mine][:, None] == labels[columns]] = np.inf
            np.minimum(nearest, raw.min(axis=1), out=nearest)
        return nearest

    nearest = np.sort(np.concatenate(run(_first_other, range(0, len(centers), ROWS))))
    limit = nearest[min(int((1 - purity) * len(nearest)), len(nearest) - 1)]
    if np.isinf(limit):
        return 2.0 * pairs.scale
    # Slightly less than the distance to a row of another cluster.
    return float(pairs.to_distance(limit)) * (1 - 1e-3)


class ProbCover(QueryStrategy):
    """Ask for rows whose balls cover most of the pool.

    For the first labels, while there are few. Sensitive to the radius.

    Parameters
    ----------
    radius : float, default=None
        Radius of a ball, in the space of the embeddings. None: the largest radius for which a
        share `purity` of the balls is pure, with clusters instead of classes.
    purity : float, default=0.95
        Share of pure balls.
    n_clusters : int, default=None
        Number of clusters, used instead of classes. None: the number of known classes, or 10.
    metric : {"euclidean", "cosine"}, default="euclidean"
        The distance between embeddings.

    See Also
    --------
    MaxHerding : Covers by a kernel, without a radius.
    TypiClust : Picks the typical rows of clusters.
    skal.strategies.functions.max_coverage : The choice, a function of arrays.
    skal.strategies.functions.purity_radius : The radius, if none is given.

    References
    ----------
    Yehuda, Dekel, Hacohen and Weinshall, "Active learning through a covering lens", NeurIPS
    2022, algorithm 1 and section 4.2.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.learner import Learner
    >>> from skal.strategies import ProbCover
    >>> X = np.array([[0.0], [0.1], [0.2], [5.0], [5.1], [9.0]])
    >>> learner = Learner.without_model(None, X)
    >>> ProbCover(radius=0.15).query(learner, X, 1, random_state=0).tolist()
    [1]
    >>> X_labeled, y_labeled = X[[1]], ["wren"]
    >>> picks = ProbCover(radius=0.15).query(
    ...     learner, X, 2, X_labeled=X_labeled, y_labeled=y_labeled, random_state=0
    ... )
    >>> X[picks].round().ravel().tolist()
    [5.0, 9.0]
    """

    needs = frozenset({"embed"})
    _parameter_constraints = {
        "radius": [Interval(Real, 0, None, closed="left"), None],
        "purity": [Interval(Real, 0, 1, closed="both")],
        "n_clusters": [Interval(Integral, 1, None, closed="left"), None],
        "metric": [StrOptions(set(METRICS))],
    }

    def __init__(self, radius=None, purity=0.95, n_clusters=None, metric="euclidean"):
        self.radius = radius
        self.purity = purity
        self.n_clusters = n_clusters
        self.metric = metric

    def select(self, learner, X, n_instances, *, X_labeled, y_labeled, groups, random_state):
        """Pick rows by `max_coverage`; see `QueryStrategy.select`."""
        pool = learner.embed(X)
        labeled = learner.embed(X_labeled) if X_labeled is not None and len(X_labeled) else None
        radius = self.radius
        if radius is None:
            n_clusters = min(self.n_clusters or _n_classes(learner, y_labeled), len(pool))
            labels = k_means_labels(pool, n_clusters, random_state)
            radius = purity_radius(
                pool, labels, self.purity, metric=self.metric, random_state=random_state
            )
        positions = max_coverage(
            pool, n_instances, radius, labeled, metric=self.metric, random_state=random_state
        )
        return positions, None


def _n_classes(learner, y_labeled):
    classes = getattr(learner, "classes_", None)  # missing before the first training
    if classes is None:
        classes = [] if y_labeled is None else np.unique(y_labeled)
    return len(classes) if len(classes) > 1 else _CLASSES
