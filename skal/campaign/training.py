"""Training the classifier of a campaign, whatever kind it is."""

import contextlib
import warnings

import numpy as np

from skal._utils.pipelines import (
    Chain,
    ConstantClassifier,
    clone_classifier,
    is_search,
    labels_needed,
    parts_of,
    seed_all,
)
from skal._utils.private import _routing_enabled

# Rows of the pool that are transformed for the normalization: enough for mean and variance,
# few enough to compute their features before the first question.
_MOST_TRANSFORMED = 2048

# What a classifier's ``fit`` takes to validate on a part of what it is given.
_VALIDATION = ("can_validate", "groups")


def prepare(estimator, classes):
    """Clone a classifier and tell it all classes, if it can be told."""
    estimator = clone_classifier(estimator)
    chain = Chain(estimator)
    if _routing_enabled() and chain.model is not estimator:
        _request(chain, [*_VALIDATION, "sample_weight"])
    # A network that knows all classes keeps its shape, and is not built again for a new one.
    if chain.has_parameter("classes") and chain.parameter("classes") is None:
        chain.model.set_params(classes=classes)
    return estimator


def _request(chain, names):
    """Let a Pipeline hand arguments of ``fit`` on to its model, unless that was decided."""
    decided = chain.model.get_metadata_routing().fit.requests
    wanted = [n for n in names if chain.takes(n) and decided.get(n) is None]
    if wanted:
        chain.model.set_fit_request(**dict.fromkeys(wanted, True))


def fit_normalization(estimator, X, seed):
    """Let a classifier learn what it can from rows without labels, if it can."""
    chain = Chain(estimator)
    # Behind steps that learn from the labels of a round, what it learned now would not fit.
    if not hasattr(chain.model, "fit_normalization") or len(chain.leading()) < len(chain.steps):
        return
    if chain.steps and len(X) > _MOST_TRANSFORMED:
        drawn = np.random.RandomState(seed).permutation(len(X))[:_MOST_TRANSFORMED]
        X = X[np.sort(drawn)]
    chain.model.fit_normalization(chain.features(X.take()))


def fresh_copy(estimator):
    """Clone a classifier so that each ``fit`` of the clone starts anew."""
    copy = clone_classifier(estimator)
    start_anew(Chain(copy))
    return copy


def start_anew(chain):
    """Make the next ``fit`` of a model start from nothing."""
    if chain.parameter("warm_start"):
        chain.model.set_params(warm_start=False)


def train(estimator, data, classes, seed, arguments, partial=False):
    """Train the classifier of a campaign."""
    X, y, weights = data
    chain = Chain(estimator)
    if _cannot_train(chain, y, weights, len(classes)):
        return ConstantClassifier(clone_classifier(estimator)).fit(np.empty((len(y), 0)), y)
    seed_all(estimator, seed)
    known = getattr(chain.model, "classes_", None)
    try:
        if partial:
            extra = {} if weights is None else {"sample_weight": weights}
            chain.model.partial_fit(chain.features(X), y, **extra)
        else:
            estimator.fit(X, y, **arguments)
    except ValueError as error:
        error.add_note(f"while training on the labels so far: {_describe(y)}")
        raise
    _ensure_classes(Chain(estimator), known, y, partial)
    return estimator


def _describe(y):
    names, counts = np.unique(y, return_counts=True)
    parts = [f"{n} of {name!r}" for name, n in zip(names.tolist(), counts, strict=True)]
    return ", ".join(parts[:20]) + (", ..." if len(parts) > 20 else "")


def _cannot_train(chain, y, weights, n_classes):
    """Tell whether labels are too few for a classifier: a constant model stands in then."""
    if weights is not None and not np.any(weights):
        return True
    _, counts = np.unique(y, return_counts=True)
    if len(counts) == 1 < n_classes and not chain.has_parameter("classes"):
        return True
    parts = parts_of(chain.estimator)
    # A search may give what is inside it other parameters before it fits it.
    inside = {id(p) for part in parts if is_search(part) for p in parts_of(part)[1:]}
    return any(_too_few(part, counts, y) for part in parts if id(part) not in inside)


def _too_few(part, counts, y):
    """Tell whether a part of a classifier needs more labels than there are."""
    wanted = labels_needed(part)
    if wanted is None:
        return False
    n, of = wanted
    there = {
        "each class": counts.min(),
        "each smaller class": min(counts[counts < counts.max()], default=n),
        "a class": counts.max(),
        "all classes": counts.sum(),
    }
    if there[of] >= n:
        return False
    warnings.warn(
        f"{type(part).__name__} needs {n} labels of {of}; there are {_describe(y)}. A constant "
        "model stands in for this round, and the next rows are chosen at random",
        UserWarning,
    )
    return True


def _ensure_classes(chain, known, y, partial):
    """Give a model the attribute ``classes_`` where its ``fit`` sets none."""
    # A duck-typed model may keep what was set here in the last round; a warm fit of SciKeras 0.13
    # replaces its own by None.
    model = chain.model
    now = getattr(model, "classes_", None)
    goes_on = partial or bool(chain.parameter("warm_start"))
    if now is None and goes_on and known is not None:
        model.classes_ = known
    elif now is None or (now is known and not goes_on and not chain.has_parameter("classes")):
        model.classes_ = np.unique(y)


def fit_arguments(estimator, n_rows, *, n_guessed=0, groups=None, weights=None, weight_names=()):
    """Return what ``fit`` takes besides rows and labels: weights, and what may validate."""
    arguments = {}
    if weights is not None:
        # A copy: SciKeras 0.13 multiplies into the weights that it is given.
        arguments = dict.fromkeys(weight_names, weights.copy())
    chain = Chain(estimator)
    if all(chain.takes(name) for name in _VALIDATION):
        if n_guessed:  # the last rows; their pseudo-labels cannot validate anything
            arguments[chain.fit_name("can_validate")] = np.arange(n_rows) < n_rows - n_guessed
        if groups is not None:
            arguments[chain.fit_name("groups")] = groups
    return arguments


@contextlib.contextmanager
def with_parameters(estimator, values):
    """Set parameters of the model of a classifier for a while."""
    model = Chain(estimator).model
    before = {name: getattr(model, name) for name in values}
    if values:
        model.set_params(**values)
    try:
        yield estimator
    finally:
        if values:
            model.set_params(**before)


def weight_names(estimator):
    """Return the keyword arguments of ``fit`` that take weights, without metadata routing."""
    chain = Chain(estimator)
    if not chain.takes("sample_weight"):
        name = type(chain.model).__name__
        raise ValueError(f"sample_weight was given, but {name}.fit takes none")
    return (chain.fit_name("sample_weight"),)
