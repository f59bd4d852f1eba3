"""Diversity: rows far from labeled rows and from each other."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_random_state

from skal._utils.distances.pairwise import METRICS, ROWS, Pairwise
from skal._utils.private import HasMethods, Interval, StrOptions
from skal._utils.threads import run
from skal.cluster._k_means import k_means_labels
from skal.strategies.base import QueryStrategy, as_strategy
from skal.strategies.ranking import pick_shuffled

__all__ = ["CoreSet", "DiverseBatch", "k_center_greedy", "spread_over_clusters"]

# Number of rows to pick from between two passes over the pool.
_SHORTLIST = 1024


def k_center_greedy(X, n_instances, X_labeled=None, *, metric="euclidean", random_state=None):
    """Repeatedly pick the row farthest from all labeled and picked rows.

    The largest distance from a row to its nearest picked row is at most twice that of the optimal
    choice.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        The candidates.
    n_instances : int
        Rows wanted, at most n_samples.
    X_labeled : array-like of shape (n_labeled, n_features), default=None
        Labeled rows. None: the first row is drawn at random.
    metric : {"euclidean", "cosine"}, default="euclidean"
        The distance.
    random_state : int, RandomState instance or None, default=None
        Draws the first row if no rows are labeled.

    Returns
    -------
    ndarray of shape (n_instances,)
        Positions in X, in the order of picking.

    See Also
    --------
    max_herding : Prefers dense regions to outliers.
    skal.strategies.CoreSet : The strategy.

    Notes
    -----
    Distances to picked rows only decrease. So rows are picked from the 1,024 farthest rows until a
    row outside may be farther; then one matrix product updates all distances. The picks equal
    those of a full pass over X per pick.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.strategies.functions import k_center_greedy
    >>> X = np.array([[0.0], [2.0], [5.0], [6.0]])
    >>> k_center_greedy(X, 2, X_labeled=[[0.0]]).tolist()
    [3, 1]
    """
    pairs = Pairwise(X, metric)
    nearest = np.full(len(pairs), np.inf, dtype=pairs.dtype)
    picked = np.empty(0, dtype=np.intp)
    if X_labeled is not None and len(X_labeled):
        lower_distances(pairs, nearest, pairs.extend(X_labeled))
    else:
        picked = np.array([check_random_state(random_state).randint(len(pairs))])
    fresh = picked
    while len(picked) < n_instances:
        lower_distances(pairs, nearest, pairs.right[fresh])
        nearest[fresh] = -np.inf
        fresh = _pick_among_farthest(pairs, nearest, n_instances - len(picked))
        picked = np.concatenate([picked, fresh])
    return picked


def lower_distances(pairs, nearest, centers):
    """Update the distance of every row to its nearest center, in place."""

    def _lower(first):
        rows = slice(first, first + ROWS)
        for start in range(0, len(centers), ROWS):
            raw = pairs.product(rows, centers[start : start + ROWS])
            np.minimum(nearest[rows], raw.min(axis=1), out=nearest[rows])

    if len(centers):
        run(_lower, range(0, len(pairs), ROWS))


def _pick_among_farthest(pairs, nearest, n_instances):
    size = min(max(_SHORTLIST, 2 * n_instances), len(nearest))
    order = np.argpartition(-nearest, size - 1)
    shortlist, others = order[:size], order[size:]
    outside = nearest[others].max(initial=-np.inf)
    inside, distances = pairs.subset(shortlist), nearest[shortlist]
    picks = []
    while len(picks) < n_instances:
        farthest = distances.argmax()
        if distances[farthest] < outside:
            break
        picks.append(farthest)
        raw = inside.product(slice(farthest, farthest + 1), slice(None))[0]
        np.minimum(distances, raw, out=distances)
        distances[picks] = -np.inf
    return shortlist[picks]


def spread_over_clusters(labels, n_instances):
    """Pick the first row of every cluster, then the second of every cluster, and so on.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,)
        Clusters of rows, the most wanted row first.
    n_instances : int
        Rows wanted, at most n_samples.

    Returns
    -------
    ndarray of shape (n_instances,)
        Positions in `labels`.

    See Also
    --------
    skal.strategies.DiverseBatch : The strategy.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.strategies.functions import spread_over_clusters
    >>> labels = np.array([0, 0, 0, 1])
    >>> spread_over_clusters(labels, 2).tolist()
    [0, 3]
    """
    by_cluster = np.argsort(labels, kind="stable")
    sizes = np.bincount(labels)
    place = np.empty(len(labels), dtype=np.intp)
    place[by_cluster] = np.arange(len(labels)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.argsort(place, kind="stable")[:n_instances]


class CoreSet(QueryStrategy):
    """Ask for rows that cover the pool: greedy k-center on the embeddings.

    Parameters
    ----------
    metric : {"euclidean", "cosine"}, default="euclidean"
        The distance between embeddings.

    See Also
    --------
    MaxHerding : Prefers dense regions to outliers.
    BADGE : Combines diversity with uncertainty.
    skal.strategies.functions.k_center_greedy : The choice, a function of arrays.

    References
    ----------
    Sener and Savarese, "Active learning for convolutional neural networks: a core-set
    approach", ICLR 2018, algorithm 1.

    Examples
    --------
    The embedding of a plain model is its features. Picks are far from labeled rows and each other:

    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal.strategies import CoreSet
    >>> X_labeled, y_labeled = np.array([[0.0], [1.0]]), ["cat", "dog"]
    >>> model = LogisticRegression().fit(X_labeled, y_labeled)
    >>> X = np.array([[0.5], [4.5], [8.9], [9.0]])
    >>> CoreSet().query(model, X, 2, X_labeled=X_labeled, y_labeled=y_labeled).tolist()
    [3, 1]
    """

    needs = frozenset({"embed"})
    _parameter_constraints = {"metric": [StrOptions(set(METRICS))]}

    def __init__(self, metric="euclidean"):
        self.metric = metric

    def select(self, learner, X, n_instances, *, X_labeled, y_labeled, groups, random_state):
        """Pick rows by `k_center_greedy`; see `QueryStrategy.select`."""
        labeled = learner.embed(X_labeled) if X_labeled is not None and len(X_labeled) else None
        arguments = {"metric": self.metric, "random_state": random_state}

        def _pick(points):
            return k_center_greedy(points, n_instances, labeled, **arguments)

        return pick_shuffled(_pick, learner.embed(X), random_state), None


class DiverseBatch(QueryStrategy):
    """Spread the picks of another strategy over clusters, to avoid redundant rows.

    The other strategy ranks `factor` times as many rows as wanted, which are clustered by their
    embeddings. The best row of every cluster is picked, then the second of every cluster, and so
    on.

    Parameters
    ----------
    strategy : QueryStrategy or callable
        Ranks the rows.
    factor : float, default=10.0
        Rows to cluster, as a multiple of the rows wanted.
    n_clusters : int, default=None
        Number of clusters. None: the number of rows wanted.

    See Also
    --------
    Prefilter : Chooses among the candidates of one strategy with any other.
    BADGE : Combines uncertainty and diversity without parameters.
    skal.strategies.functions.spread_over_clusters : The last step, a function of arrays.

    References
    ----------
    After Zhdanov, "Diverse mini-batch active learning", arXiv 1901.05954, which takes the rows
    nearest to the centers of weighted clusters instead.

    Examples
    --------
    The two rows with the smallest margins are neighbors. `DiverseBatch` asks for one of them:

    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal.strategies import DiverseBatch, MarginSampling
    >>> model = LogisticRegression().fit([[0, 0], [9, 0]], ["cat", "dog"])
    >>> X = np.array([[0.0, 0.0], [4.5, 0.0], [4.6, 0.1], [4.8, 9.0], [9.0, 9.0]])
    >>> MarginSampling().query(model, X, 2).tolist()
    [1, 2]
    >>> DiverseBatch(MarginSampling(), factor=1.5).query(model, X, 2, random_state=0).tolist()
    [1, 3]
    """

    needs = frozenset({"embed"})
    _parameter_constraints = {
        "strategy": [HasMethods("query"), callable],
        "factor": [Interval(Real, 1, None, closed="left")],
        "n_clusters": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(self, strategy, factor=10.0, n_clusters=None):
        self.strategy = strategy
        self.factor = factor
        self.n_clusters = n_clusters

    def select(self, learner, X, n_instances, *, X_labeled, y_labeled, groups, random_state):
        """Pick rows of many clusters; see `QueryStrategy.select`."""
        wanted, scores = as_strategy(self.strategy).query(
            learner,
            X,
            min(int(np.ceil(self.factor * n_instances)), len(X)),
            X_labeled=X_labeled,
            y_labeled=y_labeled,
            groups=groups,
            random_state=random_state,
            return_scores=True,
        )
        n_clusters = min(self.n_clusters or n_instances, len(wanted))
        labels = k_means_labels(learner.embed(X[wanted]), n_clusters, random_state)
        picks = spread_over_clusters(labels, n_instances)
        return wanted[picks], scores[picks]
