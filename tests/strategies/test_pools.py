"""Parts of large pools: a subsample, or the neighborhood of the labels."""

import pickle
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.base import BaseEstimator, clone
from sklearn.neighbors import NearestNeighbors

from skal._utils.rows.lazy import Rows
from skal.learner import Learner
from skal.strategies.gradient import BADGE
from skal.strategies.pools import ApproximateNeighbors, NeighborPool, SubsamplePool
from skal.strategies.random import RandomSampling
from skal.strategies.uncertainty import MarginSampling, negative_margin
from tests.strategies.fakes import FakeNet


@pytest.fixture
def X():
    return np.random.RandomState(1).randn(200, 4)


@pytest.fixture
def net(X):
    return FakeNet(sharpness=2).fit(X, np.arange(200) % 4)


class Counting(FakeNet):
    """Counts the rows that it predicts."""

    def predict_proba(self, X):
        self.asked_ = getattr(self, "asked_", 0) + len(X)
        return super().predict_proba(X)


def test_a_subsample_is_all_that_the_model_sees(X):
    net = Counting().fit(X, np.arange(200) % 3)
    positions, scores = SubsamplePool(MarginSampling(), 30).query(
        Learner(net), X, 10, random_state=0, return_scores=True
    )
    assert net.asked_ == 30
    np.testing.assert_allclose(scores, negative_margin(net.predict_proba(X))[positions])


def test_every_row_has_the_same_chance_to_be_in_a_subsample(net, X):
    counts = np.zeros(200)
    strategy = SubsamplePool(RandomSampling(), 50)
    for seed in range(400):
        counts[strategy.query(net, X, 50, random_state=seed)] += 1
    assert abs(counts - 100).max() < 5 * np.sqrt(400 * 0.25 * 0.75)


def test_a_subsample_is_never_smaller_than_the_batch(net, X):
    assert len(SubsamplePool(MarginSampling(), 3).query(net, X, 20)) == 20


def _near(points, queries, k):
    """Positions of the k nearest points of each query, by all distances."""
    return np.unique(np.argsort(cdist(queries, points), axis=1)[:, :k])


@pytest.mark.parametrize("representation", ["embedding", "features"])
def test_candidates_are_the_nearest_of_the_labeled_rows(net, X, representation):
    pool, labeled = np.arange(20, 200), np.arange(20)
    strategy = NeighborPool(RandomSampling(), 4, representation=representation)
    seen = set()
    for seed in range(60):
        picked = strategy.query(
            net, Rows(X, pool), 10, X_labeled=Rows(X, labeled), random_state=seed
        )
        seen.update(pool[picked])
    if representation == "embedding":
        expected = pool[_near(net.embed(X[pool]), net.embed(X[labeled]), 4)]
    else:
        # Found in all of X, labeled rows too, which are then left out.
        expected = np.setdiff1d(_near(X, X[labeled], 4), labeled)
    assert seen == set(expected)


@pytest.mark.parametrize("representation", ["embedding", "features"])
def test_a_neighborhood_too_small_for_the_batch_is_widened(net, X, representation):
    strategy = NeighborPool(MarginSampling(), 1, representation=representation)
    for n_instances in [1, 10, 100, 197, 500]:
        picked = strategy.query(net, Rows(X, np.arange(3, 200)), n_instances, X_labeled=X[:3])
        assert len(picked) == min(n_instances, 197)


def test_with_features_the_model_sees_only_the_neighborhood(X):
    net = Counting().fit(X, np.arange(200) % 3)
    strategy = NeighborPool(MarginSampling(), 5, representation="features")
    strategy.query(Learner(net), X, 3, X_labeled=X[:4])
    assert net.asked_ <= 20


class CountingIndex(BaseEstimator):
    """An exact index that counts how often it is built."""

    built = 0

    def __init__(self, metric="euclidean"):
        self.metric = metric

    def fit(self, X, y=None):
        type(self).built += 1
        self.neighbors_ = NearestNeighbors(metric=self.metric).fit(X)
        return self

    def kneighbors(self, X, n_neighbors, return_distance=True):
        return self.neighbors_.kneighbors(X, n_neighbors, return_distance=return_distance)


