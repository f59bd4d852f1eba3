"""Budget curves."""

import numpy as np

from skal.display._axes import new_axes
from skal.metrics import bootstrap_interval, budget_curve

__all__ = ["BudgetCurveDisplay"]

_NAMES = {"f1": "macro F1", "recall_rarest": "recall of the rarest class"}


class BudgetCurveDisplay:
    """Budget curve: a metric against the number of labels.

    Make one with `from_history` or `from_estimator`, several with `from_compare`.

    Parameters
    ----------
    n_labels : ndarray of shape (n_points,)
        Numbers of labels.
    values : ndarray of shape (n_points,)
        The metric at each number of labels.
    metric : str, default="accuracy"
        Its name.
    full_data : float, default=None
        The metric of a model trained on all labels, drawn as a line.
    name : str, default=None
        Name of the curve in the legend, such as the strategy.
    band : tuple (low, high) of ndarray of shape (n_points,), default=None
        Drawn as a band around the curve.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curve.
    figure_ : matplotlib Figure
        Figure that holds the axes.
    line_ : matplotlib Line2D
        The curve.
    band_ : matplotlib PolyCollection or None
        The band.
    full_data_line_ : matplotlib Line2D or None
        The line of the model with all labels.

    See Also
    --------
    skal.metrics.budget_curve : The numbers of the curve.
    skal.experiment.compare : Runs strategies on several seeds, for `from_compare`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal import ActiveLearningClassifier
    >>> from skal.display import BudgetCurveDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> campaign = ActiveLearningClassifier(
    ...     LogisticRegression(max_iter=500),
    ...     n_initial=10, n_instances=10, budget=40, random_state=0,
    ... ).fit(X[::2], y[::2], eval_set=(X[1::2], y[1::2]))
    >>> display = BudgetCurveDisplay.from_estimator(campaign, full_data=0.96)
    >>> len(display.values), display.name
    (4, 'MarginSampling')
    >>> display.ax_.get_xlabel(), display.ax_.get_ylabel()
    ('labels', 'accuracy')
    """

    def __init__(
        self, *, n_labels, values, metric="accuracy", full_data=None, name=None, band=None
    ):
        self.n_labels = n_labels
        self.values = values
        self.metric = metric
        self.full_data = full_data
        self.name = name
        self.band = band

    @classmethod
    def from_history(
        cls, history, *, metric="accuracy", full_data=None, name=None, ax=None, **kwargs
    ):
        """Draw the curve of a history.

        Parameters
        ----------
        history : list of dict
            ``history_`` of a campaign that was fitted with an `eval_set`.
        metric : {"accuracy", "precision", "recall", "f1", "recall_rarest"}, default="accuracy"
            The metric to draw.
        full_data : float, default=None
            The metric of a model trained on all labels.
        name : str, default=None
            Name of the curve in the legend.
        ax : matplotlib Axes, default=None
            Axes to draw in; None: a new figure.
        **kwargs : dict
            Passed to matplotlib's ``plot``.

        Returns
        -------
        BudgetCurveDisplay
        """
        n_labels, values = budget_curve(history, metric)
        display = cls(
            n_labels=n_labels, values=values, metric=metric, full_data=full_data, name=name
        )
        return display.plot(ax, **kwargs)

    @classmethod
    def from_estimator(
        cls, estimator, *, metric="accuracy", full_data=None, name=None, ax=None, **kwargs
    ):
        """Draw the curve of a campaign.

        Parameters
        ----------
        estimator : ActiveLearningClassifier
            Fitted with an `eval_set`.
        metric : {"accuracy", "precision", "recall", "f1", "recall_rarest"}, default="accuracy"
            The metric to draw.
        full_data : float, default=None
            The metric of a model trained on all labels.
        name : str, default=None
            Name of the curve in the legend; None: the class of the strategy.
        ax : matplotlib Axes, default=None
            Axes to draw in; None: a new figure.
        **kwargs : dict
            Passed to matplotlib's ``plot``.

        Returns
        -------
        BudgetCurveDisplay
        """
        name = type(estimator.strategy_).__name__ if name is None else name
        return cls.from_history(
            estimator.history_, metric=metric, full_data=full_data, name=name, ax=ax, **kwargs
        )

    @classmethod
    def from_compare(cls, comparison, *, metric="accuracy", ax=None, **kwargs):
        """Draw the mean curve of every strategy, with a band: its 95% bootstrap interval.

        Parameters
        ----------
        comparison : skal.experiment.Comparison
            What `skal.experiment.compare` returns.
        metric : {"accuracy", "precision", "recall", "f1", "recall_rarest"}, default="accuracy"
            The metric to draw.
        ax : matplotlib Axes, default=None
            Axes to draw in; None: a new figure.
        **kwargs : dict
            Passed to matplotlib's ``plot`` for every curve.

        Returns
        -------
        list of BudgetCurveDisplay
            One for each strategy, all in the same axes.
        """
        ax = new_axes(ax)
        displays, full_data = [], comparison.full_data_mean(metric)
        curves = comparison.budget_curves(metric)
        for i, (name, runs) in enumerate(curves.items()):
            n_labels, values = _on_common_labels(runs)
            intervals = [bootstrap_interval(column, random_state=0) for column in values.T]
            display = cls(
                n_labels=n_labels,
                values=values.mean(axis=0),
                metric=metric,
                full_data=full_data if i == len(curves) - 1 else None,
                name=name,
                band=tuple(np.transpose(intervals)) if len(values) > 1 else None,
            )
            # Draw random, the reference, in black.
            style = (
                {"color": "black", "zorder": 3} if name == "random" else {"color": f"C{i % 10}"}
            )
            style["linestyle"] = "-" if i < 10 else "--"
            displays.append(display.plot(ax, **(style | kwargs)))
        if len(curves) > 4:  # inside, the legend would cover some curves
            ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
        return displays

    def plot(self, ax=None, **kwargs):
        """Draw the curve.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in; None: a new figure.
        **kwargs : dict
            Passed to matplotlib's ``plot``.

        Returns
        -------
        BudgetCurveDisplay
            The object itself, with the attributes set.
        """
        ax = new_axes(ax)
        style = {"marker": "o", "markersize": 3, "label": self.name} | kwargs
        (self.line_,) = ax.plot(self.n_labels, self.values, **style)
        self.band_ = self.full_data_line_ = None
        if self.band is not None:
            color = self.line_.get_color()
            self.band_ = ax.fill_between(
                self.n_labels, *self.band, color=color, alpha=0.12, linewidth=0
            )
        if self.full_data is not None:
            self.full_data_line_ = ax.axhline(
                self.full_data, color="0.4", linestyle="--", linewidth=1, label="all labels"
            )
        ax.set_xlabel("labels")
        ax.set_ylabel(_NAMES.get(self.metric, self.metric))
        ax.grid(alpha=0.3)
        if style["label"] is not None or self.full_data is not None:
            ax.legend(loc="lower right")
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _on_common_labels(curves):
    """Interpolate curves to the same numbers of labels, within their common range."""
    start = max(n_labels[0] for n_labels, _ in curves)
    end = min(n_labels[-1] for n_labels, _ in curves)
    grid = np.unique(np.concatenate([n_labels for n_labels, _ in curves]))
    grid = grid[(grid >= start) & (grid <= end)]
    return grid, np.array([np.interp(grid, n_labels, values) for n_labels, values in curves])
