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

    References
    ----------
    Lewis and Gale, "A sequential algorithm for training text classifiers", SIGIR 1994.
    """

    def score(self, learner, X, random_state=None):
        """Score candidates by `least_confidence`; see `ScoreStrategy.score`."""
        return least_confidence(learner.predict_proba(X))


class MarginSampling(ScoreStrategy):
    """Ask for the rows with the smallest margin between the two most probable classes.

    The default strategy: cheap, without parameters, and hard to beat.

    References
    ----------
    Scheffer, Decomain and Wrobel, "Active hidden Markov models for information extraction",
    IDA 2001. Bahri, Jiang, Schuster and Rostamizadeh, "Is margin all you need?",
    arXiv 2210.03822.
    """

    def score(self, learner, X, random_state=None):
        """Score candidates by `negative_margin`; see `ScoreStrategy.score`."""
        return negative_margin(learner.predict_proba(X))


class EntropySampling(ScoreStrategy):
    """Ask for the rows whose predicted distribution has the highest entropy.

    References
    ----------
    Settles, "Active learning literature survey", 2009, section 3.1.
    """

    def score(self, learner, X, random_state=None):
        """Score candidates by `entropy`; see `ScoreStrategy.score`."""
        return entropy(learner.predict_proba(X))
