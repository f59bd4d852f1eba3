"""Density and diversity strategies against scikit-activeml and small-text, on the same arrays.

Before anything is timed, both sides are shown to obey the same definition: core-sets are the
same rows, ProbCover's picks are greedy in the peer's own graph, TypiClust's are the most
typical rows of the peer's own clusters, and DensityPeaks' densities those of plain loops.

    python benchmarks/bench_density.py            # n = 20,000 and 5,000, D = 128, B = 200
    python benchmarks/bench_density.py --quick

Needs scikit-activeml and small-text beside skal.
"""

import argparse
import math
import time

import numpy as np
from _peers import ask_scikit_activeml, interleave, pool_and_labeled
from sklearn.cluster import KMeans
from sklearn.metrics import pairwise_distances

from skal.cluster import DensityPeaks
from skal.strategies.coverage import max_coverage, purity_radius
from skal.strategies.diversity import k_center_greedy
from skal.strategies.typical import typical_rows


def rows(quick=False):
    """Yield (name, our seconds, peer, peer's seconds, ratio to reach) for every comparison."""
    n_instances = 20 if quick else 200
    large = pool_and_labeled(2_000 if quick else 20_000)
    small = pool_and_labeled(1_000 if quick else 5_000)
    yield from _core_set(*large, n_instances)
    yield _typiclust(*small, n_instances)
    yield _prob_cover(*small, n_instances)
    yield _density_peaks(small[0][: 500 if quick else 4_000])


def _core_set(X, X_labeled, y_labeled, n_instances):
    from skactiveml.pool import CoreSet
    from small_text.query_strategies.coresets import greedy_coreset

    def ours():
        return k_center_greedy(X, n_instances, X_labeled)

    def activeml():
        peer = CoreSet(random_state=0)
        return ask_scikit_activeml(peer, X, X_labeled, y_labeled, n_instances)

    everything = np.concatenate([X, X_labeled])
    pool, labeled = np.arange(len(X)), np.arange(len(X), len(everything))

    def small_text():
        return greedy_coreset(everything, pool, labeled, n_instances, "euclidean")

    np.testing.assert_array_equal(ours(), activeml())
    seconds, theirs = interleave(ours, activeml)
    yield "CoreSet", seconds, "scikit-activeml", theirs, 2.0
    # Once is enough of a peer that takes so long: the run that is compared is the one timed.
    start = time.perf_counter()
    picks = small_text()
    theirs = time.perf_counter() - start
    np.testing.assert_array_equal(ours(), picks)
    yield "CoreSet", seconds, "small-text", theirs, 20.0


def _typiclust(X, X_labeled, y_labeled, n_instances):
    from skactiveml.pool import TypiClust

    def activeml(**parameters):
        peer = TypiClust(random_state=0, **parameters)
        return ask_scikit_activeml(peer, X, X_labeled, y_labeled, n_instances)

    # The same clusters: the largest of those without a label, and their most typical row. The
    # peer counts the row itself as its own neighbor at distance 0, which changes no order, and
    # takes a fixed number of neighbors; one neighbor is what both have in common.
    n_clusters = 10 + len(X_labeled)
    clusters = KMeans(n_clusters, init="random", n_init=1, random_state=0)
    everything = np.concatenate([X, X_labeled])
    peer = TypiClust(
        random_state=0,
        k=1,
        cluster_algo=_Given,
        cluster_algo_dict={"labels": clusters.fit_predict(everything)},
    )
    theirs = ask_scikit_activeml(peer, X, X_labeled, y_labeled, 10)
    labels = np.roll(clusters.labels_, len(X_labeled))
    # The peer knows no clusters that are too small.
    same = {"n_neighbors": 1, "min_cluster_size": 0, "labels": labels}
    ours = typical_rows(X, 10, X_labeled, **same, random_state=0)
    sizes = np.bincount(labels)
    _same_clusters(clusters.labels_, sizes, ours, theirs, X)
    seconds, theirs = interleave(
        lambda: typical_rows(X, n_instances, X_labeled, random_state=0), activeml
    )
    return "TypiClust", seconds, "scikit-activeml", theirs, 2.0


class _Given:
    """Clusters that are known already, in the form of a clusterer."""

    def __init__(self, labels, n_clusters=None):
        self.labels = labels

    def fit_predict(self, X):
        return self.labels


def _same_clusters(labels, sizes, ours, theirs, X):
    """Check that clusters of the same sizes were visited, and the same rows taken in them."""
    np.testing.assert_array_equal(sizes[labels[ours]], sizes[labels[theirs]])
    common = set(labels[ours]) & set(labels[theirs])  # ties in size are broken at random
    assert len(common) >= len(ours) // 2
    for cluster in common:
        members = np.flatnonzero(labels[: len(X)] == cluster)
        distances = pairwise_distances(X[members])
        nearest = np.sort(distances, axis=1)[:, 1]
        for picks in (ours, theirs):
            pick = picks[labels[picks] == cluster][0]
            assert np.isclose(nearest[members == pick], nearest.min()).all()


