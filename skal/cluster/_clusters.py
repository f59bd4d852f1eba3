"""Density peaks, last steps: peaks, clusters, and halo."""

import numpy as np

__all__ = ["assign_clusters", "border_densities", "cluster_score", "count_peaks"]

_ROWS = 256
_CANDIDATES = 8192


def _unit_range(values):
    low, high = values.min(), values.max()
    return (values - low) / (high - low) if high > low else np.ones(len(values))


def cluster_score(density, delta):
    """Compute gamma, density times distance to the nearest denser point, both from 0 to 1."""
    return _unit_range(density) * _unit_range(delta)


def count_peaks(density, delta):
    """Count the peaks before the largest ratio of consecutive gammas, in descending order."""
    # Searches the first sqrt(n_samples) points. Uses ratios, because differences are largest
    # between the largest values. The delta of the densest point is the largest distance only by
    # convention, so it is limited to the next largest delta.
    if len(delta) < 3:
        return 1
    delta = delta.copy()
    delta[np.argmax(density)] = np.partition(delta, -2)[-2]
    gamma = cluster_score(density, delta)
    n_looked_at = int(np.ceil(np.sqrt(len(gamma)))) + 1
    highest = -np.sort(-gamma)[:n_looked_at] + np.finfo(np.float64).tiny
    return int(np.argmax(np.log(highest[:-1]) - np.log(highest[1:]))) + 1


def assign_clusters(nearest, peaks):
    """Assign every point to the cluster of its nearest denser point; peaks start clusters."""
    ahead = nearest.copy()
    ahead[peaks] = peaks
    # Pointer doubling: the longest chain takes log2(n) steps.
    while True:
        further = ahead[ahead]
        if np.array_equal(further, ahead):
            break
        ahead = further
    names = np.full(len(nearest), -1, dtype=np.intp)
    names[peaks] = np.arange(len(peaks))
    return names[ahead]


def border_densities(pairs, density, labels, n_clusters, cutoff):
    """Find the border density of every cluster; rows are sorted by descending density."""
    # The border density is the largest mean density of two points within the cutoff, one inside
    # and one outside the cluster. This skips pairs that are too far apart along the line between
    # their centers, or of too low density.
    border = np.zeros(n_clusters)
    members = np.split(
        np.argsort(labels, kind="stable"), np.cumsum(np.bincount(labels, minlength=n_clusters))
    )[:-1]
    reachable = _Slabs(pairs, labels, members, cutoff)
    for cluster, mine in enumerate(members[:-1]):
        others = reachable(cluster)
        for first in range(0, len(mine), _ROWS):
            block = mine[first : first + _ROWS]
            lowest = 2 * np.minimum(border[cluster], border[labels[others]])
            others = others[density[block[0]] + density[others] > lowest]
            if len(others) == 0:
                break
            best, at = _densest_partners(pairs, density, others, block, cutoff)
            np.maximum.at(border, labels[at], best)
            border[cluster] = max(border[cluster], best.max(initial=0))
    return border


def _densest_partners(pairs, density, others, block, cutoff):
    """Return the mean density of each point and its densest partner within the cutoff."""
    values, found = [], []
    reach = pairs.to_raw(cutoff) + pairs.slack
    for first in range(0, len(others), _CANDIDATES):
        rows = others[first : first + _CANDIDATES]
        near = pairs.product(rows, block) <= reach
        densest = near.argmax(axis=1)  # the first, as block is sorted
        hit = near[np.arange(len(rows)), densest]
        values.append((density[rows[hit]] + density[block[densest[hit]]]) / 2)
        found.append(rows[hit])
    return np.concatenate(values), np.concatenate(found)


class _Slabs:
    """Points of later clusters that may be within the cutoff of a point of a cluster."""

    # The distance of two points is at least that of their projections on the line between the
    # centers.

    def __init__(self, pairs, labels, members, cutoff):
        self.points = pairs.points
        self.labels = labels
        self.members = members
        self.centers = np.array([self.points[mine].mean(axis=0) for mine in members])
        # Cosine: 1 - cosine is half the squared distance of rows of length 1.
        raw = pairs.to_raw(cutoff) + pairs.slack
        self.reach = np.sqrt(raw if pairs.metric == "euclidean" else 2 * raw) * (1 + 1e-3)
        self.own = np.einsum("ij,ij->i", self.points, self.centers[labels])

    def __call__(self, cluster):
        shadows = self.points[self.members[cluster]] @ self.centers.T
        farthest = (shadows - shadows[:, [cluster]]).max(axis=0)
        apart = np.linalg.norm(self.centers - self.centers[cluster], axis=1)
        later = np.flatnonzero(self.labels > cluster)
        theirs = self.labels[later]
        shadow = self.own[later] - self.points[later] @ self.centers[cluster]
        return later[shadow - farthest[theirs] <= self.reach * apart[theirs]]
