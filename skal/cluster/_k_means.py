"""K-means for hundreds of small clusters, where speed matters more than initialization."""

import warnings

import numpy as np
from scipy.sparse import csr_array
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from skal._utils.distances.pairwise import ROWS, Pairwise
from skal._utils.threads import run

__all__ = ["k_means_labels", "lloyd"]

# Up to this number, scikit-learn's k-means with its careful start is fast enough.
_FEW = 50


def k_means_labels(X, n_clusters, random_state=None):
    """Cluster rows by k-means."""
    # Up to 50 clusters, uses scikit-learn's `~sklearn.cluster.KMeans` with one k-means++ start.
    # Above that, it starts from random rows and takes ten rounds on at most 64 rows per cluster:
    # faster and tighter than mini-batches.
    rng = check_random_state(random_state)
    X = np.asarray(X)
    if n_clusters > _FEW:
        return lloyd(Pairwise(X), n_clusters, rng)[0]
    with warnings.catch_warnings():
        # Duplicate rows limit the number of clusters; that needs no warning here.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return KMeans(n_clusters, n_init=1, random_state=rng).fit_predict(X.reshape(len(X), -1))


def lloyd(pairs, n_clusters, random_state, n_rounds=10, n_per_center=64):
    """Run a few iterations of Lloyd's algorithm from random rows."""
    n_drawn = min(len(pairs), n_per_center * n_clusters)
    sample = pairs.subset(random_state.choice(len(pairs), n_drawn, replace=False))
    centers = sample.right[:n_clusters]
    for _ in range(n_rounds):
        members = csr_array(
            (np.ones(n_drawn, pairs.dtype), (_nearest(sample, centers), np.arange(n_drawn))),
            shape=(len(centers), n_drawn),
        )
        counts = members @ np.ones(n_drawn, pairs.dtype)
        occupied = np.flatnonzero(counts)
        centers = pairs.like((members @ sample.points)[occupied] / counts[occupied, None])
    return _nearest(pairs, centers), centers


def _nearest(pairs, centers):
    """Return the nearest center of every row."""

    def _assign(first):
        return pairs.product(slice(first, first + ROWS), centers).argmin(axis=1)

    return np.concatenate(run(_assign, range(0, len(pairs), ROWS)))
