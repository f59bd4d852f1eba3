"""Training of a campaign's classifier, of any kind."""

import contextlib
import warnings

import numpy as np
from sklearn.utils.metadata_routing import MetadataRouter, get_routing_for_object

from skal._utils.estimators.pipelines import (
    Chain,
    ConstantClassifier,
    clone_classifier,
    is_search,
    labels_needed,
    parts_of,
    seed_all,
)
from skal._utils.private import _routing_enabled
from skal.models.scikeras_methods import with_learner_methods

# Rows of the pool to transform for the normalization: enough for mean and variance, few enough to
# compute their features before the first query.
_MOST_TRANSFORMED = 2048

# Arguments of ``fit`` for validation on a part of the training rows.
_VALIDATION = ("can_validate", "groups")


def prepare(estimator, classes):
    """Clone a classifier and set its parameter ``classes``, if it has one."""
    estimator = clone_classifier(estimator)
    chain = Chain(estimator)
    if _routing_enabled() and chain.model is not estimator:
        _request(chain, [*_VALIDATION, "sample_weight"])
    # A network that knows all classes need not be rebuilt when a class gets its first label.
    if chain.has_parameter("classes") and chain.parameter("classes") is None:
        chain.model.set_params(classes=classes)
    return estimator


def _request(chain, names):
    """Make a Pipeline route arguments of ``fit`` to its model, unless the user has decided."""
    routing = get_routing_for_object(chain.model)
    if isinstance(routing, MetadataRouter):
        return  # the user sets the requests of the estimators inside it
    decided = routing.fit.requests
    wanted = [n for n in names if chain.takes(n) and decided.get(n) is None]
    if wanted:
        chain.model.set_fit_request(**dict.fromkeys(wanted, True))


def fit_normalization(estimator, X, seed):
    """Fit the normalization of a classifier on unlabeled rows, if it has one."""
    chain = Chain(estimator)
    # After steps that learn from the labels of a round, the normalization would not match.
    if not hasattr(chain.model, "fit_normalization") or len(chain.leading()) < len(chain.steps):
        return
    if chain.steps and len(X) > _MOST_TRANSFORMED:
        drawn = np.random.RandomState(seed).permutation(len(X))[:_MOST_TRANSFORMED]
        X = X[np.sort(drawn)]
    chain.model.fit_normalization(chain.features(X.take()))


def fresh_copy(estimator):
    """Clone a classifier so that each ``fit`` of the clone starts from scratch."""
    copy = clone_classifier(estimator)
    start_anew(Chain(copy))
    return copy


def start_anew(chain):
    """Make the next ``fit`` of a model start from scratch."""
    if chain.parameter("warm_start"):
        chain.model.set_params(warm_start=False)


def train(estimator, data, classes, seed, weight_names, partial=False):
    """Train the classifier of a campaign on a `TrainingSet`."""
    X, y = data.X, data.y
    chain = Chain(estimator)
    if _cannot_train(chain, y, data.weights, len(classes)):
        return ConstantClassifier(clone_classifier(estimator)).fit(np.empty((len(y), 0)), y)
    known = getattr(chain.model, "classes_", None)
    if partial:
        seed_all(estimator, seed)
        extra = {} if data.weights is None else {"sample_weight": data.weights}
        with _NamedLabels(y):
            chain.model.partial_fit(chain.features(X), y, **extra)
    else:
        fit(estimator, data, classes, seed, weight_names)
    _ensure_classes(Chain(estimator), known, y, partial)
    return estimator


def fit(estimator, data, classes, seed, weight_names):
    """Fit a classifier to a `TrainingSet`, with all arguments that a campaign passes."""
    seed_all(estimator, seed)
    with _NamedLabels(data.y), _told(Chain(estimator).model, classes):
        estimator.fit(data.X, data.y, **_fit_arguments(estimator, data, weight_names))


def _told(model, classes):
    """Tell a network of SciKeras or Keras all classes of the campaign while it is trained."""
    served = with_learner_methods(model)
    return contextlib.nullcontext() if served is None else served.told(classes)


class _NamedLabels:
    """Add a note with the labels to every error raised in the block."""

    # Errors of TensorFlow have no base class that can be named without importing it.

    def __init__(self, y):
        self.y = y

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if isinstance(error, Exception):
            error.add_note(f"while training on the labels so far: {_describe(self.y)}")


def _describe(y):
    names, counts = np.unique(y, return_counts=True)
    parts = [f"{n} of {name!r}" for name, n in zip(names.tolist(), counts, strict=True)]
    return ", ".join(parts[:20]) + (", ..." if len(parts) > 20 else "")


def _cannot_train(chain, y, weights, n_classes):
    """Return whether a classifier needs more labels; a constant model then stands in."""
    if weights is not None and not np.any(weights):
        return True
    _, counts = np.unique(y, return_counts=True)
    if len(counts) == 1 < n_classes and not chain.has_parameter("classes"):
        return True
    parts = parts_of(chain.estimator)
    # A search may change parameters of inner estimators before fitting them.
    inside = {id(p) for part in parts if is_search(part) for p in parts_of(part)[1:]}
    return any(_too_few(part, counts, y) for part in parts if id(part) not in inside)


def _too_few(part, counts, y):
    """Return whether a part of a classifier needs more labels than there are."""
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
    """Set ``classes_`` of a model whose ``fit`` does not."""
    # A duck-typed model may still have the value of the last round, and a warm fit of SciKeras
    # 0.13 sets it to None.
    model = chain.model
    now = getattr(model, "classes_", None)
    goes_on = partial or bool(chain.parameter("warm_start"))
    if now is None and goes_on and known is not None:
        model.classes_ = known
    elif now is None or (now is known and not goes_on and not chain.has_parameter("classes")):
        model.classes_ = np.unique(y)


def _fit_arguments(estimator, data, weight_names):
    """Return the arguments of ``fit`` besides rows and labels: weights and validation."""
    arguments = {}
    if data.weights is not None:
        # Copy the weights: SciKeras 0.13 changes them in place.
        arguments = dict.fromkeys(weight_names, data.weights.copy())
    chain = Chain(estimator)
    if all(chain.takes(name) for name in _VALIDATION):
        if data.n_guessed:  # pseudo-labels are last, and must not be used for validation
            n = len(data.y)
            arguments[chain.fit_name("can_validate")] = np.arange(n) < n - data.n_guessed
        if data.groups is not None:
            arguments[chain.fit_name("groups")] = data.groups
    return arguments


@contextlib.contextmanager
def with_parameters(estimator, values):
    """Temporarily set parameters of a classifier's model."""
    model = Chain(estimator).model
    before = {name: getattr(model, name) for name in values}
    if values:
        model.set_params(**values)
    try:
        yield
    finally:
        if values:
            model.set_params(**before)


def weight_names(estimator):
    """Return the keyword arguments of ``fit`` for weights, without metadata routing."""
    chain = Chain(estimator)
    name = chain.weight_name()
    if name is None:
        model = type(chain.model).__name__
        raise ValueError(f"sample_weight was given, but {model}.fit takes none")
    return (name,)
