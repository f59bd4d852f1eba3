"""Random choice, the baseline of all strategies."""

from skal.strategies.base import QueryStrategy

__all__ = ["RandomSampling"]


class RandomSampling(QueryStrategy):
    """Ask for rows drawn at random, without a model.

    See Also
    --------
    MarginSampling : The default of a campaign.
    TypiClust : Chooses typical rows for the first labels.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.learner import Learner
    >>> from skal.strategies import RandomSampling
    >>> X = np.arange(10).reshape(-1, 1)
    >>> learner = Learner.without_model(None, X)
    >>> RandomSampling().query(learner, X, 3, random_state=0).tolist()
    [2, 8, 4]
    """

    def select(self, learner, X, n_instances, *, X_labeled, y_labeled, groups, random_state):
        """Draw rows without replacement; see `QueryStrategy.select`."""
        return random_state.choice(len(X), n_instances, replace=False), None
