"""Training the classifier of a campaign, whatever kind it is."""

import contextlib

import numpy as np
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import _routing_enabled
from sklearn.utils.validation import has_fit_parameter

from skal.learner import earlier_steps, final_model

# Rows of the pool that are transformed for the normalization: enough for mean and variance,
# few enough to compute their features before the first question.
_MOST_TRANSFORMED = 2048

# What a classifier's ``fit`` takes to validate on a part of what it is given.
_VALIDATION = ("can_validate", "groups")


def prepare(estimator, classes):
    """Clone a classifier and tell it all classes, if it can be told.

    A network that knows all classes keeps its shape from round to round, and need not be
    built again when a class is seen for the first time.

    Parameters
    ----------
    estimator : estimator
        The caller's classifier.
    classes : ndarray of shape (n_classes,)
        All classes.

    Returns
    -------
    estimator
    """
    estimator = clone(estimator)
    model = final_model(estimator)
    if _routing_enabled() and model is not estimator:
        _request(model, [*_VALIDATION, "sample_weight"])
    if _takes_classes(model) and model.get_params(deep=False)["classes"] is None:
        model.set_params(classes=classes)
    return estimator


def _request(model, names):
    """Let a Pipeline hand arguments of ``fit`` on to its last step, unless that was decided."""
    decided = model.get_metadata_routing().fit.requests
    wanted = [n for n in names if has_fit_parameter(model, n) and decided.get(n) is None]
    if wanted:
        model.set_fit_request(**dict.fromkeys(wanted, True))


def adapt(estimator, X, seed):
    """Let a classifier learn what it can from rows without labels, if it can.

    Inside a Pipeline it sees a part of the pool, through the steps before it, and nothing at
    all where one of these is learned from the labeled rows of each round: what it would learn
    then does not fit what it is trained on.

    Parameters
    ----------
    estimator : estimator
        Changed in place, if its last step has a method ``adapt(X)``.
    X : Rows of length n_samples
        The pool.
    seed : int
        Source of the part.
    """
    model = final_model(estimator)
    if not hasattr(model, "adapt"):
        return
    before = earlier_steps(estimator)
    if any(get_tags(step).requires_fit for step in before):
        return
    if before and len(X) > _MOST_TRANSFORMED:
        drawn = np.random.RandomState(seed).permutation(len(X))[:_MOST_TRANSFORMED]
        X = X[np.sort(drawn)]
    X = X.take()
    for step in before:
        X = step.transform(X)
    model.adapt(X)


def fresh_copy(estimator):
    """Clone a classifier so that each ``fit`` of the clone starts anew.

    Parameters
    ----------
    estimator : estimator
        The classifier of a campaign, which may go on from the last round's weights.

    Returns
    -------
    estimator
    """
    copy = clone(estimator)
    model = final_model(copy)
    if "warm_start" in model.get_params(deep=False):
        model.set_params(warm_start=False)
    return copy


def _takes_classes(model):
    return "classes" in model.get_params(deep=False)


def train(estimator, data, classes, seed, weight_names=(), about=None):
    """Train the classifier of a campaign.

    Parameters
    ----------
    estimator : estimator
        Fitted in place, again in every round: a network is reused instead of built anew.
    data : tuple (X, y, weights)
        Rows, labels and weights or None.
    classes : ndarray of shape (n_classes,)
        All classes.
    seed : int
        Seeds every ``random_state`` of the classifier.
    weight_names : tuple of str
        Keyword arguments of ``fit`` that take the weights.
    about : dict, default=None
        Other keyword arguments of ``fit``, from `validation_arguments`.

    Returns
    -------
    estimator
        The fitted classifier; a constant one in its place where all labels are of one class
        and the classifier cannot be told of others, or where no label has any weight.
    """
    X, y, weights = data
    of_one_class = len(np.unique(y)) == 1 < len(classes)
    weightless = weights is not None and not np.any(weights)
    if weightless or (of_one_class and not _takes_classes(final_model(estimator))):
        return DummyClassifier(strategy="prior").fit(np.zeros((len(y), 1)), y)
    seed_all(estimator, seed)
    return estimator.fit(X, y, **dict.fromkeys(weight_names, weights), **(about or {}))


def validation_arguments(estimator, n_rows, n_guessed, groups):
    """Return what a classifier must know of its training set to validate on a part of it.

    Parameters
    ----------
    estimator : estimator
        The classifier.
    n_rows : int
        Rows of the training set.
    n_guessed : int
        How many of the last rows have pseudo-labels, which cannot validate anything.
    groups : ndarray of shape (n_rows,) or None
        Group of each row, which must not be on both sides.

    Returns
    -------
    dict
        Keyword arguments of ``fit``; none where the classifier does not take them.
    """
    if not all(has_fit_parameter(final_model(estimator), name) for name in _VALIDATION):
        return {}
    arguments = {}
    if n_guessed:
        arguments["can_validate"] = np.arange(n_rows) < n_rows - n_guessed
    if groups is not None:
        arguments["groups"] = groups
    return {_inner_name(estimator, name): value for name, value in arguments.items()}


@contextlib.contextmanager
def with_parameters(estimator, values):
    """Set parameters of the last step of a classifier for a while.

    Parameters
    ----------
    estimator : estimator
        Changed in place, and back at the end.
    values : dict
        Names and values.

    Yields
    ------
    estimator
        The classifier.
    """
    model = final_model(estimator)
    before = {name: getattr(model, name) for name in values}
    model.set_params(**values)
    try:
        yield estimator
    finally:
        model.set_params(**before)


def seed_all(estimator, seed):
    """Set every ``random_state`` of a classifier and of what is inside it.

    Parameters
    ----------
    estimator : estimator
        Changed in place.
    seed : int
        The seed.
    """
    names = [
        name
        for name in estimator.get_params(deep=True)
        if name == "random_state" or name.endswith("__random_state")
    ]
    if names:
        estimator.set_params(**dict.fromkeys(names, seed))


def weight_names(estimator):
    """Return the keyword arguments of ``fit`` that take weights, without metadata routing.

    Parameters
    ----------
    estimator : estimator
        The classifier.

    Returns
    -------
    tuple of str

    Raises
    ------
    ValueError
        If it takes none.
    """
    model = final_model(estimator)
    if not has_fit_parameter(model, "sample_weight"):
        raise ValueError(f"sample_weight was given, but {type(model).__name__}.fit takes none")
    return (_inner_name(estimator, "sample_weight"),)


def _inner_name(estimator, name):
    """Return the name under which ``fit`` takes a keyword argument of the last step."""
    if isinstance(estimator, Pipeline) and not _routing_enabled():
        return f"{estimator.steps[-1][0]}__{name}"
    return name
