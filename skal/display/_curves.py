"""Budget curves."""

from skal.display._axes import new_axes
from skal.metrics import budget_curve

__all__ = ["BudgetCurveDisplay"]


class BudgetCurveDisplay:
    """Budget curve: how good the model is, over the number of labels.

    Make one with `from_history` or `from_estimator`.

    Parameters
    ----------
    n_labels : ndarray of shape (n_points,)
        Numbers of labels.
    values : ndarray of shape (n_points,)
        The metric at each.
    metric : str, default="accuracy"
        Its name.
    full_data : float, default=None
        The metric of a model trained on all labels, drawn as a line.
    name : str, default=None
        Name of the curve in the legend, such as that of the strategy.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curve.
    figure_ : matplotlib Figure
        Figure that holds the axes.
    line_ : matplotlib Line2D
        The curve.
    full_data_line_ : matplotlib Line2D or None
        The line of the model with all labels.
    """

    def __init__(self, *, n_labels, values, metric="accuracy", full_data=None, name=None):
        self.n_labels = n_labels
        self.values = values
        self.metric = metric
        self.full_data = full_data
        self.name = name

    @classmethod
    def from_history(
        cls, history, *, metric="accuracy", full_data=None, name=None, ax=None, **kwargs
    ):
        """Draw the curve of a history.

        Parameters
        ----------
        history : list of dict
            ``history_`` of a campaign that was fitted with an `eval_set`.
        metric : {"accuracy", "precision", "recall", "f1"}, default="accuracy"
            What to draw.
        full_data : float, default=None
            The metric of a model trained on all labels.
        name : str, default=None
            Name of the curve in the legend.
        ax : matplotlib Axes, default=None
            Where to draw; None: in a new figure.
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
        metric : {"accuracy", "precision", "recall", "f1"}, default="accuracy"
            What to draw.
        full_data : float, default=None
            The metric of a model trained on all labels.
        name : str, default=None
            Name of the curve in the legend; None: the class of the strategy.
        ax : matplotlib Axes, default=None
            Where to draw; None: in a new figure.
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

    def plot(self, ax=None, **kwargs):
        """Draw the curve.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None: in a new figure.
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
        self.full_data_line_ = None
        if self.full_data is not None:
            self.full_data_line_ = ax.axhline(
                self.full_data, color="0.4", linestyle="--", linewidth=1, label="all labels"
            )
        ax.set_xlabel("labels")
        ax.set_ylabel("macro F1" if self.metric == "f1" else self.metric)
        ax.grid(alpha=0.3)
        if style["label"] is not None or self.full_data is not None:
            ax.legend(loc="lower right")
        self.ax_, self.figure_ = ax, ax.figure
        return self
