"""Density peaks against the paper's definition written as plain loops."""

import tracemalloc
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import make_blobs
from sklearn.metrics import adjusted_rand_score
from sklearn.metrics.pairwise import cosine_distances, euclidean_distances
from sklearn.neighbors import NearestNeighbors
from sklearn.utils.estimator_checks import parametrize_with_checks

from skal._utils.distances.pairwise import Pairwise
from skal._utils.threads import run
from skal.cluster import DensityPeaks
from skal.cluster._clusters import count_peaks
from skal.cluster._density import cutoff_distance
from skal.cluster._graph import density_graph
from skal.cluster._k_means import k_means_labels
from skal.cluster._neighbors import nearest_neighbors


@parametrize_with_checks([DensityPeaks(), DensityPeaks(method="approximate", metric="cosine")])
def test_scikit_learn_checks(estimator, check):
    """Behave as any scikit-learn clusterer."""
    check(estimator)


def _distances(X, metric):
    X = np.asarray(X, dtype=np.float64)
    if metric == "cosine":
        return cosine_distances(X)
    return np.sqrt(((X[:, None] - X[None]) ** 2).sum(axis=2))


def _loops(distance, cutoff, kernel, n_clusters, halo_scale=1.0):
    """Compute everything as Rodriguez and Laio define it, pair by pair."""
    n = len(distance)
    rho = np.zeros(n)
    for i in range(n):
        for j in range(n):
            if j != i and kernel == "gaussian":
                rho[i] += np.exp(-((distance[i, j] / cutoff) ** 2))
            elif j != i:
                rho[i] += distance[i, j] < cutoff * (1 - 1e-9)
    delta, nearest = np.zeros(n), np.full(n, -1)
    for i in range(n):
        denser = [j for j in range(n) if rho[j] > rho[i] or (rho[j] == rho[i] and j < i)]
        delta[i] = min((distance[i, j] for j in denser), default=distance[i].max())
        if denser:
            nearest[i] = min(denser, key=lambda j: (distance[i, j], -rho[j], j))
    gamma = (rho - rho.min()) / np.ptp(rho) * (delta - delta.min()) / np.ptp(delta)
    peaks = sorted(range(n), key=lambda i: (-gamma[i], -rho[i], i))[:n_clusters]
    labels = np.full(n, -1)
    for i in sorted(range(n), key=lambda i: (-rho[i], i)):
        labels[i] = peaks.index(i) if i in peaks else labels[nearest[i]]
    border = np.zeros(n_clusters)
    for i in range(n):
        for j in range(n):
            if labels[i] != labels[j] and distance[i, j] <= cutoff * (1 + 1e-9):
                border[labels[i]] = max(border[labels[i]], (rho[i] + rho[j]) / 2)
    halo = np.array([rho[i] < border[labels[i]] / halo_scale for i in range(n)])
    return rho, delta, nearest, peaks, labels, border, halo


def _clouds(n, n_features, seed, spread=1.0):
    return make_blobs(
        n, n_features, centers=4, cluster_std=spread, center_box=(-3, 3), random_state=seed
    )[0]


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("kernel", ["gaussian", "cutoff"])
@pytest.mark.parametrize(("n", "n_features", "percent"), [(40, 2, 10), (150, 3, 4), (90, 30, 20)])
def test_all_attributes_match_the_definition(metric, kernel, n, n_features, percent):
    """Agree with plain loops in every fitted attribute."""
    X = _clouds(n, n_features, seed=n)
    model = DensityPeaks(6, percent, metric=metric, kernel=kernel, halo_scale=0.9).fit(X)
    distance = _distances(X, metric)
    expected = _loops(distance, model.cutoff_, kernel, 6, halo_scale=0.9)
    rho, delta, nearest, peaks, labels, border, halo = expected
    np.testing.assert_allclose(model.rho_, rho, rtol=1e-9)
    np.testing.assert_allclose(model.delta_, delta, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(model.nearest_denser_, nearest)
    np.testing.assert_array_equal(model.cluster_centers_indices_, peaks)
    np.testing.assert_array_equal(model.labels_, labels)
    np.testing.assert_allclose(model.border_density_, border, rtol=1e-9)
    np.testing.assert_array_equal(model.halo_, halo)
    assert halo.any()


@given(
    points=st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=3, max_size=25),
    percent=st.sampled_from([5, 20, 50]),
    n_clusters=st.integers(1, 3),
)
@settings(max_examples=60)
def test_ties_and_duplicates(points, percent, n_clusters):
    """Count whole numbers exactly on a grid, where nearly everything is tied."""
    X = np.array(points, dtype=float)
    distance = _distances(X, "euclidean")
    model = DensityPeaks(n_clusters, percent, kernel="cutoff").fit(X)
    with warnings.catch_warnings():  # the loops divide by the range of equal densities
        warnings.simplefilter("ignore", RuntimeWarning)
        rho, delta, *_ = _loops(distance, model.cutoff_, "cutoff", n_clusters)
    np.testing.assert_array_equal(model.rho_, rho)
    np.testing.assert_allclose(model.delta_, delta, atol=1e-12)
    assert sorted(set(model.labels_)) == list(range(n_clusters))
    np.testing.assert_array_equal(
        model.labels_[model.cluster_centers_indices_], np.arange(n_clusters)
    )


