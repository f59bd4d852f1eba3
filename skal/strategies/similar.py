"""Rows of one kind: most similar to examples, or most likely of a class."""

import numpy as np

from skal._utils.distances.cosine import highest_cosine
from skal.strategies.base import ScoreStrategy

__all__ = ["MostLikely", "SimilarTo"]


class SimilarTo(ScoreStrategy):
    """Ask for the rows most similar to some examples.

    For finding more of a rare sound when you have a recording of it. It needs no model, so it can
    also choose the first rows of a campaign. The score of a row is the cosine similarity of its
    embedding to that of its nearest example.

    Parameters
    ----------
    examples : array-like of shape (n_examples, ...)
        Rows like those of X: features, or paths for a Pipeline that embeds them.

    See Also
    --------
    skal.search.SimilaritySearch : The same search without a campaign.
    MostLikely : Finds rows of a class by the model.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.learner import Learner
    >>> from skal.strategies import SimilarTo
    >>> X = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.2]])
    >>> learner = Learner.without_model(None, X)
    >>> SimilarTo(np.array([[2.0, 0.5]])).query(learner, X, 2).tolist()
    [2, 0]
    """

    needs = frozenset({"embed"})
    _parameter_constraints = {"examples": ["array-like"]}

    def __init__(self, examples):
        self.examples = examples

    def score(self, learner, X, random_state=None):
        """Score candidates by their similarity; see `ScoreStrategy.score`."""
        if len(self.examples) == 0:
            raise ValueError("SimilarTo has no examples: give at least one row")
        return highest_cosine(learner.embed(X), learner.embed(self.examples))


class MostLikely(ScoreStrategy):
    """Ask for the rows with the highest probability of a class.

    For collecting rows of a rare class, and for checking what the model confuses with it.

    Parameters
    ----------
    label : object
        The class, as in y.

    See Also
    --------
    SimilarTo : Finds rows of a class by an example, without a model.
    MarginSampling : Asks where the model hesitates instead.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal.strategies import MostLikely
    >>> model = LogisticRegression().fit([[0.0], [4.0]], ["noise", "owl"])
    >>> X = np.array([[0.0], [3.0], [2.0], [5.0]])
    >>> MostLikely("owl").query(model, X, 2).tolist()
    [3, 1]
    """

    _parameter_constraints = {"label": "no_validation"}

    def __init__(self, label):
        self.label = label

    def score(self, learner, X, random_state=None):
        """Score candidates by the probability of the class; see `ScoreStrategy.score`."""
        proba = learner.predict_proba(X)
        column = np.flatnonzero(learner.classes_ == self.label)
        if len(column) != 1:
            raise ValueError(
                f"MostLikely(label={self.label!r}): there is no such class; the classes are "
                f"{', '.join(map(repr, learner.classes_.tolist()))}"
            )
        return proba[:, column[0]]
