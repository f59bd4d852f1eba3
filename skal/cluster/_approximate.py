"""Approximate density peaks of many rows, from nearest neighbors and a sample."""

import numpy as np

from skal.cluster._clusters import assign_clusters, border_densities
from skal.cluster._density import density_order, kernel_sums, nearest_denser, weigh

__all__ = ["approximate_borders", "approximate_density", "nearest_denser_first", "refine"]

# Size of the sample that represents all rows other than neighbors.
_SAMPLE = 10_000

# Number of rows per cluster with exact density, to determine the peak.
_REFINED = 4096

# Number of rows to search for borders, in addition to borders between neighbors.
_BORDER_SAMPLE = 16_384


def approximate_density(pairs, neighbors, raw, kernel, cutoff, random_state):
    """Estimate densities from exact nearest neighbors and a sample of the other rows."""
    n_samples, n_neighbors = neighbors.shape
    n_drawn = min(_SAMPLE, n_samples)
    sample = random_state.choice(n_samples, n_drawn, replace=False)
    sampled = np.zeros(n_samples, dtype=bool)
    sampled[sample] = True
    near = weigh(raw.copy(), pairs, kernel, cutoff)
    far = kernel_sums(pairs, np.arange(n_samples), kernel, cutoff, pairs.subset(sample))
    # Subtract sampled neighbors and the row itself, which are already counted.
    twice = sampled[neighbors]
    far -= np.einsum("ij,ij->i", near, twice) + sampled
    n_far = n_drawn - twice.sum(axis=1) - sampled
    n_others = n_samples - 1 - n_neighbors
    return near.sum(axis=1, dtype=np.float64) + n_others * np.maximum(far, 0) / np.maximum(
        n_far, 1
    )


def nearest_denser_first(pairs, density, neighbors):
    """Find every row's nearest denser row, first among its neighbors."""
    # A row that is denser than all its neighbors is compared with all denser rows.
    order = density_order(density)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    denser = rank[neighbors] < rank[:, None]
    rows = np.arange(len(order))
    nearest = neighbors[rows, denser.argmax(axis=1)].astype(np.intp)
    summits = np.sort(rank[~denser.any(axis=1)])
    ordered = pairs.subset(order[: summits[-1] + 1])
    nearest[order[0]] = order[0]
    nearest[order[summits[1:]]] = order[nearest_denser(ordered, summits[1:])]
    return nearest


def refine(pairs, density, nearest, peaks, kernel, cutoff):
    """Compute exact densities of the densest rows of every cluster."""
    # The largest of many estimates tends to be too large, so estimates in a cluster are clipped to
    # the largest exact density.
    labels = assign_clusters(nearest, peaks)
    order = density_order(density)
    by_cluster = order[np.argsort(labels[order], kind="stable")]
    starts = np.cumsum(np.bincount(labels, minlength=len(peaks))) - np.bincount(labels)
    place = np.arange(len(order)) - starts[labels[by_cluster]]
    rows = by_cluster[place < max(_REFINED // len(peaks), 1)]
    full = kernel_sums(pairs, rows, kernel, cutoff) - 1
    ceiling = np.zeros(len(peaks))
    np.maximum.at(ceiling, labels[rows], full)
    density = np.minimum(density, np.nextafter(ceiling, 0)[labels])
    density[rows] = full
    return density


def approximate_borders(pairs, density, labels, n_clusters, cutoff, neighbors, random_state):
    """Estimate border densities from a sample of the rows, and between neighbors."""
    n_drawn = min(_BORDER_SAMPLE, len(labels))
    sample = random_state.choice(len(labels), n_drawn, replace=False)
    sample = sample[density_order(density[sample])]
    present, compact = np.unique(labels[sample], return_inverse=True)
    border = np.zeros(n_clusters)
    border[present] = border_densities(
        pairs.subset(sample), density[sample], compact, len(present), cutoff
    )
    rows, columns = np.nonzero(labels[neighbors] != labels[:, None])
    others = neighbors[rows, columns].astype(np.intp)
    near = pairs.between(rows, others) <= cutoff
    rows, others = rows[near], others[near]
    means = (density[rows] + density[others]) / 2
    np.maximum.at(border, labels[rows], means)
    np.maximum.at(border, labels[others], means)
    return border
