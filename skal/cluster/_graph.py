"""The decision graph: every row's density and its distance to the nearest denser row."""

from typing import NamedTuple

import numpy as np
from sklearn.utils import check_random_state

from skal._utils.distances.pairwise import Pairwise
from skal.cluster._approximate import (
    approximate_borders,
    approximate_density,
    nearest_denser_first,
    refine,
)
from skal.cluster._clusters import assign_clusters, border_densities, cluster_score, count_peaks
from skal.cluster._density import cutoff_distance, density_order, local_density, nearest_denser
from skal.cluster._neighbors import nearest_neighbors

__all__ = ["DensityGraph", "PeakSearch", "by_gamma", "density_graph"]

# Above this many rows, "auto" is approximate: exact takes seconds here, and minutes for ten times
# more.
_EXACT = 50_000


def by_gamma(rho, gamma):
    """Return positions by decreasing gamma; ties by density, then by position."""
    order = density_order(rho)
    return order[np.argsort(-gamma[order], kind="stable")]


class DensityGraph(NamedTuple):
    """Every row's density and its nearest denser row; see `density_graph`."""

    rho: np.ndarray
    delta: np.ndarray
    gamma: np.ndarray
    nearest_denser: np.ndarray
    cutoff: float

    def peaks(self, n_peaks=None):
        """Return the positions of the rows with the largest gamma."""
        n_peaks = count_peaks(self.rho, self.delta) if n_peaks is None else n_peaks
        return by_gamma(self.rho, self.gamma)[:n_peaks]

    def labels(self, peaks):
        """Return the cluster of every row, which is that of its nearest denser row."""
        return assign_clusters(self.nearest_denser, peaks)


def density_graph(
    X,
    *,
    n_peaks=None,
    percent=1.5,
    cutoff=None,
    metric="euclidean",
    kernel="gaussian",
    method="auto",
    n_neighbors=32,
    random_state=None,
):
    """Compute the density of every row and find the nearest denser row of each."""
    search = PeakSearch(X, percent, cutoff, metric, kernel, method, n_neighbors, random_state)
    return search.graph(n_peaks)


class PeakSearch:
    """Distances among the rows of X, kept for the density graph and the cluster borders."""

    def __init__(self, X, percent, cutoff, metric, kernel, method, n_neighbors, random_state):
        self.rng = check_random_state(random_state)
        if cutoff is None:
            cutoff = cutoff_distance(X, percent, metric, self.rng)
        self.cutoff, self.kernel = cutoff, kernel
        self.pairs = Pairwise(X, metric, finest=cutoff)
        n_samples = len(self.pairs)
        exact = method == "exact" or (method == "auto" and n_samples <= _EXACT)
        self.neighbors = None
        if not exact and n_samples > 1:
            n_neighbors = min(n_neighbors, n_samples - 1)
            self.neighbors, self.raw = nearest_neighbors(
                self.pairs, n_neighbors, random_state=self.rng
            )

    def graph(self, n_peaks):
        """Return the `DensityGraph`; see `density_graph`."""
        if self.neighbors is None:
            rho = local_density(self.pairs, self.kernel, self.cutoff)
            return self._measure(rho, self._nearest(rho))
        arguments = self.kernel, self.cutoff
        rho = approximate_density(self.pairs, self.neighbors, self.raw, *arguments, self.rng)
        del self.raw
        graph = self._measure(rho, nearest_denser_first(self.pairs, rho, self.neighbors))
        peaks = graph.peaks(n_peaks)
        rho = refine(self.pairs, rho, graph.nearest_denser, peaks, *arguments)
        return self._measure(rho, nearest_denser_first(self.pairs, rho, self.neighbors))

    def borders(self, graph, labels, n_clusters):
        """Return the border density of every cluster; see `border_densities`."""
        if self.neighbors is not None:
            return approximate_borders(
                self.pairs, graph.rho, labels, n_clusters, self.cutoff, self.neighbors, self.rng
            )
        order = density_order(graph.rho)
        return border_densities(
            self.pairs.subset(order), graph.rho[order], labels[order], n_clusters, self.cutoff
        )

    def _nearest(self, rho):
        order = density_order(rho)
        nearest = np.empty_like(order)
        rest = nearest_denser(self.pairs.subset(order), np.arange(1, len(order)))
        nearest[order] = np.concatenate([order[:1], order[rest]])
        return nearest

    def _measure(self, rho, nearest):
        densest = density_order(rho)[0]
        delta = self.pairs.between(np.arange(len(rho)), nearest)
        farthest = max(raw.max() for _, raw in self.pairs.tiles(np.array([densest])))
        # The peak's delta is at least that of the others, but rounding may make it smaller.
        delta[densest] = max(float(self.pairs.to_distance(farthest)), delta.max())
        nearest = nearest.copy()
        nearest[densest] = -1
        return DensityGraph(rho, delta, cluster_score(rho, delta), nearest, self.cutoff)
