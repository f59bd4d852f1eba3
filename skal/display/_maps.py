"""Decision graphs, and maps of the pool with its queries."""

import numpy as np
from sklearn.decomposition import PCA

from skal.display._axes import new_axes
from skal.learner import Learner

__all__ = ["DecisionGraphDisplay", "QueryMapDisplay"]


class DecisionGraphDisplay:
    """Decision graph of density peaks: distance to the nearest denser point against density.

    Peaks stand out at the upper right, outliers at the upper left. Make one with
    `from_estimator`.

    Parameters
    ----------
    rho : ndarray of shape (n_samples,)
        Density of each point.
    delta : ndarray of shape (n_samples,)
        Distance to its nearest denser point.
    peaks : ndarray of int, default=None
        Positions of the peaks, drawn in color.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the graph.
    figure_ : matplotlib Figure
        Figure that holds the axes.
    points_ : matplotlib PathCollection
        All points.
    peaks_ : matplotlib PathCollection or None
        The peaks.

    See Also
    --------
    skal.cluster.DensityPeaks : The clustering.
    skal.strategies.EntropyDensityPeaks : Asks for peaks and outliers.

    References
    ----------
    Rodriguez and Laio, "Clustering by fast search and find of density peaks", Science 344,
    2014, figure 1.

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> from skal.cluster import DensityPeaks
    >>> from skal.display import DecisionGraphDisplay
    >>> X, _ = make_blobs(150, centers=[[0, 0], [9, 0], [0, 9]], random_state=0)
    >>> display = DecisionGraphDisplay.from_estimator(DensityPeaks(percent=5).fit(X))
    >>> display.peaks_.get_label()
    '3 peaks'
    """

    def __init__(self, *, rho, delta, peaks=None):
        self.rho = rho
        self.delta = delta
        self.peaks = peaks

    @classmethod
    def from_estimator(cls, estimator, *, ax=None, **kwargs):
        """Draw the graph of a clustering.

        Parameters
        ----------
        estimator : DensityPeaks
            Fitted.
        ax : matplotlib Axes, default=None
            Where to draw; None: in a new figure.
        **kwargs : dict
            Passed to matplotlib's ``scatter`` for the points.

        Returns
        -------
        DecisionGraphDisplay
        """
        peaks = estimator.cluster_centers_indices_
        return cls(rho=estimator.rho_, delta=estimator.delta_, peaks=peaks).plot(ax, **kwargs)

    def plot(self, ax=None, **kwargs):
        """Draw the graph.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None: in a new figure.
        **kwargs : dict
            Passed to matplotlib's ``scatter`` for the points.

        Returns
        -------
        DecisionGraphDisplay
            The object itself, with the attributes set.
        """
        ax = new_axes(ax)
        style = {"s": 9, "color": "0.6", "linewidths": 0} | kwargs
        self.points_ = ax.scatter(self.rho, self.delta, **style)
        self.peaks_ = None
        if self.peaks is not None and len(self.peaks):
            self.peaks_ = ax.scatter(
                np.asarray(self.rho)[self.peaks],
                np.asarray(self.delta)[self.peaks],
                s=24,
                color="C1",
                label=f"{len(self.peaks)} peaks",
            )
            ax.legend(loc="best")
        ax.set_xlabel("density (rho)")
        ax.set_ylabel("distance to the nearest denser point (delta)")
        self.ax_, self.figure_ = ax, ax.figure
        return self


class QueryMapDisplay:
    """Map of the pool in two dimensions, colored by the round of each query.

    Make one with `from_estimator`.

    Parameters
    ----------
    coordinates : ndarray of shape (n_samples, 2)
        Position of each row on the map.
    rounds : ndarray of shape (n_samples,)
        Round in which each row was asked, 0 for the first labels, -1 for never.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the map.
    figure_ : matplotlib Figure
        Figure that holds the axes.
    pool_ : matplotlib PathCollection
        Rows that were not asked.
    queries_ : matplotlib PathCollection
        Rows that were asked.

    See Also
    --------
    DecisionGraphDisplay : Shows density peaks.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal import ActiveLearningClassifier
    >>> from skal.display import QueryMapDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> campaign = ActiveLearningClassifier(
    ...     LogisticRegression(max_iter=500),
    ...     n_initial=10, n_instances=10, budget=30, random_state=0,
    ... ).fit(X, y)
    >>> display = QueryMapDisplay.from_estimator(campaign, X, coordinates=X[:, 2:])
    >>> [int((display.rounds == number).sum()) for number in (-1, 0, 1, 2)]
    [120, 10, 10, 10]
    """

    def __init__(self, *, coordinates, rounds):
        self.coordinates = coordinates
        self.rounds = rounds

    @classmethod
    def from_estimator(cls, estimator, X, *, coordinates=None, ax=None, **kwargs):
        """Draw the map of a campaign.

        Parameters
        ----------
        estimator : ActiveLearningClassifier
            Fitted.
        X : array-like or sequence of n_samples rows
            The rows given to its ``fit``.
        coordinates : ndarray of shape (n_samples, 2), default=None
            Position of each row, for example from t-SNE. None: the first two principal components
            of the trained classifier's embeddings.
        ax : matplotlib Axes, default=None
            Where to draw; None: in a new figure.
        **kwargs : dict
            Passed to matplotlib's ``scatter`` for the queried rows.

        Returns
        -------
        QueryMapDisplay
        """
        if coordinates is None:
            embedding = np.asarray(Learner(estimator.estimator_).embed(X), dtype=np.float64)
            coordinates = PCA(n_components=2, random_state=0).fit_transform(embedding)
        rounds = np.full(len(coordinates), -1)
        for record in estimator.history_:
            rounds[record["indices"]] = record["round"]
        return cls(coordinates=np.asarray(coordinates), rounds=rounds).plot(ax, **kwargs)

    def plot(self, ax=None, **kwargs):
        """Draw the map.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None: in a new figure.
        **kwargs : dict
            Passed to matplotlib's ``scatter`` for the queried rows.

        Returns
        -------
        QueryMapDisplay
            The object itself, with the attributes set.
        """
        ax = new_axes(ax)
        asked = self.rounds >= 0
        style = {"s": 16, "cmap": "viridis", "linewidths": 0} | kwargs
        self.pool_ = ax.scatter(
            *self.coordinates[~asked].T, s=9, color="0.8", linewidths=0, label="not asked"
        )
        self.queries_ = ax.scatter(
            *self.coordinates[asked].T, c=self.rounds[asked], label="asked", **style
        )
        ax.figure.colorbar(self.queries_, ax=ax, label="round")
        if not asked.all():
            ax.legend(handles=[self.pool_], loc="best")
        ax.set_xlabel("first component")
        ax.set_ylabel("second component")
        self.ax_, self.figure_ = ax, ax.figure
        return self
