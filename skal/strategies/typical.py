"""TypiClust: typical rows of clusters, for the first labels."""

import heapq
from numbers import Integral

import numpy as np
from sklearn.utils import check_random_state

from skal._utils.distances.pairwise import ROWS, Pairwise
from skal._utils.private import Interval
from skal.cluster._k_means import k_means_labels
from skal.strategies.base import QueryStrategy
from skal.strategies.ranking import pick_shuffled

__all__ = ["TypiClust", "typical_rows", "typicality"]


def typicality(X, n_neighbors):
    """Compute the typicality of rows: one over the mean distance to the nearest other rows.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        The rows.
    n_neighbors : int
        Neighbors, at most n_samples - 1.

    Returns
    -------
    ndarray of shape (n_samples,)
        Infinite if the neighbors equal the row.

    See Also
    --------
    typical_rows : Picks rows by it.
    skal.strategies.TypiClust : The strategy.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.strategies.functions import typicality
    >>> X = np.array([[0.0], [1.0], [2.0], [9.0]])
    >>> typicality(X, 1).round(3).tolist()
    [1.0, 1.0, 1.0, 0.143]
    """
    pairs = Pairwise(X)
    return 1 / _neighbor_distance(pairs, np.arange(len(pairs)), n_neighbors)


def _neighbor_distance(pairs, members, n_neighbors):
    """Return the mean distance of members to their nearest other members."""
    among = pairs.subset(members)
    mean = np.empty(len(members))
    for first in range(0, len(members), ROWS):
        rows = slice(first, min(first + ROWS, len(members)))
        raw = among.product(rows, slice(None))
        raw[np.arange(len(raw)), np.arange(rows.start, rows.stop)] = np.inf
        near = np.partition(raw, n_neighbors - 1, axis=1)[:, :n_neighbors]
        mean[rows] = pairs.to_distance(near).mean(axis=1)
    # A matrix product gives equal rows a rounding error instead of distance 0; the typicality 1 /
    # 0 must be infinite.
    return np.maximum(mean, np.finfo(np.float64).tiny)


