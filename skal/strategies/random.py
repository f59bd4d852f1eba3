"""Random choice, the baseline of all strategies."""

from skal.strategies.base import QueryStrategy

__all__ = ["RandomSampling"]


class RandomSampling(QueryStrategy):
    """Ask for rows drawn at random, without a model."""

    def select(self, learner, X, n_instances, *, X_labeled, y_labeled, groups, random_state):
        """Draw rows without replacement; see `QueryStrategy.select`."""
        return random_state.choice(len(X), n_instances, replace=False), None