def _prob_cover(X, X_labeled, y_labeled, n_instances):
    from skactiveml.pool import ProbCover

    # A radius with which balls hold a hundred rows or so.
    radius = float(np.quantile(pairwise_distances(X[:1000]), 0.02))

    def activeml(**parameters):
        peer = ProbCover(random_state=0, **parameters)
        return ask_scikit_activeml(peer, X, X_labeled, y_labeled, n_instances)

    def ours():
        labels = KMeans(len(np.unique(y_labeled)), n_init=1, random_state=0).fit_predict(X)
        purity_radius(X, labels, random_state=0)
        return max_coverage(X, n_instances, radius, X_labeled, random_state=0)

    graph = pairwise_distances(X) <= radius
    covered = (pairwise_distances(X, X_labeled) <= radius).any(axis=1)
    for picks in (ours(), activeml(deltas=[radius])):
        _check_greedy(graph, covered, picks)
    seconds, theirs = interleave(ours, activeml_with_grid(activeml, radius))
    return "ProbCover", seconds, "scikit-activeml", theirs, 2.0


def activeml_with_grid(ask, radius):
    """Let the peer look for its radius, too, on a grid of ten that ends there."""
    grid = radius * np.linspace(0.1, 1, 10)
    return lambda: ask(deltas=grid, alpha=1e-6, n_classes=10)


def _check_greedy(graph, covered, picks):
    covered = covered.copy()
    for place, pick in enumerate(picks):
        gains = graph[:, ~covered].sum(axis=1)
        gains[picks[:place]] = -1
        if gains.max() <= 0:
            break
        assert gains[pick] == gains.max()
        covered |= graph[pick]


def _density_peaks(X):
    """Compare with loops over pairs, the way the definition reads and was first programmed."""
    distances = pairwise_distances(X)
    model = DensityPeaks(50, random_state=0).fit(X)
    start = time.perf_counter()
    rho, delta, labels, halo = _loops(distances.tolist(), model)
    theirs = time.perf_counter() - start
    np.testing.assert_allclose(model.rho_, rho, rtol=1e-4)
    np.testing.assert_allclose(model.delta_, delta, rtol=1e-4)
    np.testing.assert_array_equal(model.labels_, labels)
    np.testing.assert_array_equal(model.halo_, halo)
    seconds, _ = interleave(lambda: DensityPeaks(50, random_state=0).fit(X), list, repeats=7)
    return f"DensityPeaks, n = {len(X):,}", seconds, "plain loops", theirs, 40.0


def _loops(distances, model):
    """Densities, distances, clusters and halos by Rodriguez and Laio, one pair at a time."""
    n, cutoff = len(distances), model.cutoff_
    rho = [0.0] * n
    for i in range(n):
        for j in range(i + 1, n):
            weight = math.exp(-((distances[i][j] / cutoff) ** 2))
            rho[i] += weight
            rho[j] += weight
    order = sorted(range(n), key=lambda i: -rho[i])
    delta, nearest = [0.0] * n, [-1] * n
    delta[order[0]] = max(distances[order[0]])
    for place in range(1, n):
        i, least = order[place], math.inf
        for j in order[:place]:
            if distances[i][j] < least:
                least, nearest[i] = distances[i][j], j
        delta[i] = least
    labels = {peak: k for k, peak in enumerate(model.cluster_centers_indices_.tolist())}
    for i in order:
        if i not in labels:
            labels[i] = labels[nearest[i]]
    border = [0.0] * len(model.cluster_centers_indices_)
    for i in range(n):
        for j in range(i + 1, n):
            if labels[i] != labels[j] and distances[i][j] <= cutoff:
                mean = (rho[i] + rho[j]) / 2
                border[labels[i]] = max(border[labels[i]], mean)
                border[labels[j]] = max(border[labels[j]], mean)
    halo = [rho[i] < border[labels[i]] for i in range(n)]
    return rho, delta, [labels[i] for i in range(n)], halo


def scale(sizes=((4_000, 128), (50_000, 128), (200_000, 64), (1_000_000, 64))):
    """Yield (what, seconds, seconds of processor time) for DensityPeaks on larger data."""
    for n_samples, n_dimensions in sizes:
        rng = np.random.RandomState(0)
        centers = rng.uniform(-3, 3, (50, n_dimensions)).astype(np.float32)
        X = centers[rng.randint(50, size=n_samples)]
        X += rng.standard_normal(X.shape).astype(np.float32)
        start, processor = time.perf_counter(), time.process_time()
        DensityPeaks(50, random_state=0).fit(X)
        yield (
            f"DensityPeaks, n = {n_samples:,}, D = {n_dimensions}",
            time.perf_counter() - start,
            time.process_time() - processor,
        )


def main():
    """Print one line for each comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the data")
    parser.add_argument("--scale", action="store_true", help="DensityPeaks up to 1,000,000 rows")
    arguments = parser.parse_args()
    if arguments.scale:
        for name, seconds, processor in scale():
            print(f"{name}: {seconds:.2f} s ({processor:.2f} s of processor time)", flush=True)
        return
    for name, ours, peer, theirs, required in rows(arguments.quick):
        print(
            f"{name:24} skal {ours:.4f} s, {peer} {theirs:.4f} s: "
            f"{theirs / ours:.1f} times as fast (to reach: {required})",
            flush=True,
        )


if __name__ == "__main__":
    main()