@pytest.mark.parametrize("percent", [0.5, 1.5, 20])
def test_cutoff_is_the_paper_s_sorted_pair(percent):
    """Take the pair distance at the percentile, as the authors' code does."""
    X = _clouds(80, 3, seed=0)
    pairs = np.sort(_distances(X, "euclidean")[np.triu_indices(80, 1)])
    expected = pairs[round(len(pairs) * percent / 100) - 1]
    assert cutoff_distance(X, percent) == pytest.approx(expected, rel=1e-12)


def test_cutoff_of_a_sample():
    """Be near the right percentage where only a sample of the pairs is looked at."""
    X = np.random.RandomState(0).rand(5000, 4)
    cutoff = cutoff_distance(X, 2, random_state=1)
    share = (euclidean_distances(X[:1000], X) <= cutoff).mean()
    assert 0.017 < share < 0.023
    assert cutoff == cutoff_distance(X, 2, random_state=1)


def test_cutoff_where_rows_are_equal():
    """Never be 0: take the smallest distance that there is, or 1."""
    X = np.zeros((30, 2))
    assert cutoff_distance(X) == 1
    X[0] = [3, 4]
    assert cutoff_distance(X) == pytest.approx(5)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_exact_above_one_block(metric):
    """Agree with whole matrices where many blocks and float32 are used."""
    X = _clouds(2600, 5, seed=3, spread=0.7).astype(np.float32) + 100
    X = X if metric == "euclidean" else X - 100
    model = DensityPeaks(4, metric=metric, method="exact", random_state=0).fit(X)
    distance = _distances(X, metric) if metric == "cosine" else _by_column(X)
    weights = np.exp(-((distance / model.cutoff_) ** 2))
    np.testing.assert_allclose(model.rho_, weights.sum(axis=1) - 1, rtol=2e-4)
    order = np.argsort(-model.rho_, kind="stable")
    rank = np.argsort(order)
    distance[rank[None] >= rank[:, None]] = np.inf
    rest = order[1:]
    np.testing.assert_allclose(
        model.delta_[rest], distance[rest].min(axis=1), rtol=1e-3, atol=1e-6
    )


def _by_column(X):
    squared = sum((column[:, None] - column) ** 2 for column in X.T.astype(np.float64))
    return np.sqrt(squared)


def test_far_away_clusters_are_not_blurred():
    """Resolve small clusters far apart, where float32 products would not."""
    rng = np.random.RandomState(0)
    X = np.repeat([[0.0, 0.0], [1e6, 0.0], [0.0, 1e6]], 1000, axis=0) + rng.randn(3000, 2)
    model = DensityPeaks(random_state=0).fit(X)
    assert len(model.cluster_centers_indices_) == 3
    np.testing.assert_allclose(
        model.rho_[:5],
        np.exp(-((_by_column(X)[:5] / model.cutoff_) ** 2)).sum(axis=1) - 1,
        rtol=1e-3,
    )


