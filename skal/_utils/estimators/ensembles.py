"""Members of scikit-learn ensembles, with a column for every class."""

import numpy as np
from scipy import sparse
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    RandomForestClassifier,
    VotingClassifier,
)

# Ensembles whose members are fitted on class numbers.
_NUMBERED = (BaggingClassifier, ExtraTreesClassifier, RandomForestClassifier, VotingClassifier)


def is_ensemble(model):
    """Return whether a model is an ensemble whose members are classifiers."""
    return isinstance(model, (*_NUMBERED, AdaBoostClassifier))


def silent_member(model):
    """Return the first member of an unfitted ensemble without predict_proba, or None."""
    # Bagging and boosting can count votes without probabilities; single members cannot.
    if isinstance(model, VotingClassifier):
        members = [member for _, member in model.estimators if member != "drop"]
    else:
        members = [getattr(model, "estimator", None)]  # None: decision trees
    lacking = (m for m in members if m is not None and not hasattr(m, "predict_proba"))
    return next(lacking, None)


def draw_members(ensemble, n_samples, random_state):
    """Draw positions of members without replacement, at most all of them."""
    n_members = len(ensemble.estimators_)
    if n_samples >= n_members:
        return list(range(n_members))
    return list(random_state.choice(n_members, n_samples, replace=False))


def member_proba(ensemble, position, X, classes):
    """Predict with one member of an ensemble."""
    member = ensemble.estimators_[position]
    if isinstance(ensemble, BaggingClassifier):
        X = X if sparse.issparse(X) else np.asarray(X)
        X = X[:, ensemble.estimators_features_[position]]
    elif hasattr(X, "columns") and not hasattr(member, "feature_names_in_"):
        X = np.asarray(X)  # most ensembles fit their members without feature names
    seen = np.asarray(member.classes_)
    if isinstance(ensemble, _NUMBERED):
        seen = ensemble.classes_[seen.astype(int)]
    return expand_columns(member.predict_proba(X), seen, classes)


def expand_columns(probabilities, fitted_classes, classes):
    """Expand probabilities to a column per class; classes that a model never saw get 0."""
    probabilities = np.asarray(probabilities)
    if len(fitted_classes) == 1:  # a network that ends in a sigmoid has one column
        probabilities = np.ones_like(probabilities)
    if np.array_equal(fitted_classes, classes):
        return probabilities
    full = np.zeros((*probabilities.shape[:-1], len(classes)), dtype=probabilities.dtype)
    full[..., np.searchsorted(classes, fitted_classes)] = probabilities
    return full
