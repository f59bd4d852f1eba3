"""Clustering by density peaks, exact and for millions of rows."""

from skal.cluster._clusters import cluster_score, count_peaks
from skal.cluster._density import cutoff_distance
from skal.cluster._density_peaks import DensityPeaks
from skal.cluster._graph import DensityGraph, density_graph
from skal.cluster._k_means import k_means_labels

__all__ = [
    "DensityGraph",
    "DensityPeaks",
    "cluster_score",
    "count_peaks",
    "cutoff_distance",
    "density_graph",
    "k_means_labels",
]
