"""Density peaks of the embeddings: cluster centers, and points between clusters."""

from numbers import Real

import numpy as np

from skal._utils.distances.pairwise import METRICS
from skal._utils.private import Interval, StrOptions
from skal.cluster import DensityPeaks
from skal.cluster._clusters import cluster_score
from skal.cluster._graph import by_gamma, density_graph
from skal.strategies.base import QueryStrategy
from skal.strategies.ranking import pick_highest, pick_shuffled
from skal.strategies.uncertainty import entropy

__all__ = ["DensityPeaksSampling", "EntropyDensityPeaks", "peaks_and_halo", "peaks_and_outliers"]

_PARAMETERS = {
    "peak_fraction": [Interval(Real, 0, 1, closed="both")],
    "percent": [Interval(Real, 0, 100, closed="right")],
    "metric": [StrOptions(set(METRICS))],
}


def peaks_and_outliers(rho, delta, n_instances, peak_fraction=0.75):
    """Pick the rows with the largest gamma, then the remaining rows with the largest delta.

    Parameters
    ----------
    rho : ndarray of shape (n_samples,)
        Density of each row; see `skal.cluster.DensityPeaks.decision_graph`.
    delta : ndarray of shape (n_samples,)
        Distance from each row to the nearest denser row.
    n_instances : int
        Rows wanted, at most n_samples.
    peak_fraction : float, default=0.75
        Share of peaks, rounded to whole rows.

    Returns
    -------
    ndarray of shape (n_instances,)
        Positions, the peaks first.

    See Also
    --------
    peaks_and_halo : Takes the points between clusters instead of outliers.
    skal.strategies.EntropyDensityPeaks : The strategy.

    Examples
    --------
    Two clusters and an outlier. The peaks are the middles of the clusters:

    >>> import numpy as np
    >>> from skal.cluster import DensityPeaks
    >>> from skal.strategies.functions import peaks_and_outliers
    >>> X = np.array([[0.0], [1.0], [1.9], [10.0], [11.0], [12.2], [20.0]])
    >>> rho, delta, _ = DensityPeaks(cutoff=1.5).fit(X).decision_graph()
    >>> X[peaks_and_outliers(rho, delta, 3, peak_fraction=2 / 3)].ravel().tolist()
    [1.0, 11.0, 20.0]
    """
    peaks = by_gamma(rho, cluster_score(rho, delta))[: round(peak_fraction * n_instances)]
    return _fill(peaks, [np.argsort(-delta, kind="stable")], n_instances)


def peaks_and_halo(model, n_instances, peak_fraction=0.75):
    """Pick peaks, then the halo points with the largest delta.

    Parameters
    ----------
    model : DensityPeaks
        Fitted, with a cluster for each peak wanted.
    n_instances : int
        Rows wanted, at most n_samples.
    peak_fraction : float, default=0.75
        Share of peaks, rounded to whole rows.

    Returns
    -------
    ndarray of shape (n_instances,)
        Positions, peaks first. If the halo is too small, rows with the next largest gamma come
        last.

    See Also
    --------
    peaks_and_outliers : Takes outliers instead of the points between clusters.
    skal.strategies.DensityPeaksSampling : The strategy.

    Examples
    --------
    The halo is less dense than the border of the two clusters. Its point with the largest delta is
    between them:

    >>> import numpy as np
    >>> from skal.cluster import DensityPeaks
    >>> from skal.strategies.functions import peaks_and_halo
    >>> X = np.array([[0.0], [1.0], [1.9], [4.0], [6.0], [7.0], [8.1]])
    >>> model = DensityPeaks(2, cutoff=2.2, halo_scale=1.1).fit(X)
    >>> X[model.halo_].ravel().tolist()
    [0.0, 4.0, 8.1]
    >>> X[peaks_and_halo(model, 3, peak_fraction=2 / 3)].ravel().tolist()
    [1.0, 7.0, 4.0]
    """
    _, delta, gamma = model.decision_graph()
    peaks = model.cluster_centers_indices_[: round(peak_fraction * n_instances)]
    by_delta = np.argsort(-delta, kind="stable")
    by_gamma = np.argsort(-gamma, kind="stable")
    return _fill(peaks, [by_delta[model.halo_[by_delta]], by_gamma], n_instances)


def _fill(positions, reserves, n_instances):
    """Extend positions with unused reserves, up to a number."""
    for reserve in reserves:
        positions = np.concatenate([positions, reserve[~np.isin(reserve, positions)]])
    return positions[:n_instances]