def test_the_index_of_features_is_built_once(net, X, monkeypatch):
    monkeypatch.setattr(CountingIndex, "built", 0)
    strategy = NeighborPool(MarginSampling(), 5, index=CountingIndex(), representation="features")
    for start in [0, 50, 100]:
        labeled = np.arange(start, start + 10)
        strategy.query(net, Rows(X, np.setdiff1d(np.arange(200), labeled)), 3,
                       X_labeled=Rows(X, labeled))  # fmt: skip
    assert CountingIndex.built == 1
    restored = pickle.loads(pickle.dumps(strategy))
    assert len(pickle.dumps(strategy)) < X.nbytes
    for other in [clone(strategy), restored, strategy.set_params(index__metric="cosine")]:
        before = CountingIndex.built
        other.query(net, X, 3, X_labeled=X[:10])
        assert CountingIndex.built == before + 1
    strategy.query(net, X.copy(), 3, X_labeled=X[:10])
    assert CountingIndex.built == 5


def test_a_cosine_index_finds_other_neighbors(net, X):
    index = NearestNeighbors(metric="cosine")
    strategy = NeighborPool(RandomSampling(), 6, index=index, representation="features")
    seen = set()
    for seed in range(40):
        seen.update(strategy.query(net, X, 3, X_labeled=X[:1], random_state=seed))
    expected = np.argsort(cdist(X[:1], X, metric="cosine"))[0, :6]
    assert seen == set(expected)


def test_a_neighborhood_needs_labels_and_numbers(net, X):
    with pytest.raises(ValueError, match="RandomSampling"):
        NeighborPool(MarginSampling()).query(net, X, 3)
    with pytest.raises(TypeError, match="embedding"):
        NeighborPool(RandomSampling(), representation="features").query(
            net, ["a.wav", "b.wav"], 1, X_labeled=["c.wav"]
        )


def test_embeddings_are_needed_only_for_their_neighborhood():
    assert NeighborPool(MarginSampling()).required() == {"predict_proba", "embed"}
    features = NeighborPool(MarginSampling(), representation="features")
    assert features.required() == {"predict_proba"}


@pytest.mark.slow  # it is compiled first
def test_the_approximate_index_finds_nearly_all_neighbors(net):
    pytest.importorskip("pynndescent")
    rng = np.random.RandomState(0)
    X = rng.randn(3000, 16).astype(np.float32)
    index = ApproximateNeighbors(random_state=0)
    distances, found = clone(index).fit(X).kneighbors(X[:50], 20)
    exact = np.argsort(cdist(X[:50], X), axis=1)[:, :20]
    hits = [len(np.intersect1d(a, b)) for a, b in zip(found, exact, strict=True)]
    assert np.mean(hits) > 19
    assert (np.diff(distances, axis=1) >= 0).all()
    net = FakeNet().fit(X, np.arange(3000) % 3)
    strategy = NeighborPool(BADGE(), 20, index=index, representation="features")
    assert len(strategy.query(net, X, 10, X_labeled=X[:5])) == 10


def test_the_approximate_index_names_its_package(monkeypatch, X):
    monkeypatch.setitem(sys.modules, "pynndescent", None)
    with pytest.raises(ImportError, match=r"pip install .*ann.*index=None"):
        ApproximateNeighbors().fit(X)


@pytest.mark.slow
def test_a_million_candidates_fit_into_four_gigabytes():
    code = textwrap.dedent("""
        import resource
        import numpy as np
        from sklearn.linear_model import LogisticRegression
        from skal.strategies.gradient import BADGE
        from skal.strategies.pools import NeighborPool, SubsamplePool
        from skal.strategies.uncertainty import MarginSampling

        rng = np.random.RandomState(0)
        X = rng.standard_normal((1_000_000, 64)).astype(np.float32)
        model = LogisticRegression().fit(X[:500], np.arange(500) % 10)
        for strategy in [
            MarginSampling(),
            SubsamplePool(BADGE(), 50_000),
            NeighborPool(MarginSampling()),
            NeighborPool(BADGE(), representation="features"),
        ]:
            picked = strategy.query(model, X, 200, X_labeled=X[:500], random_state=0)
            assert len(picked) == 200
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    """)
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert int(result.stdout) * 1024 < 4 * 2**30
