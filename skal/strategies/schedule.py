"""A strategy for each stage of a campaign, by the number of labels."""

from numbers import Integral

import numpy as np

from skal.strategies.base import QueryStrategy, as_strategy
from skal.strategies.composition import query_among

__all__ = ["Schedule"]


class Schedule(QueryStrategy):
    """Change the strategy as labels accumulate.

    With few labels, typical rows are most useful; with many labels, uncertain rows are. The number
    of labels at the start of a round selects its strategy.

    Grid searches refer to the stages by number: ``until0`` is the first number of
    labels, ``stage0`` the first strategy and ``stage0__PARAMETER`` a parameter of it.

    Parameters
    ----------
    stages : list of (int or None, QueryStrategy or callable)
        Each strategy is used while there are fewer labels than its number. The numbers must
        increase; the last must be None.

    See Also
    --------
    MaxHerding : For few labels.
    MarginSampling : For many labels.

    References
    ----------
    Hacohen, Dekel and Weinshall, "Active learning on a budget: opposite strategies suit high
    and low budgets", ICML 2022.

    Examples
    --------
    Random rows until there are three labels, then those with the smallest margin:

    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal.strategies import MarginSampling, RandomSampling, Schedule
    >>> schedule = Schedule([(3, RandomSampling()), (None, MarginSampling())])
    >>> X_labeled, y_labeled = np.array([[0.0], [1.0], [4.0]]), ["cat", "cat", "dog"]
    >>> model = LogisticRegression().fit(X_labeled, y_labeled)
    >>> X = np.array([[0.0], [2.5], [5.0]])
    >>> schedule.query(model, X, 1, X_labeled=X_labeled, y_labeled=y_labeled).tolist()
    [1]

    A grid search may change where a stage ends:

    >>> schedule.set_params(until0=50).stages[0]
    (50, RandomSampling())
    """

    def __init__(self, stages):
        self.stages = stages

    def get_params(self, deep=True):
        """Return the parameters.

        Parameters
        ----------
        deep : bool, default=True
            Also return the numbers and strategies of the stages, and their parameters.

        Returns
        -------
        dict
            Values by name.
        """
        params = {"stages": self.stages}
        if deep and _are_pairs(self.stages):
            for number, (until, strategy) in enumerate(self.stages):
                params[f"until{number}"] = until
                params[f"stage{number}"] = strategy
                if hasattr(strategy, "get_params") and not isinstance(strategy, type):
                    inner = strategy.get_params(deep=True).items()
                    params.update({f"stage{number}__{name}": value for name, value in inner})
        return params

    def set_params(self, **params):
        """Set parameters, including those of the stages.

        Parameters
        ----------
        **params : dict
            Values by name, as in `get_params`.

        Returns
        -------
        Schedule
            Itself.

        Raises
        ------
        ValueError
            If there is no such parameter.
        """
        if "stages" in params:
            self.stages = params.pop("stages")
        if _are_pairs(self.stages):
            pairs = []
            for number, (until, strategy) in enumerate(self.stages):
                until = params.pop(f"until{number}", until)
                pairs.append((until, params.pop(f"stage{number}", strategy)))
            # Make a new list: the given one belongs to the caller.
            self.stages = pairs if pairs != self.stages else self.stages
        return super().set_params(**params)

    def _inner(self):
        return [as_strategy(strategy) for _, strategy in self._checked_stages()]

    def select(self, learner, X, n_instances, *, X_labeled, **context):
        """Pick rows by the strategy of the stage; see `QueryStrategy.select`."""
        n_labeled = 0 if X_labeled is None else len(X_labeled)
        strategy = next(
            strategy
            for until, strategy in self._checked_stages()
            if until is None or n_labeled < until
        )
        everything = np.arange(len(X))
        return query_among(
            strategy, learner, X, n_instances, everything, X_labeled=X_labeled, **context
        )

    def _checked_stages(self):
        if not _are_pairs(self.stages) or len(self.stages) == 0:
            raise TypeError(f"stages must be a list of (until, strategy), not {self.stages!r}")
        numbers = [until for until, _ in self.stages]
        if numbers[-1] is not None:
            raise ValueError(
                f"the last stage ends at {numbers[-1]} labels; end with (None, strategy) for "
                "later rounds"
            )
        whole = all(isinstance(n, Integral) and not isinstance(n, bool) for n in numbers[:-1])
        if not whole or any(b <= a for a, b in zip([0, *numbers], numbers[:-1], strict=False)):
            raise ValueError(
                f"numbers of labels must be positive, increasing integers, not {numbers}"
            )
        return self.stages


def _are_pairs(stages):
    return isinstance(stages, (list, tuple)) and all(
        isinstance(stage, (list, tuple)) and len(stage) == 2 for stage in stages
    )