class DensityPeaksSampling(QueryStrategy):
    """Ask for the density peaks of the pool's embeddings, and for halo points between them.

    Each peak is the center of a cluster; the halo is that of these clusters.

    Parameters
    ----------
    peak_fraction : float, default=0.75
        Share of peaks; the rest are halo points, those with the largest delta first.
    percent : float, default=1.5
        Sets the cutoff distance; see `skal.cluster.DensityPeaks`.
    metric : {"euclidean", "cosine"}, default="euclidean"
        The distance between embeddings.
    kernel : {"gaussian", "cutoff"}, default="gaussian"
        Contribution of a row to another row's density; see `skal.cluster.DensityPeaks`.
    method : {"auto", "exact", "approximate"}, default="auto"
        Whether to compare all pairs; see `skal.cluster.DensityPeaks`.

    See Also
    --------
    EntropyDensityPeaks : Peaks and outliers of the uncertain rows.
    TypiClust : Typical rows by k-means.
    skal.cluster.DensityPeaks : The clustering.
    skal.strategies.functions.peaks_and_halo : The choice.

    References
    ----------
    Wang, Min, Zhang and Wu, "Active learning through density clustering", Expert Systems with
    Applications 85 (2017).

    Examples
    --------
    It needs no model, so it can also choose the first labels. Here, all are peaks:

    >>> import numpy as np
    >>> from skal.learner import Learner
    >>> from skal.strategies import DensityPeaksSampling
    >>> X = np.array([[0.0], [1.0], [1.9], [10.0], [11.0], [12.2]])
    >>> strategy = DensityPeaksSampling(peak_fraction=1.0, percent=30)
    >>> picks = strategy.query(Learner.without_model(None, X), X, 2, random_state=0)
    >>> sorted(X[picks].ravel().tolist())
    [1.0, 11.0]
    """

    needs = frozenset({"embed"})
    _parameter_constraints = {
        **_PARAMETERS,
        "kernel": DensityPeaks._parameter_constraints["kernel"],
        "method": DensityPeaks._parameter_constraints["method"],
    }

    def __init__(
        self,
        peak_fraction=0.75,
        percent=1.5,
        metric="euclidean",
        kernel="gaussian",
        method="auto",
    ):
        self.peak_fraction = peak_fraction
        self.percent = percent
        self.metric = metric
        self.kernel = kernel
        self.method = method

    def select(self, learner, X, n_instances, *, X_labeled, y_labeled, groups, random_state):
        """Pick rows by `peaks_and_halo`; see `QueryStrategy.select`."""
        model = DensityPeaks(
            max(round(self.peak_fraction * n_instances), 1),
            self.percent,
            metric=self.metric,
            kernel=self.kernel,
            method=self.method,
            random_state=random_state,
        )

        def _pick(points):
            return peaks_and_halo(model.fit(points), n_instances, self.peak_fraction)

        return pick_shuffled(_pick, learner.embed(X), random_state), None


class EntropyDensityPeaks(QueryStrategy):
    """Ask for density peaks and outliers among the most uncertain rows (EDPC).

    The model embeds the rows with the highest entropy, `prefilter` times as many as wanted. Peaks
    (largest gamma) and outliers (largest delta of the rest) of these are asked.

    Parameters
    ----------
    prefilter : float, default=3.0
        Number of uncertain rows to consider, as a multiple of the rows wanted.
    peak_fraction : float, default=0.75
        Share of peaks; the rest are outliers.
    percent : float, default=1.5
        Sets the cutoff distance; see `skal.cluster.DensityPeaks`.
    metric : {"euclidean", "cosine"}, default="euclidean"
        The distance between embeddings.

    See Also
    --------
    DensityPeaksSampling : Peaks of the whole pool, without a model.
    UncertaintyHerding : Covers the uncertain rows.
    EntropySampling : The first step alone.
    skal.strategies.functions.peaks_and_outliers : The second step.
    skal.display.DecisionGraphDisplay : Plots the densities.

    References
    ----------
    On the peaks: Rodriguez and Laio, "Clustering by fast search and find of density peaks",
    Science 344 (2014).

    Examples
    --------
    Six rows lie between the classes, in two clusters. The middle of each is asked:

    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal.strategies import EntropyDensityPeaks
    >>> model = LogisticRegression().fit([[0, 0], [9, 0]], ["cat", "dog"])
    >>> between = [[4.5, 0.0], [4.5, 1.0], [4.5, 1.9], [4.5, 20.0], [4.5, 21.0], [4.5, 22.2]]
    >>> X = np.array([*between, [0.0, 0.0], [0.0, 9.0], [9.0, 0.0]])
    >>> strategy = EntropyDensityPeaks(prefilter=3.0, peak_fraction=1.0, percent=30)
    >>> sorted(strategy.query(model, X, 2, random_state=0).tolist())
    [1, 4]
    """

    needs = frozenset({"predict_proba", "embed"})
    _parameter_constraints = {"prefilter": [Interval(Real, 1, None, closed="left")], **_PARAMETERS}

    def __init__(self, prefilter=3.0, peak_fraction=0.75, percent=1.5, metric="euclidean"):
        self.prefilter = prefilter
        self.peak_fraction = peak_fraction
        self.percent = percent
        self.metric = metric

    def select(self, learner, X, n_instances, *, X_labeled, y_labeled, groups, random_state):
        """Pick rows by `peaks_and_outliers`; see `QueryStrategy.select`."""
        scores = entropy(learner.predict_proba(X))
        n_candidates = min(int(np.ceil(self.prefilter * n_instances)), len(X))
        candidates = pick_highest(scores, n_candidates, random_state)
        graph = density_graph(
            learner.embed(X[candidates]),
            n_peaks=max(round(self.peak_fraction * n_instances), 1),
            percent=self.percent,
            metric=self.metric,
            random_state=random_state,
        )
        picks = peaks_and_outliers(graph.rho, graph.delta, n_instances, self.peak_fraction)
        return candidates[picks], scores[candidates[picks]]