def typical_rows(
    X,
    n_instances,
    X_labeled=None,
    *,
    max_clusters=500,
    min_cluster_size=5,
    n_neighbors=20,
    labels=None,
    random_state=None,
):
    """Pick the most typical row of each cluster, starting with the least labeled clusters.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        The candidates.
    n_instances : int
        Rows wanted, at most n_samples.
    X_labeled : array-like of shape (n_labeled, n_features), default=None
        Labeled rows.
    max_clusters : int, default=500
        Largest number of clusters.
    min_cluster_size : int, default=5
        Clusters up to this size come last.
    n_neighbors : int, default=20
        Number of neighbors for the typicality, at most half of the cluster.
    labels : ndarray of shape (n_labeled + n_samples,), default=None
        Clusters of the labeled rows, then of the candidates. None: k-means, with one cluster per
        labeled or wanted row.
    random_state : int, RandomState instance or None, default=None
        Draws the start of k-means, and breaks ties.

    Returns
    -------
    ndarray of shape (n_instances,)
        Positions in X, in the order of picking.

    See Also
    --------
    typicality : The score within a cluster.
    skal.strategies.TypiClust : The strategy.

    Examples
    --------
    The larger cluster comes first, and one with a label comes last:

    >>> import numpy as np
    >>> from skal.strategies.functions import typical_rows
    >>> X = np.array([[0.0], [1.0], [1.1], [8.0], [9.0], [9.2], [11.0]])
    >>> labels = np.array([0, 0, 0, 1, 1, 1, 1])
    >>> options = {"min_cluster_size": 1, "n_neighbors": 2}
    >>> picks = typical_rows(X, 2, labels=labels, **options)
    >>> X[picks].ravel().tolist()
    [9.0, 1.0]
    >>> labels = np.array([1, 0, 0, 0, 1, 1, 1, 1])  # the labeled row first
    >>> picks = typical_rows(X, 1, [[9.5]], labels=labels, **options)
    >>> X[picks].ravel().tolist()
    [1.0]
    """
    rng = check_random_state(random_state)
    X = np.asarray(X)
    X = X.reshape(len(X), -1)
    known = X[:0] if X_labeled is None else np.asarray(X_labeled).reshape(-1, X.shape[1])
    if labels is None:
        everything = np.concatenate([known, X])
        n_clusters = min(len(known) + n_instances, max_clusters, len(everything))
        labels = k_means_labels(everything, n_clusters, rng)
    sizes = np.bincount(labels)
    n_labeled = np.bincount(labels[: len(known)], minlength=len(sizes))
    by_cluster = np.argsort(labels[len(known) :], kind="stable")
    ends = np.cumsum(np.bincount(labels[len(known) :], minlength=len(sizes)))
    members = np.split(by_cluster, ends[:-1])
    lots = rng.permutation(len(sizes))
    queue = [
        (sizes[c] <= min_cluster_size, n_labeled[c], -sizes[c], lots[c], c)
        for c in np.flatnonzero([len(mine) for mine in members])
    ]
    heapq.heapify(queue)
    pairs, picked = Pairwise(X), []
    while len(picked) < n_instances:
        small, n_known, size, lot, cluster = heapq.heappop(queue)
        mine = members[cluster]
        k = max(min(n_neighbors, len(mine) // 2), 1)
        best = _neighbor_distance(pairs, mine, k).argmin() if len(mine) > 1 else 0
        picked.append(mine[best])
        members[cluster] = np.delete(mine, best)
        if len(mine) > 1:
            heapq.heappush(queue, (small, n_known + 1, size, lot, cluster))
    return np.array(picked, dtype=np.intp)


class TypiClust(QueryStrategy):
    """Ask for the most typical row of every cluster without labels.

    For the first labels, while there are few. Labeled rows and pool are clustered together, with
    one cluster per labeled or wanted row. Clusters with the fewest labels come first, and larger
    clusters before smaller ones.

    Parameters
    ----------
    max_clusters : int, default=500
        Largest number of clusters.
    min_cluster_size : int, default=5
        Clusters up to this size are asked last.
    n_neighbors : int, default=20
        Number of neighbors for the typicality, at most half of the cluster.

    See Also
    --------
    MaxHerding : Covers the pool, without clusters.
    ProbCover : Covers the pool by balls of a radius.
    skal.strategies.functions.typical_rows : The choice, a function of arrays.

    References
    ----------
    Hacohen, Dekel and Weinshall, "Active learning on a budget: opposite strategies suit high
    and low budgets", ICML 2022, section 3.

    Examples
    --------
    Two clusters. The row in the densest part of each is asked:

    >>> import numpy as np
    >>> from skal.learner import Learner
    >>> from skal.strategies import TypiClust
    >>> X = np.array([[-2.0], [-0.5], [0.0], [0.4], [2.0], [18.0], [19.7], [20.0], [20.4], [22.0]])
    >>> strategy = TypiClust(min_cluster_size=2, n_neighbors=2)
    >>> picks = strategy.query(Learner.without_model(None, X), X, 2, random_state=0)
    >>> sorted(X[picks].ravel().tolist())
    [0.0, 20.0]
    """

    needs = frozenset({"embed"})
    _parameter_constraints = {
        "max_clusters": [Interval(Integral, 1, None, closed="left")],
        "min_cluster_size": [Interval(Integral, 0, None, closed="left")],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, max_clusters=500, min_cluster_size=5, n_neighbors=20):
        self.max_clusters = max_clusters
        self.min_cluster_size = min_cluster_size
        self.n_neighbors = n_neighbors

    def select(self, learner, X, n_instances, *, X_labeled, y_labeled, groups, random_state):
        """Pick rows by `typical_rows`; see `QueryStrategy.select`."""
        labeled = learner.embed(X_labeled) if X_labeled is not None and len(X_labeled) else None
        arguments = {**self.get_params(), "random_state": random_state}

        def _pick(points):
            return typical_rows(points, n_instances, labeled, **arguments)

        return pick_shuffled(_pick, learner.embed(X), random_state), None
