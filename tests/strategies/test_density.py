"""Sampling by density peaks: which rows are asked for, and from which of them."""

import numpy as np
import pytest
from sklearn.datasets import make_blobs
from sklearn.model_selection import ParameterGrid

from skal.cluster import DensityPeaks
from skal.cluster._graph import density_graph
from skal.learner import Learner
from skal.strategies.density import (
    DensityPeaksSampling,
    EntropyDensityPeaks,
    peaks_and_halo,
    peaks_and_outliers,
)
from skal.strategies.uncertainty import entropy
from tests.strategies.fakes import FakeNet


@pytest.fixture
def pool():
    """Return rows of four clouds and a network."""
    X, y = make_blobs(240, 4, centers=4, cluster_std=2.0, center_box=(-5, 5), random_state=0)
    return X, FakeNet().fit(X, y)


@pytest.mark.parametrize(("n", "fraction", "n_peaks"), [(20, 0.75, 15), (7, 0.0, 0), (9, 1.0, 9)])
def test_peaks_and_outliers(pool, n, fraction, n_peaks):
    """Take the largest gamma, then the largest delta among all others, in this order."""
    graph = density_graph(pool[0], percent=5)
    picks = peaks_and_outliers(graph.rho, graph.delta, n, fraction)
    peaks = sorted(range(240), key=lambda i: -graph.gamma[i])[:n_peaks]
    others = sorted(set(range(240)) - set(peaks), key=lambda i: -graph.delta[i])[: n - n_peaks]
    np.testing.assert_array_equal(picks, peaks + others)


def test_peaks_and_halo(pool):
    """Take the centers, then halo points by delta, and by gamma when there are no more."""
    model = DensityPeaks(6, 5, halo_scale=2).fit(pool[0])
    halo = np.flatnonzero(model.halo_)
    assert 10 < len(halo) < 220
    picks = peaks_and_halo(model, 8, 0.75)
    peaks = list(model.cluster_centers_indices_)
    left = [i for i in halo if i not in peaks]
    np.testing.assert_array_equal(picks, peaks + sorted(left, key=lambda i: -model.delta_[i])[:2])
    everything = peaks_and_halo(model, 240, 6 / 240)
    assert sorted(everything) == list(range(240))
    assert set(everything[: len(peaks) + len(left)]) == set(halo) | set(peaks)


def test_density_peaks_sampling_clusters_the_embeddings(pool):
    """Cluster what the network makes of the pool, with one cluster for each peak."""
    X, net = pool
    picks = DensityPeaksSampling(peak_fraction=0.5, percent=4).query(net, X, 10, random_state=0)
    model = DensityPeaks(5, 4).fit(net.embed(X))
    np.testing.assert_array_equal(picks, peaks_and_halo(model, 10, 0.5))
    # Counts of neighbors tie, and chance decides among them; no count is above the first pick's.
    counting = DensityPeaksSampling(peak_fraction=1, percent=4, kernel="cutoff")
    counts = DensityPeaks(1, 4, kernel="cutoff").fit(net.embed(X)).rho_
    drawn = [counting.query(net, X, 1, random_state=seed)[0] for seed in range(20)]
    assert set(drawn) == set(np.flatnonzero(counts == counts.max()))


def test_density_peaks_sampling_needs_no_model():
    """Choose the first labels: the middles of the clouds."""
    X, y = make_blobs(300, 3, centers=5, center_box=(-20, 20), random_state=0)
    learner = Learner.without_model(None, X)
    picks = DensityPeaksSampling(peak_fraction=1).query(learner, X, 5, random_state=0)
    assert sorted(y[picks]) == list(range(5))


@pytest.mark.parametrize(("n", "prefilter"), [(12, 3.0), (10, 1.0), (50, 10.0), (7, 2.5)])
def test_entropy_density_peaks(pool, n, prefilter):
    """Look at the most uncertain rows only, and at positions in the whole pool."""
    X, net = pool
    strategy = EntropyDensityPeaks(prefilter=prefilter, peak_fraction=0.6, percent=5)
    picks, scores = strategy.query(net, X, n, random_state=0, return_scores=True)
    uncertainty = entropy(net.predict_proba(X))
    uncertain = np.argsort(-uncertainty)[: int(np.ceil(prefilter * n))]
    graph = density_graph(net.embed(X[uncertain]), percent=5)
    among = peaks_and_outliers(graph.rho, graph.delta, n, 0.6)
    np.testing.assert_array_equal(picks, uncertain[among])
    np.testing.assert_allclose(scores, uncertainty[picks])


def test_entropy_density_peaks_embeds_the_uncertain_rows_only(pool):
    """Ask the network to embed no more rows than are clustered."""
    X, net = pool
    seen = []

    class Counting(FakeNet):
        def embed(self, X):
            seen.append(len(X))
            return super().embed(X)

        def predict_proba(self, X):
            return net.predict_proba(X)

    counting = Counting().fit(X, np.arange(240) % 4)
    EntropyDensityPeaks().query(counting, X, 10, random_state=0)
    assert seen == [30]


def test_every_parameter_matters(pool):
    """Give other rows for other values: no parameter is accepted and ignored."""
    X, net = pool
    usual = {}
    for name, value in [
        ("prefilter", 6),
        ("peak_fraction", 0.25),
        ("percent", 30),
        ("metric", "cosine"),
    ]:
        usual[name] = EntropyDensityPeaks().query(net, X, 20, random_state=0)
        other = EntropyDensityPeaks(**{name: value}).query(net, X, 20, random_state=0)
        assert set(usual[name]) != set(other) or list(usual[name]) != list(other), name
    for parameters in ParameterGrid({"prefilter": [0.5], "peak_fraction": [0.5]}):
        with pytest.raises(ValueError, match="prefilter"):
            EntropyDensityPeaks(**parameters).query(net, X, 5)