@pytest.mark.parametrize("method", ["exact", "approximate"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_number_of_clusters_is_found(method, dtype):
    """Find the clusters of separated clouds without being told how many."""
    X, y = make_blobs(3000, 8, centers=7, center_box=(-10, 10), random_state=2)
    model = DensityPeaks(method=method, random_state=0).fit(X.astype(dtype))
    assert adjusted_rand_score(y, model.labels_) > 0.99


def test_moons_have_any_shape():
    """Follow clusters that are no balls."""
    angle = np.linspace(0, np.pi, 300)
    rng = np.random.RandomState(0)
    upper = np.column_stack([np.cos(angle), np.sin(angle)])
    lower = np.column_stack([1 - np.cos(angle), 0.4 - np.sin(angle)])
    X = np.concatenate([upper, lower]) + 0.05 * rng.randn(600, 2)
    labels = DensityPeaks(2, 4).fit_predict(X)
    assert adjusted_rand_score(np.repeat([0, 1], 300), labels) > 0.9


@pytest.mark.parametrize("kernel", ["gaussian", "cutoff"])
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_approximate_finds_the_peaks_of_exact(kernel, metric):
    """Agree on the very points where both methods apply."""
    X, _ = make_blobs(9000, 16, centers=12, center_box=(-4, 4), random_state=4)
    exact = DensityPeaks(12, method="exact", kernel=kernel, metric=metric, random_state=0).fit(X)
    near = DensityPeaks(12, method="approximate", kernel=kernel, metric=metric, random_state=0)
    near.fit(X)
    peaks = set(exact.cluster_centers_indices_) & set(near.cluster_centers_indices_)
    assert len(peaks) >= 11
    assert adjusted_rand_score(exact.labels_, near.labels_) > 0.95
    assert np.corrcoef(exact.rho_, near.rho_)[0, 1] > 0.99


def test_approximate_halo():
    """Find nearly the same halo among a sample of the pairs."""
    X = np.random.RandomState(0).randn(9000, 3)
    X[4500:] += [4, 0, 0]
    exact = DensityPeaks(2, method="exact", random_state=0).fit(X)
    near = DensityPeaks(2, method="approximate", random_state=0).fit(X)
    assert 0.1 < exact.halo_.mean() < 0.9
    assert (exact.halo_ == near.halo_).mean() > 0.95


@pytest.mark.parametrize("method", ["exact", "approximate"])
def test_equal_rows(method):
    """Put equal rows into one cluster, the first of them its peak."""
    for X in (np.full((50, 3), 0.1), np.full((1, 2), 7.0), np.zeros((20, 2))):
        model = DensityPeaks(method=method).fit(X)
        assert model.labels_.tolist() == [0] * len(X)
        assert model.cluster_centers_indices_.tolist() == [0]
        assert not model.halo_.any()
        assert (model.delta_ == 0).all()


def test_as_many_clusters_as_rows_and_more():
    """Make every row a cluster, and refuse more."""
    X = np.random.RandomState(0).rand(12, 2)
    assert sorted(DensityPeaks(12).fit_predict(X)) == list(range(12))
    with pytest.raises(ValueError, match="n_clusters is 13, but X has only 12"):
        DensityPeaks(13).fit(X)


def test_count_peaks():
    """Count up to the largest fall, by factor, whatever the densest point's delta."""
    rest = np.array([0.5, 0.4, 0.012, 0.011, 0.008, 0.005, 0.004, 0.0])
    for first in (0.6, 100.0):
        delta = np.concatenate([[first], rest])
        assert count_peaks(np.array([2.0, *np.ones(7), 0.0]), delta) == 3
    assert count_peaks(np.ones(1), np.zeros(1)) == 1
    assert count_peaks(np.ones(9), np.zeros(9)) == 1


def test_decision_graph():
    """Show every point's density, distance and their product."""
    X = _clouds(60, 2, seed=1)
    model = DensityPeaks(3).fit(X)
    rho, delta, gamma = model.decision_graph()
    assert rho is model.rho_ and delta is model.delta_
    assert set(np.argsort(-gamma)[:3]) == set(model.cluster_centers_indices_)
    graph = density_graph(X)
    np.testing.assert_array_equal(graph.gamma, gamma)
    np.testing.assert_array_equal(graph.labels(graph.peaks(3)), model.labels_)


def test_memory_is_not_quadratic():
    """Stay far below n x n, which would be 256 MB here."""
    X = np.random.RandomState(0).rand(8000, 4).astype(np.float32)
    for method in ("exact", "approximate"):
        tracemalloc.start()
        DensityPeaks(20, method=method, cutoff=0.1, random_state=0).fit(X)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 110e6


def test_threads_and_seeds_do_not_matter():
    """Give the same bits every time, and no other with a different number of threads."""
    from threadpoolctl import threadpool_limits

    X = np.random.RandomState(0).rand(3000, 4).astype(np.float32)
    both = DensityPeaks(random_state=0).fit(X)
    with threadpool_limits(1, "blas"):
        one = DensityPeaks(random_state=0).fit(X)
    np.testing.assert_array_equal(both.rho_, one.rho_)
    np.testing.assert_array_equal(both.delta_, one.delta_)


def test_run_inside_run():
    """Work where a task starts tasks of its own."""
    assert run(lambda a: sum(run(lambda b: a * b, range(4))), range(5)) == [0, 6, 12, 18, 24]


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_neighbors(metric):
    """Find nearly all neighbors in cells, and all of them where every cell is looked at."""
    X = _clouds(9000, 6, seed=5).astype(np.float32)
    pairs = Pairwise(X, metric)
    exact = NearestNeighbors(n_neighbors=11, algorithm="brute", metric=metric)
    expected, _ = exact.fit(X).kneighbors(X[:500])
    for n_candidates, share in ((None, 0.75), (9000, 0.9999)):
        _, raw = nearest_neighbors(pairs, 10, n_candidates, np.random.RandomState(0))
        found = pairs.to_distance(raw[:500]) <= expected[:, -1:] + 1e-4
        assert found.mean() > share


def test_neighbors_of_equal_rows():
    """Cut a cell that nearly everything falls into."""
    X = np.zeros((9000, 3), dtype=np.float32)
    X[:500] = np.random.RandomState(0).rand(500, 3)
    neighbors, raw = nearest_neighbors(Pairwise(X), 5, None, np.random.RandomState(0))
    assert (neighbors != np.arange(9000)[:, None]).all()
    assert (np.diff(np.sort(neighbors, axis=1), axis=1) > 0).all()
    assert (np.diff(raw, axis=1) >= 0).all()
    assert (raw[600:] < 1e-6).all()


@pytest.mark.parametrize(("n", "n_clusters"), [(300, 7), (3000, 120)])
def test_k_means_labels(n, n_clusters):
    """Make as many tight clusters as asked, the same for the same seed."""
    X, _ = make_blobs(n, 4, centers=n_clusters, center_box=(-50, 50), random_state=0)
    labels = k_means_labels(X, n_clusters, random_state=0)
    assert labels.shape == (n,)
    sizes = np.bincount(labels)
    assert (sizes > 0).all()
    assert 0.9 * n_clusters <= len(sizes) <= n_clusters
    centers = np.array([X[labels == c].mean(axis=0) for c in range(len(sizes))])
    inertia = ((X - centers[labels]) ** 2).sum()
    assert inertia < 0.1 * ((X - X.mean(axis=0)) ** 2).sum()
    np.testing.assert_array_equal(labels, k_means_labels(X, n_clusters, random_state=0))


def test_k_means_labels_of_equal_rows():
    """Make fewer clusters, without a warning, where there are fewer different rows."""
    for n_clusters in (10, 60):
        labels = k_means_labels(np.ones((100, 2)), n_clusters, random_state=0)
        assert set(labels) == {0}


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_rows_that_are_no_numbers(metric, bad):
    """Say which rows hold NaN or infinity."""
    X = np.ones((5, 2))
    X[[3, 4], 1] = bad
    with pytest.raises(ValueError, match=r"2 of 5 rows.*row 3"):
        Pairwise(X, metric)
