"""Classes, encoded labels, and sample weights for training."""

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
    """All classes, sorted."""
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
    """Raise an error if weights are given to a class that does not exist."""
    if isinstance(class_weight, dict):
        message = "class_weight has classes that are neither in y nor in the parameter classes"
        _check_known(class_weight, classes, message)


def encode_labels(y, classes):
    """Find the positions of labels among the classes."""
    return np.searchsorted(classes, y)


def combine_weights(y, class_weight=None, sample_weight=None):
    """Weight of each sample from class weights and sample weights, with mean 1."""
    weights = np.ones(len(y))
    if sample_weight is not None:
        weights = _check_sample_weight(
            sample_weight, y, dtype=np.float64, ensure_non_negative=True
        )
        # Divide by the largest weight, so that sums of huge weights do not overflow and tiny
        # weights do not vanish.
        weights = weights / weights.max()
    if class_weight is not None:
        weights = _times_class_weights(weights, y, class_weight)
    rows = np.flatnonzero(weights)
    weights = weights[rows]
    return weights * (len(weights) / weights.sum()), rows


def _times_class_weights(weights, y, class_weight):
    """Multiply sample weights by class weights; drop samples of weight 0."""
    rows = np.flatnonzero(weights)
    if isinstance(class_weight, dict):
        # A weight for a class without labels in this round is not an error.
        present = set(np.unique(y[rows]).tolist())
        class_weight = {k: v for k, v in class_weight.items() if k in present}
    of_class = compute_sample_weight(class_weight, y[rows])
    if not (np.isfinite(of_class).all() and (of_class >= 0).all()):
        raise ValueError(f"class_weight must be finite and non-negative, got {class_weight}")
    weighted = np.zeros(len(y))
    weighted[rows] = weights[rows] * of_class
    if not weighted.any():
        raise ValueError(
            f"class_weight={class_weight} leaves no labels to train on: all classes in y have "
            "weight 0"
        )
    return weighted / weighted.max()


def smooth_targets(codes, n_classes, label_smoothing=0.0):
    """Wanted probabilities."""
    targets = np.full((len(codes), n_classes), label_smoothing / n_classes)
    targets[np.arange(len(codes)), codes] += 1 - label_smoothing
    return targets
