"""TypiClust against brute force."""

import numpy as np
import pytest
from sklearn.datasets import make_blobs
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.neighbors import NearestNeighbors

from skal.learner import Learner
from skal.strategies.typical import TypiClust, typical_rows, typicality


@pytest.mark.parametrize("n", [30, 2500])
def test_typicality(n):
    """Be one over the mean distance to the nearest others."""
    X = np.random.RandomState(0).randn(n, 4)
    distances, _ = NearestNeighbors(n_neighbors=7).fit(X).kneighbors()
    np.testing.assert_allclose(typicality(X, 7), 1 / distances.mean(axis=1), rtol=1e-4)


def _typical_by_loops(X, labels, n_labeled, n_instances, n_neighbors):
    """Follow the paper's definition with plain loops; ties between clusters must not occur."""
    distances = euclidean_distances(X)
    labels_known, free = list(labels[:n_labeled]), list(range(n_labeled, len(X)))
    picked = []
    for _ in range(n_instances):
        open_clusters = {labels[i] for i in free}
        cluster = min(
            open_clusters,
            key=lambda c: (np.sum(labels == c) <= 5, labels_known.count(c), -np.sum(labels == c)),
        )
        members = [i for i in free if labels[i] == cluster]
        k = max(min(n_neighbors, len(members) // 2), 1)
        mean = {
            i: np.mean(sorted(distances[i, j] for j in members if j != i)[:k] or [0])
            for i in members
        }
        best = min(members, key=mean.get)
        picked.append(best - n_labeled)
        free.remove(best)
        labels_known.append(cluster)
    return picked


@pytest.mark.parametrize("n_labeled", [0, 12])
@pytest.mark.parametrize("n_instances", [1, 9, 40])
def test_typical_rows_by_loops(n_labeled, n_instances):
    """Go to the least labeled, largest cluster, and take its most typical row."""
    rng = np.random.RandomState(n_labeled)
    labels = rng.permutation(np.repeat(np.arange(7), [4, 1, 10, 13, 20, 22, 30]))
    X = rng.randn(100, 3)
    picks = typical_rows(
        X[n_labeled:], n_instances, X[:n_labeled], n_neighbors=6, labels=labels, random_state=0
    )
    expected = _typical_by_loops(X, labels, n_labeled, n_instances, 6)
    np.testing.assert_array_equal(picks, expected)


def test_typiclust_starts_with_every_cloud():
    """Take one row from the middle of each cloud, not again from those with a label."""
    X, y = make_blobs(400, 5, centers=8, center_box=(-30, 30), random_state=1)
    learner = Learner.without_model(None, X)
    picks = TypiClust().query(learner, X, 8, random_state=0)
    assert sorted(y[picks]) == list(range(8))
    centers = np.array([X[y == y[i]].mean(axis=0) for i in picks])
    from_center = np.linalg.norm(X[picks] - centers, axis=1)
    usual = np.linalg.norm(X - np.array([X[y == c].mean(axis=0) for c in y]), axis=1)
    assert from_center.max() < usual.mean()
    labeled = X[picks[:5]]
    rest = np.delete(np.arange(400), picks[:5])
    more = TypiClust().query(learner, X[rest], 3, X_labeled=labeled, y_labeled=np.zeros(5))
    assert set(y[rest[more]]).isdisjoint(y[picks[:5]])
