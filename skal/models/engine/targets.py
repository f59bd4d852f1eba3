"""Labels, classes and weights, from what a caller gives to what a network needs."""

import numpy as np
from sklearn.utils import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets

from skal._utils.hints import did_you_mean
from skal._utils.private import _check_sample_weight

__all__ = [
    "check_class_weight",
    "combine_weights",
    "encode_labels",
    "resolve_classes",
    "smooth_targets",
]


def resolve_classes(y, classes=None):
    """All classes, sorted.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Labels.
    classes : array-like of shape (n_classes,), default=None
        All classes, where the labels may miss some; with None, those in `y`.

    Returns
    -------
    ndarray of shape (n_classes,)
        Sorted classes.

    Raises
    ------
    ValueError
        If a label is not among `classes`; the message names it.
    """
    present = np.unique(y)
    if classes is None:
        check_classification_targets(y)
        return present
    known = np.unique(np.asarray(classes))
    _check_known(present.tolist(), known, "y has labels that are not among classes")
    return known


def _check_known(labels, classes, message):
    known = set(classes.tolist())
    unknown = [label for label in labels if label not in known]
    if unknown:
        hint = did_you_mean(unknown[0], classes)
        raise ValueError(f"{message}: {unknown[:10]}{hint and '; '}{hint}")


def check_class_weight(class_weight, classes):
    """Raise an error if weights are given to a class that does not exist.

    Parameters
    ----------
    class_weight : dict, "balanced" or None
        Weights of the classes.
    classes : ndarray of shape (n_classes,)
        All classes.

    Raises
    ------
    ValueError
        Names the classes that are not there.
    """
    if isinstance(class_weight, dict):
        message = "class_weight has classes that are neither in y nor in the parameter classes"
        _check_known(class_weight, classes, message)


def encode_labels(y, classes):
    """Find the positions of labels among the classes.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Labels, all of them among `classes`.
    classes : ndarray of shape (n_classes,)
        Sorted classes.

    Returns
    -------
    ndarray of shape (n_samples,)
        Positions.
    """
    return np.searchsorted(classes, y)


def combine_weights(y, class_weight=None, sample_weight=None):
    """Weight of each sample from class weights and sample weights, with mean 1.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Labels.
    class_weight : dict, "balanced" or None, default=None
        As elsewhere in scikit-learn.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the samples; left as they are.

    Returns
    -------
    weights : ndarray of shape (n_positive,)
        Weights above zero.
    rows : ndarray of shape (n_positive,)
        Positions of the samples that they belong to.

    Raises
    ------
    ValueError
        If a weight is negative or none is above zero.
    """
    weights = np.ones(len(y))
    if sample_weight is not None:
        weights = _check_sample_weight(
            sample_weight, y, dtype=np.float64, ensure_non_negative=True
        )
        # As parts of the largest one: sums of huge weights stay numbers, tiny ones stay weights.
        weights = weights / weights.max()
    if class_weight is not None:
        weights = _times_class_weights(weights, y, class_weight)
    rows = np.flatnonzero(weights)
    weights = weights[rows]
    return weights * (len(weights) / weights.sum()), rows


def _times_class_weights(weights, y, class_weight):
    """Multiply weights by those of the classes; samples without weight count for nothing."""
    rows = np.flatnonzero(weights)
    if isinstance(class_weight, dict):
        # A class without a label in this round is no mistake in the weights.
        present = set(np.unique(y[rows]).tolist())
        class_weight = {k: v for k, v in class_weight.items() if k in present}
    of_class = compute_sample_weight(class_weight, y[rows])
    if not (np.isfinite(of_class).all() and (of_class >= 0).all()):
        raise ValueError(f"class_weight must be finite and not negative, got {class_weight}")
    weighted = np.zeros(len(y))
    weighted[rows] = weights[rows] * of_class
    if not weighted.any():
        raise ValueError(
            f"class_weight={class_weight} leaves no label to train on: all are of classes of "
            "weight 0"
        )
    return weighted / weighted.max()


def smooth_targets(codes, n_classes, label_smoothing=0.0):
    """Wanted probabilities.

    Parameters
    ----------
    codes : ndarray of shape (n_samples,)
        Position of each sample's class.
    n_classes : int
        Number of classes.
    label_smoothing : float, default=0.0
        Share of the probability spread evenly over all classes.

    Returns
    -------
    ndarray of shape (n_samples, n_classes)
        Targets.
    """
    targets = np.full((len(codes), n_classes), label_smoothing / n_classes)
    targets[np.arange(len(codes)), codes] += 1 - label_smoothing
    return targets
