"""Core-set and diverse batches against brute force."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics.pairwise import cosine_distances, euclidean_distances

from skal.learner import Learner
from skal.strategies.base import ScoreStrategy
from skal.strategies.diversity import (
    CoreSet,
    DiverseBatch,
    k_center_greedy,
    spread_over_clusters,
)
from skal.strategies.uncertainty import MarginSampling
from tests.strategies.fakes import FakeNet


def _greedy(distances, n_instances, picked):
    """Pick the farthest, one full pass for every pick; `distances` has the labeled columns."""
    picked = list(picked)
    n_known = distances.shape[1] - len(distances)
    while len(picked) < n_instances:
        columns = [*range(len(distances), len(distances) + n_known), *picked]
        nearest = distances[:, columns].min(axis=1)
        nearest[picked] = -1
        picked.append(int(nearest.argmax()))
    return picked


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("n", [60, 2500])
@pytest.mark.parametrize("n_labeled", [0, 1, 30])
def test_k_center_makes_the_picks_of_full_passes(metric, n, n_labeled):
    """Pick what a pass over everything for each pick would, shortlist or not."""
    rng = np.random.RandomState(n + n_labeled)
    X, known = rng.randn(n, 5), rng.randn(n_labeled, 5)
    measure = cosine_distances if metric == "cosine" else euclidean_distances
    distances = measure(X, np.concatenate([X, known]))
    picks = k_center_greedy(X, 50, known, metric=metric, random_state=0)
    start = picks[:1] if n_labeled == 0 else []
    np.testing.assert_array_equal(picks, _greedy(distances, 50, start))


def test_k_center_far_beyond_the_shortlist():
    """Refresh the shortlist where nearly all of it is covered by a few picks."""
    rng = np.random.RandomState(0)
    # A far cloud of 1,500 fills the shortlist; a nearer ring has to be found behind it.
    far = rng.randn(1500, 2) * 0.01 + [100, 0]
    angle = rng.uniform(0, 2 * np.pi, 3000)
    ring = np.column_stack([np.cos(angle), np.sin(angle)]) * rng.uniform(9, 10, (3000, 1))
    X = np.concatenate([far, ring])
    known = np.zeros((1, 2))
    picks = k_center_greedy(X, 30, known)
    distances = euclidean_distances(X, np.concatenate([X, known]))
    np.testing.assert_array_equal(picks, _greedy(distances, 30, []))
    assert (picks < 1500).sum() == 1


@given(
    X=arrays(float, st.tuples(st.integers(3, 9), st.just(2)), elements=st.integers(-9, 9)),
    n_instances=st.integers(1, 3),
    seed=st.integers(0, 5),
)
@settings(max_examples=60)
def test_k_center_is_within_twice_the_optimum(X, n_instances, seed):
    """Cover with at most twice the radius of the best of all choices."""
    distances = euclidean_distances(X)
    picks = k_center_greedy(X, n_instances, random_state=seed)

    def radius(centers):
        return distances[:, list(centers)].min(axis=1).max()

    best = min(radius(centers) for centers in combinations(range(len(X)), n_instances))
    assert radius(picks) <= 2 * best + 1e-6
    assert len(set(picks)) == n_instances


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float16])
def test_rows_of_small_numbers_are_as_far_apart_as_in_float64(dtype):
    X = np.zeros((30, 4096), dtype=dtype) + dtype(250)
    X[np.arange(30), np.arange(30)] -= dtype(1)  # far from 0, near to each other
    X[:4] -= np.arange(4, dtype=dtype)[:, None]
    for metric in ("euclidean", "cosine"):
        picks = k_center_greedy(X, 12, metric=metric, random_state=0)
        exact = k_center_greedy(X.astype(float), 12, metric=metric, random_state=0)
        np.testing.assert_array_equal(picks, exact)
    high = np.full((6, 4096), 30_000, dtype=np.int16)
    high[5, 0] += 1
    assert all(5 in k_center_greedy(high, 2, random_state=seed) for seed in range(8))


def test_core_set_uses_the_embedding_and_the_labeled_rows():
    """Never ask first for what is as good as labeled."""
    rng = np.random.RandomState(1)
    X = rng.randn(80, 3)
    net = FakeNet().fit(X, np.arange(80) % 3)
    labeled = X[:10]
    picks = CoreSet().query(net, X, 20, X_labeled=labeled, y_labeled=np.arange(10) % 3)
    distances = euclidean_distances(net.embed(X), net.embed(np.concatenate([X, labeled])))
    np.testing.assert_array_equal(picks, _greedy(distances, 20, []))
    assert (picks >= 10).all()


def test_spread_over_clusters():
    """Go round the clusters, in each by rank."""
    labels = np.array([0, 0, 0, 2, 0, 2, 1])
    np.testing.assert_array_equal(spread_over_clusters(labels, 7), [0, 3, 6, 1, 5, 2, 4])
    np.testing.assert_array_equal(spread_over_clusters(labels, 2), [0, 3])


class _FirstColumn(ScoreStrategy):
    needs = frozenset()

    def score(self, learner, X, random_state=None):
        return np.asarray(X)[:, 0]


def test_diverse_batch_takes_the_best_of_every_cluster():
    """Ask for one row of each of the clouds, where plain scores ask for one cloud only."""
    rng = np.random.RandomState(0)
    X = np.repeat(np.arange(5) * [[1.0], [100.0]], 40, axis=1).T + 0.1 * rng.randn(200, 2)
    learner = Learner.without_model(None, X)
    picks, scores = DiverseBatch(_FirstColumn(), factor=40).query(
        learner, X, 5, random_state=0, return_scores=True
    )
    expected = [c * 40 + X[c * 40 : c * 40 + 40, 0].argmax() for c in (4, 3, 2, 1, 0)]
    np.testing.assert_array_equal(picks, expected)
    np.testing.assert_array_equal(scores, X[picks, 0])
    plain = _FirstColumn().query(learner, X, 5, random_state=0)
    assert (plain >= 160).all()


def test_diverse_batch_parameters():
    """Need what the strategy inside needs, take a function, and look at `factor` times as many."""
    assert DiverseBatch(MarginSampling()).required() == {"predict_proba", "embed"}
    X = np.random.RandomState(0).rand(50, 2)
    learner = Learner.without_model(None, X)
    asked = []

    def last_rows(learner, pool, n_instances):
        asked.append(n_instances)
        return np.arange(len(pool))[::-1][:n_instances]

    picks = DiverseBatch(last_rows, factor=2.5, n_clusters=3).query(learner, X, 5, random_state=0)
    assert asked == [13]
    assert len(set(picks)) == 5
    assert picks.min() >= 37
    assert picks[0] == 49
    assert set(DiverseBatch(last_rows, factor=1).query(learner, X, 5)) == {45, 46, 47, 48, 49}
    with pytest.raises(ValueError, match="factor"):
        DiverseBatch(last_rows, factor=0.9).query(learner, X, 5)
