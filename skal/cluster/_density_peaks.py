"""Clustering by density peaks, as a scikit-learn clusterer."""

from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from skal._utils.distances.pairwise import METRICS
from skal._utils.private import Interval, StrOptions, _fit_context
from skal.cluster._clusters import cluster_score
from skal.cluster._density import KERNELS
from skal.cluster._graph import PeakSearch

__all__ = ["DensityPeaks"]


class DensityPeaks(ClusterMixin, BaseEstimator):
    """Clustering by fast search and find of density peaks.

    A peak is denser than its surroundings and far from any denser point. Every other point belongs
    to the cluster of its nearest denser point. The number of clusters need not be known, and
    clusters may have any shape.

    Parameters
    ----------
    n_clusters : int, default=None
        Number of peaks. None: the number before the largest factor between consecutive sorted
        gammas.
    percent : float, default=1.5
        Sets the cutoff distance, within which a point has this percentage of all points, on
        average. With more than 2,000 points, it is estimated from 1,000 points.
    cutoff : float, default=None
        The cutoff distance itself, instead of `percent`.
    metric : {"euclidean", "cosine"}, default="euclidean"
        The distance; "cosine" is 1 - cosine.
    kernel : {"gaussian", "cutoff"}, default="gaussian"
        Contribution of a point to another point's density: exp(-(distance / cutoff) ** 2), or 1
        within the cutoff distance.
    method : {"auto", "exact", "approximate"}, default="auto"
        "exact" compares all pairs, in blocks. "approximate" estimates densities from nearest
        neighbors and a sample (exactly around the peaks), and searches denser points among the
        neighbors first. "auto" is exact up to 50,000 points.
    halo_scale : float, default=1.0
        Divides the border density: larger values make a smaller halo.
    n_neighbors : int, default=32
        Number of neighbors for the approximate method.
    random_state : int, RandomState instance or None, default=None
        Draws the samples.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,)
        Cluster of each point; cluster 0 has the peak with the largest gamma.
    cluster_centers_indices_ : ndarray of shape (n_clusters,)
        Positions of the peaks, the largest gamma first.
    rho_ : ndarray of shape (n_samples,)
        Density.
    delta_ : ndarray of shape (n_samples,)
        Distance to the nearest denser point; for the densest, the largest distance from it. Of
        equally dense points, the first counts as denser.
    nearest_denser_ : ndarray of shape (n_samples,)
        Position of the nearest denser point, -1 for the densest.
    border_density_ : ndarray of shape (n_clusters,)
        Largest mean density of two points within the cutoff, one inside and one outside the
        cluster; 0 without such points.
    halo_ : ndarray of shape (n_samples,), bool
        Whether a point is less dense than the border of its cluster.
    cutoff_ : float
        The cutoff distance.
    n_features_in_ : int
        Number of features.

    See Also
    --------
    skal.strategies.DensityPeaksSampling : Asks for peaks.
    skal.strategies.EntropyDensityPeaks : Asks for peaks among the uncertain rows.
    skal.display.DecisionGraphDisplay : Plots the decision graph.

    References
    ----------
    Rodriguez and Laio, "Clustering by fast search and find of density peaks", Science 344
    (2014). Neighbors first: Chen et al., "Fast density peak clustering for large scale data
    based on kNN", Knowledge-Based Systems 187 (2020).

    Examples
    --------
    Three clusters, whose number need not be given. Their peaks have by far the largest gammas:

    >>> import numpy as np
    >>> from sklearn.datasets import make_blobs
    >>> from skal.cluster import DensityPeaks
    >>> X, y = make_blobs(150, centers=[[0, 0], [9, 0], [0, 9]], random_state=0)
    >>> peaks = DensityPeaks(percent=5).fit(X)
    >>> np.bincount(peaks.labels_).tolist()
    [50, 50, 50]
    >>> y[peaks.cluster_centers_indices_].tolist()
    [2, 0, 1]
    >>> rho, delta, gamma = peaks.decision_graph()
    >>> np.sort(gamma)[:-5:-1].round(2).tolist()
    [1.0, 0.46, 0.3, 0.03]
    """

    _parameter_constraints = {
        "n_clusters": [Interval(Integral, 1, None, closed="left"), None],
        "percent": [Interval(Real, 0, 100, closed="right")],
        "cutoff": [Interval(Real, 0, None, closed="neither"), None],
        "metric": [StrOptions(set(METRICS))],
        "kernel": [StrOptions(set(KERNELS))],
        "method": [StrOptions({"auto", "exact", "approximate"})],
        "halo_scale": [Interval(Real, 0, None, closed="neither")],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_clusters=None,
        percent=1.5,
        *,
        cutoff=None,
        metric="euclidean",
        kernel="gaussian",
        method="auto",
        halo_scale=1.0,
        n_neighbors=32,
        random_state=None,
    ):
        self.n_clusters = n_clusters
        self.percent = percent
        self.cutoff = cutoff
        self.metric = metric
        self.kernel = kernel
        self.method = method
        self.halo_scale = halo_scale
        self.n_neighbors = n_neighbors
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Find the peaks and the clusters around them.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The points.
        y : Ignored
            Not used, present by convention.

        Returns
        -------
        self : DensityPeaks

        Raises
        ------
        ValueError
            If there are fewer points than `n_clusters`.
        """
        X = validate_data(self, X, dtype=[np.float64, np.float32])
        if self.n_clusters is not None and self.n_clusters > len(X):
            raise ValueError(f"n_clusters is {self.n_clusters}, but X has only {len(X)} samples")
        search = PeakSearch(
            X,
            self.percent,
            self.cutoff,
            self.metric,
            self.kernel,
            self.method,
            self.n_neighbors,
            self.random_state,
        )
        graph = search.graph(self.n_clusters)
        peaks = graph.peaks(self.n_clusters)
        self.rho_, self.delta_ = graph.rho, graph.delta
        self.nearest_denser_, self.cutoff_ = graph.nearest_denser, graph.cutoff
        self.cluster_centers_indices_ = peaks
        self.labels_ = graph.labels(peaks)
        self.border_density_ = search.borders(graph, self.labels_, len(peaks))
        self.halo_ = self.rho_ < (self.border_density_ / self.halo_scale)[self.labels_]
        return self

    def decision_graph(self):
        """Return the axes of a decision graph, which has peaks at its upper right.

        Returns
        -------
        rho : ndarray of shape (n_samples,)
            Density, the horizontal axis.
        delta : ndarray of shape (n_samples,)
            Distance to the nearest denser point, the vertical axis.
        gamma : ndarray of shape (n_samples,)
            The product of both after scaling to 0...1.
        """
        check_is_fitted(self)
        return self.rho_, self.delta_, cluster_score(self.rho_, self.delta_)
