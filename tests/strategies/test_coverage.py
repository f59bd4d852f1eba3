"""ProbCover against brute force."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.datasets import make_blobs
from sklearn.metrics.pairwise import cosine_distances, euclidean_distances

from skal.learner import Learner
from skal.strategies.coverage import ProbCover, max_coverage, purity_radius
from tests.strategies.fakes import FakeNet


def _cover_by_loops(distances, radius, n_instances, covered, picks):
    """Check, pick by pick, that none would have covered more; return where coverage ended."""
    for place, pick in enumerate(picks):
        gains = ((distances <= radius) & ~covered).sum(axis=1)
        gains[picks[:place]] = -1
        if gains.max() <= 0:
            return place
        assert gains[pick] == gains.max()
        covered = covered | (distances[pick] <= radius)
    return n_instances


@given(
    X=arrays(float, st.tuples(st.integers(2, 30), st.just(2)), elements=st.integers(-6, 6)),
    radius=st.sampled_from([0.0, 1.0, 2.0, 5.0, 20.0]),
    n_labeled=st.integers(0, 3),
    data=st.data(),
)
@settings(max_examples=80)
def test_max_coverage_is_greedy(X, radius, n_labeled, data):
    """Cover as many uncovered rows as any other pick would, each time."""
    n_instances = data.draw(st.integers(1, len(X)))
    known = np.arange(2 * n_labeled, dtype=float).reshape(n_labeled, 2)
    picks = max_coverage(X, n_instances, radius, known, random_state=0)
    assert len(set(picks)) == n_instances
    distances = np.sqrt(((X[:, None] - X[None]) ** 2).sum(axis=2))
    to_known = np.sqrt(((X[:, None] - known[None]) ** 2).sum(axis=2))
    covered = (to_known <= radius).any(axis=1)
    _cover_by_loops(distances, radius, n_instances, covered, picks)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_max_coverage_of_many_blocks(metric):
    """Stay greedy where float32 blocks are used."""
    X = np.random.RandomState(0).randn(2600, 3).astype(np.float32)
    measure = cosine_distances if metric == "cosine" else euclidean_distances
    distances = measure(X.astype(float))
    radius = np.quantile(distances, 0.05)
    # No pair as near the radius as float32 could mistake.
    gap = np.abs(distances - radius).min()
    picks = max_coverage(X, 40, radius, X[:20], metric=metric, random_state=0)
    covered = (distances[:20] <= radius).any(axis=0)
    if gap > 1e-5:
        assert _cover_by_loops(distances, radius, 40, covered, picks) > 5
    else:  # the covered share of a mistaken pair or two differs by no more
        mine = (covered | (distances[picks] <= radius).any(axis=0)).mean()
        assert mine > 0.5


def test_purity_radius():
    """Find the largest radius, of those that matter, at which enough balls are pure."""
    X, y = make_blobs(200, 2, centers=3, cluster_std=2.0, random_state=0)
    distances = euclidean_distances(X)
    for purity in (0.5, 0.9, 1.0):
        radius = purity_radius(X, y, purity)
        pure = [(y[distances[i] <= radius] == y[i]).all() for i in range(200)]
        wider = [(y[distances[i] <= radius * 1.002] == y[i]).all() for i in range(200)]
        assert np.mean(pure) >= purity
        assert np.mean(wider) < purity
    assert purity_radius(X, np.zeros(200, dtype=int)) >= distances.max()


def test_prob_cover_finds_its_radius():
    """Cover every cloud first, with no radius given and no label known."""
    X, y = make_blobs(500, 4, centers=6, center_box=(-20, 20), random_state=3)
    learner = Learner.without_model(None, X)
    picks = ProbCover(n_clusters=6).query(learner, X, 6, random_state=0)
    assert sorted(y[picks]) == list(range(6))
    same = ProbCover(n_clusters=6).query(learner, X, 6, random_state=0)
    np.testing.assert_array_equal(picks, same)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_prob_cover_makes_a_cluster_for_each_class_it_knows(n_classes):
    """Take the classes of the model, or of the labels, and ten where there is but one."""
    X, _ = make_blobs(120, 2, centers=7, cluster_std=2.0, random_state=3)

    def picks(learner, n_clusters=None, y_labeled=None):
        strategy = ProbCover(n_clusters=n_clusters)
        known = {"X_labeled": X[:6], "y_labeled": y_labeled} if y_labeled is not None else {}
        return strategy.query(learner, X, 12, random_state=0, **known).tolist()

    y = np.arange(120) % n_classes
    net = FakeNet().fit(X, y)
    assert picks(net) == picks(net, n_clusters=n_classes) != picks(net, n_clusters=10)
    unfitted = Learner.without_model(None, X)
    labels = y[:6]
    assert picks(unfitted, None, labels) == picks(unfitted, n_classes, labels)
    assert picks(unfitted, None, np.zeros(6)) == picks(unfitted, 10, np.zeros(6))


def test_prob_cover_keeps_no_graph():
    """Stay far below n x n, also where the radius joins everything."""
    X = np.random.RandomState(0).rand(8000, 4).astype(np.float32)
    for radius in (0.1, 10.0):
        tracemalloc.start()
        max_coverage(X, 20, radius, random_state=0)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 30e6
