"""Uncertainty of single predictions: least confidence, margin, entropy."""

import numpy as np
from scipy.special import entr

from skal.strategies.base import ScoreStrategy

__all__ = [
    "EntropySampling",
    "LeastConfidenceSampling",
    "MarginSampling",
    "entropy",
    "least_confidence",
    "negative_margin",
]


# Up to this number of classes, a loop over columns is faster than partitioning rows.
_FEW = 32


def least_confidence(proba):
    """Compute one minus the highest probability.

    Parameters
    ----------
    proba : ndarray of shape (..., n_classes)
        Probabilities.

    Returns
    -------
    ndarray of shape (...)
        From 0 (certain) to 1 - 1 / n_classes.

    See Also
    --------
    entropy, negative_margin : Other measures of uncertainty.
    skal.strategies.LeastConfidenceSampling : The strategy.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.strategies.functions import least_confidence
    >>> proba = np.array([[0.5, 0.5], [0.9, 0.1], [1.0, 0.0]])
    >>> least_confidence(proba).round(3).tolist()
    [0.5, 0.1, 0.0]
    """
    return 1 - np.max(proba, axis=-1)


def negative_margin(proba):
    """Compute the negative difference between the two highest probabilities.

    Parameters
    ----------
    proba : ndarray of shape (..., n_classes)
        Probabilities.

    Returns
    -------
    ndarray of shape (...)
        From -1 (certain) to 0. With one class, -1.

    See Also
    --------
    entropy, least_confidence : Other measures of uncertainty.
    skal.strategies.MarginSampling : The strategy.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.strategies.functions import negative_margin
    >>> proba = np.array([[0.5, 0.5], [0.9, 0.1], [1.0, 0.0]])
    >>> negative_margin(proba).round(3).tolist()
    [0.0, -0.8, -1.0]
    """
    proba = np.asarray(proba)
    n_classes = proba.shape[-1]
    if n_classes < 2:
        return -proba[..., 0]
    if n_classes > _FEW:
        two = np.partition(proba, -2, axis=-1)[..., -2:]
        return two[..., 0] - two[..., 1]
    columns = np.ascontiguousarray(np.moveaxis(proba, -1, 0))
    first, second = np.maximum(columns[0], columns[1]), np.minimum(columns[0], columns[1])
    for column in columns[2:]:
        second = np.maximum(second, np.minimum(first, column))
        first = np.maximum(first, column)
    return second - first


def entropy(proba):
    """Compute Shannon's entropy, in nats.

    Parameters
    ----------
    proba : ndarray of shape (..., n_classes)
        Probabilities; zeros contribute nothing.

    Returns
    -------
    ndarray of shape (...)
        From 0 (certain) to log(n_classes).

    See Also
    --------
    negative_margin, least_confidence : Other measures of uncertainty.
    skal.strategies.EntropySampling : The strategy.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.strategies.functions import entropy
    >>> proba = np.array([[0.5, 0.5], [0.9, 0.1], [1.0, 0.0]])
    >>> entropy(proba).round(3).tolist()
    [0.693, 0.325, 0.0]
    """
    return entr(proba).sum(axis=-1)


class LeastConfidenceSampling(ScoreStrategy):
    """Ask for the rows whose most probable class has the lowest probability.

    See Also
    --------
    MarginSampling : Compares the two most probable classes.
    EntropySampling : Looks at the probabilities of all classes.
    skal.strategies.functions.least_confidence : The score, a function of arrays.

    References
    ----------
    Lewis and Gale, "A sequential algorithm for training text classifiers", SIGIR 1994.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal.strategies import LeastConfidenceSampling
    >>> model = LogisticRegression().fit([[0, 0], [6, 0], [0, 6]], ["cat", "dog", "owl"])
    >>> X = np.array([[0, 0], [3, -3], [2, 2], [3, 3]])
    >>> model.predict_proba(X).max(axis=1).round(2).tolist()
    [0.87, 0.67, 0.42, 0.41]
    >>> LeastConfidenceSampling().query(model, X, 2).tolist()
    [3, 2]
    """

    def score(self, learner, X, random_state=None):
        """Score candidates by `least_confidence`; see `ScoreStrategy.score`."""
        return least_confidence(learner.predict_proba(X))


class MarginSampling(ScoreStrategy):
    """Ask for the rows with the smallest margin between the two most probable classes.

    The default strategy: cheap, without parameters, and hard to beat.

    See Also
    --------
    EntropySampling : Looks at the probabilities of all classes.
    LeastConfidenceSampling : Looks at the most probable class only.
    UncertaintyHerding : Spreads the rows with small margins, for large batches.
    skal.strategies.functions.negative_margin : The score, a function of arrays.

    References
    ----------
    Scheffer, Decomain and Wrobel, "Active hidden Markov models for information extraction",
    IDA 2001. Bahri, Jiang, Schuster and Rostamizadeh, "Is margin all you need?",
    arXiv 2210.03822.

    Examples
    --------
    The last row is between two classes, the row before it between three. The margin prefers the
    first kind, the entropy the second:

    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal.strategies import EntropySampling, MarginSampling
    >>> model = LogisticRegression().fit([[0, 0], [6, 0], [0, 6]], ["cat", "dog", "owl"])
    >>> X = np.array([[0, 0], [3, -3], [2, 2], [3, 3]])
    >>> model.predict_proba(X).round(2)
    array([[0.87, 0.06, 0.06],
           [0.67, 0.32, 0.01],
           [0.42, 0.29, 0.29],
           [0.19, 0.41, 0.41]])
    >>> MarginSampling().query(model, X, 2).tolist()
    [3, 2]
    >>> EntropySampling().query(model, X, 2).tolist()
    [2, 3]

    `query` also returns the scores:

    >>> positions, scores = MarginSampling().query(model, X, 2, return_scores=True)
    >>> scores.round(2) + 0
    array([ 0.  , -0.12])
    """

    def score(self, learner, X, random_state=None):
        """Score candidates by `negative_margin`; see `ScoreStrategy.score`."""
        return negative_margin(learner.predict_proba(X))


class EntropySampling(ScoreStrategy):
    """Ask for the rows whose predicted distribution has the highest entropy.

    See Also
    --------
    MarginSampling : Compares the two most probable classes, for a decision between them.
    EntropyDensityPeaks : Picks dissimilar rows among those with a high entropy.
    skal.strategies.functions.entropy : The score, a function of arrays.

    References
    ----------
    Settles, "Active learning literature survey", 2009, section 3.1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal.strategies import EntropySampling
    >>> model = LogisticRegression().fit([[0, 0], [6, 0], [0, 6]], ["cat", "dog", "owl"])
    >>> X = np.array([[0, 0], [3, -3], [2, 2], [3, 3]])
    >>> positions, scores = EntropySampling().query(model, X, 2, return_scores=True)
    >>> positions.tolist(), scores.round(2).tolist()
    ([2, 3], [1.08, 1.04])
    """

    def score(self, learner, X, random_state=None):
        """Score candidates by `entropy`; see `ScoreStrategy.score`."""
        return entropy(learner.predict_proba(X))
