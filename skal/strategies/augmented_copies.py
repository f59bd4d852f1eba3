"""AIFT: disagreement among predictions of augmented copies."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_random_state

from skal._utils.private import Interval
from skal._utils.rows.lazy import as_rows
from skal.strategies.base import ScoreStrategy
from skal.strategies.uncertainty import entropy

__all__ = ["AugmentationDisagreement", "majority_copies", "pairwise_divergence"]

# Probabilities of copies to hold in memory at a time.
_CELLS = 2**22

# Lower limit of probabilities: with 0, the divergence would be infinite.
_FLOOR = 1e-12


def majority_copies(proba, fraction=0.25):
    """Keep the copies that agree most with the most probable class on average.

    The other copies may be spoiled by the augmentation.

    Parameters
    ----------
    proba : ndarray of shape (n_copies, n_samples, n_classes)
        Probabilities of the copies of every row.
    fraction : float, default=0.25
        Share of the copies to keep, rounded; at least one is kept.

    Returns
    -------
    ndarray of shape (n_kept, n_samples, n_classes)
        Probabilities of the kept copies of each row, in arbitrary order.

    See Also
    --------
    pairwise_divergence : Disagreement of the copies kept.
    skal.strategies.AugmentationDisagreement : The strategy.

    References
    ----------
    Zhou, Shin, Zhang, Gurudu, Gotway and Liang, "Fine-tuning convolutional neural networks for
    biomedical image analysis: actively and incrementally", CVPR 2017, section 3.4.

    Examples
    --------
    Four copies of one row, one of them spoiled:

    >>> import numpy as np
    >>> from skal.strategies.functions import majority_copies
    >>> proba = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.7, 0.3]])[:, None, :]
    >>> kept = majority_copies(proba, fraction=0.75)
    >>> sorted(kept[:, 0, 0].tolist())
    [0.7, 0.8, 0.9]
    """
    proba = np.asarray(proba)
    n_kept = max(1, round(fraction * len(proba)))
    if n_kept == len(proba):
        return proba
    winner = proba.mean(axis=0).argmax(axis=1)
    agreement = np.take_along_axis(proba, winner[None, :, None], axis=2)
    kept = np.argpartition(-agreement, n_kept - 1, axis=0)[:n_kept]
    return np.take_along_axis(proba, kept, axis=0)


def pairwise_divergence(proba):
    """Add up the symmetric Kullback-Leibler divergence over all ordered pairs of copies.

    The divergence of copies i and j is ``sum_c (p_ic - p_jc) (log p_ic - log p_jc)``. The sum
    over all pairs is ``2 n_copies`` times the sum over copies of
    ``(p_ic - mean p_c) (log p_ic - mean log p_c)``, so no pair is computed.

    Parameters
    ----------
    proba : ndarray of shape (n_copies, n_samples, n_classes)
        Probabilities of the copies of every row. Those below 1e-12 count as 1e-12.

    Returns
    -------
    ndarray of shape (n_samples,)
        At least 0; 0 if all copies have the same prediction.

    See Also
    --------
    majority_copies : The copies to compare.
    skal.strategies.AugmentationDisagreement : The strategy.

    Examples
    --------
    The copies of the first row differ, those of the second agree:

    >>> import numpy as np
    >>> from skal.strategies.functions import pairwise_divergence
    >>> proba = np.array([[[0.9, 0.1], [0.5, 0.5]], [[0.6, 0.4], [0.5, 0.5]]])
    >>> pairwise_divergence(proba).round(2).tolist()
    [1.08, 0.0]
    """
    proba = np.maximum(np.asarray(proba, dtype=float), _FLOOR)
    logs = np.log(proba)
    logs -= logs.mean(axis=0)
    proba -= proba.mean(axis=0)
    return np.maximum(2 * len(proba) * np.einsum("mnc,mnc->n", proba, logs), 0)


class AugmentationDisagreement(ScoreStrategy):
    """Ask for the rows whose augmented copies get uncertain and different predictions.

    The score of a row is ``entropy_weight`` times the sum of its copies' entropies plus
    ``divergence_weight`` times their `pairwise_divergence`, over its `majority_copies` only.
    Costs `n_copies` passes over the pool.

    Parameters
    ----------
    n_copies : int, default=16
        Augmented copies of each candidate.
    majority : float, default=0.25
        Share of the copies that count: those that agree most; 1: all.
    entropy_weight : float, default=1.0
        Weight of the uncertainty of single copies.
    divergence_weight : float, default=1.0
        Weight of the disagreement among copies.
    augment : callable, default=None
        ``augment(X, random_state)`` returns changed copies of rows of the pool, before any step of
        a Pipeline. None: the classifier's own augmentation in training.

    See Also
    --------
    QueryByCommittee : The disagreement of models instead of copies.
    skal.strategies.functions.majority_copies : The copies that count.
    skal.strategies.functions.pairwise_divergence : Their disagreement.

    References
    ----------
    Zhou, Shin, Zhang, Gurudu, Gotway and Liang, "Fine-tuning convolutional neural networks for
    biomedical image analysis: actively and incrementally", CVPR 2017.

    Examples
    --------
    Noise changes the prediction of the middle row most:

    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skal.strategies import AugmentationDisagreement
    >>> def add_noise(X, random_state):
    ...     return X + random_state.normal(scale=0.5, size=X.shape)
    >>> model = LogisticRegression(C=100).fit([[0.0], [4.0]], ["cat", "dog"])
    >>> X = np.array([[0.0], [2.0], [4.0]])
    >>> strategy = AugmentationDisagreement(n_copies=8, majority=1.0, augment=add_noise)
    >>> strategy.query(model, X, 1, random_state=0).tolist()
    [1]
    """

    _parameter_constraints = {
        "n_copies": [Interval(Integral, 1, None, closed="left")],
        "majority": [Interval(Real, 0, 1, closed="right")],
        "entropy_weight": [Interval(Real, 0, None, closed="left")],
        "divergence_weight": [Interval(Real, 0, None, closed="left")],
        "augment": [callable, None],
    }

    def __init__(
        self,
        n_copies=16,
        majority=0.25,
        entropy_weight=1.0,
        divergence_weight=1.0,
        augment=None,
    ):
        self.n_copies = n_copies
        self.majority = majority
        self.entropy_weight = entropy_weight
        self.divergence_weight = divergence_weight
        self.augment = augment

    def required(self):
        """Return the names of all learner methods needed; see `QueryStrategy.required`."""
        own = {"augment"} if self.augment is None else set()
        return frozenset({"predict_proba"} | own)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        if self.augment is not None:
            tags.input_tags.string = tags.input_tags.sparse = False
        return tags

    def score(self, learner, X, random_state=None):
        """Score candidates by their augmented copies; see `ScoreStrategy.score`."""
        rng = check_random_state(random_state)
        parts = []
        size = max(1, _CELLS // (self.n_copies * len(learner.classes_)))
        for block in as_rows(X).blocks(size):
            copies = learner.augment_proba(block, self.n_copies, rng, augment=self.augment)
            kept = majority_copies(copies, self.majority)
            parts.append(
                self.entropy_weight * entropy(kept).sum(axis=0)
                + self.divergence_weight * pairwise_divergence(kept)
            )
        return np.concatenate(parts)
