"""Parts of a classifier: the steps that make features, and the model behind them."""

# No other module looks into a Pipeline. This one handles nested Pipelines, FeatureUnion,
# imbalanced-learn's Pipeline, and searches.

import copy
import functools
import inspect
from itertools import takewhile
from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.linear_model import RidgeClassifierCV
from sklearn.model_selection import (
    FixedThresholdClassifier,
    KFold,
    StratifiedKFold,
    TunedThresholdClassifierCV,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.utils import ClassifierTags, Tags, TargetTags, get_tags
from sklearn.utils.validation import has_fit_parameter

from skal._utils.private import BaseSearchCV, _routing_enabled, note_determinism
from skal._utils.rows.lazy import n_rows

# Meta-estimators that delegate to one fitted estimator, and its attribute.
_DELEGATES = {
    BaseSearchCV: "best_estimator_",
    FixedThresholdClassifier: "estimator_",
    TunedThresholdClassifierCV: "estimator_",
}


def safe_tags(estimator):
    """Return the tags of an estimator, or those of a plain classifier if it has none."""
    # SciKeras 0.13 has the wrong order of bases, which loses the classifier tags.
    try:
        tags = get_tags(estimator)
    except AttributeError:
        tags = Tags(estimator_type=None, target_tags=TargetTags(required=True))
    if tags.classifier_tags is None and tags.regressor_tags is None:
        tags.classifier_tags = ClassifierTags()
    return tags


def refuses_missing(estimator):
    """Return whether a classifier is known to refuse rows with NaN or infinite values."""
    if isinstance(estimator, type) or not hasattr(estimator, "__sklearn_tags__"):
        return False
    # A step or an inner estimator may impute missing values, which no estimator tag reports.
    parts = estimator.get_params(deep=True).values()
    alone = not any(hasattr(part, "fit") for part in parts)
    return alone and not safe_tags(estimator).input_tags.allow_nan


def parts_of(estimator):
    """Return an estimator and all estimators nested in its parameters."""
    parts = [estimator]
    if hasattr(estimator, "get_params"):
        parts += estimator.get_params(deep=True).values()
    return [part for part in parts if hasattr(part, "fit") and not isinstance(part, type)]


def needs_labels(step):
    """Return whether a step, or an estimator inside it, needs labels in fit."""
    return any(_requires_y(part) for part in parts_of(step))


def _requires_y(part):
    if hasattr(part, "__sklearn_tags__") and get_tags(part).target_tags.required:
        return True
    y = inspect.signature(part.fit).parameters.get("y")
    return y is not None and y.default is inspect.Parameter.empty


def _requires_fit(step):
    return not hasattr(step, "__sklearn_tags__") or get_tags(step).requires_fit


def labels_needed(model):
    """Return the minimum number of labels, and of what, or None."""
    if isinstance(model, KNeighborsClassifier):
        return model.n_neighbors, "all classes"
    if not hasattr(model, "get_params") or isinstance(model, RidgeClassifierCV):
        return None  # ridge uses leave-one-out, without folds
    params = model.get_params(deep=False)
    if hasattr(model, "fit_resample") and isinstance(params.get("k_neighbors"), Integral):
        return params["k_neighbors"] + 1, "each smaller class"  # SMOTE: a row and its neighbors
    if isinstance(folds := getattr(params.get("train_split"), "cv", None), Integral):
        # skorch validates on a fold of what it is given, unless told otherwise.
        return folds, "a class" if params["train_split"].stratified else "all classes"
    if "cv" not in params:
        return None
    cv = 5 if params["cv"] is None else params["cv"]
    if isinstance(cv, (Integral, StratifiedKFold)):
        # Calibration needs every class in every fold; other models need only one class.
        of = "each class" if isinstance(model, CalibratedClassifierCV) else "a class"
        return int(getattr(cv, "n_splits", cv)), of
    if isinstance(model, CalibratedClassifierCV) and hasattr(cv, "n_splits"):
        return cv.n_splits, "each class"  # it checks this for every splitter
    return (cv.n_splits, "all classes") if isinstance(cv, KFold) else None


def is_search(model):
    """Return whether a model is a hyperparameter search."""
    return isinstance(model, BaseSearchCV)


def seed_all(estimator, seed):
    """Set every ``random_state`` of an estimator, including nested ones, in place."""
    if not hasattr(estimator, "get_params"):
        return
    names = [
        name
        for name, value in estimator.get_params(deep=True).items()
        if name.split("__")[-1] == "random_state" and value != "deprecated"
    ]
    if names:
        estimator.set_params(**dict.fromkeys(names, seed))


class Chain:
    """The parts of a classifier: its transformers in order, and its final model."""

    def __init__(self, estimator):
        self.estimator = estimator
        self._names = []
        self.steps, self.model = self.unroll(estimator, self._names)
        behind = _delegate(self.model)
        self.answering = self.model
        while behind is not None:
            steps, self.answering = self.unroll(behind, [])
            self.steps = self.steps + steps
            behind = _delegate(self.answering)

    @staticmethod
    def unroll(estimator, names):
        """Return the steps of nested Pipelines and their final estimator; extend `names`."""
        steps = []
        while isinstance(estimator, Pipeline):
            *before, (name, estimator) = estimator.steps
            steps += [step for _, step in before if _acts(step)]
            names.append(name)
        return steps, estimator

    def features(self, X):
        """Pass rows through the fitted steps."""
        return _pass_through(self.steps, X)

    def fit_name(self, name):
        """Return the name of a fit argument of the model in ``fit`` of the estimator."""
        if _routing_enabled():
            return name
        return "__".join([*self._names, name])

    def weight_name(self):
        """Return the name under which ``fit`` of the estimator takes weights, or None."""
        model, name = self.model, "sample_weight"
        if is_search(model):  # passes weights on to its estimator
            name = Chain(model.estimator).weight_name()
        elif isinstance(model, (StackingClassifier, VotingClassifier)):
            members = [member for _, member in model.estimators if not isinstance(member, str)]
            if not all(has_fit_parameter(member, name) for member in members):
                return None
        elif not self.takes(name):
            return None
        return None if name is None else self.fit_name(name)

    def takes(self, name):
        """Return whether ``fit`` of the model has a parameter."""
        return has_fit_parameter(self.model, name)

    def parameter(self, name, default=None):
        """Return a parameter of the model, or `default` if it has no such parameter."""
        if not hasattr(self.model, "get_params"):
            return default
        return self.model.get_params(deep=False).get(name, default)

    def has_parameter(self, name):
        """Return whether the model has a parameter."""
        return hasattr(self.model, "get_params") and name in self.model.get_params(deep=False)

    def label_free_steps(self, X):
        """Fit clones of the leading steps that need no labels."""
        # Stop at the first step that needs labels: later steps expect its output.
        free, ahead = [], []
        for step in self.steps:
            if needs_labels(step):
                break
            step = clone(step)
            seed_all(step, 0)
            if _requires_fit(step):
                X, ahead = _pass_through(ahead, X), []
                try:
                    step.fit(X)
                except (TypeError, ValueError):
                    break  # SelectKBest's tag is wrong: most of its scores need labels
            free.append(step)
            ahead.append(step)
        return free

    def try_features(self, X, n_classes):
        """Pass a few rows through clones of the steps, fitted on them with dummy labels."""
        y = np.arange(n_rows(X)) % max(n_classes, 2)
        for step in map(clone, self.steps):
            seed_all(step, 0)
            try:
                X = step.fit(X, y).transform(X) if _requires_fit(step) else step.transform(X)
            except ValueError:
                return None  # too few rows for this step
        return X

    def leading(self):
        """Return the leading steps that learn nothing in fit."""
        return list(takewhile(lambda step: not _requires_fit(step), self.steps))


def _acts(step):
    """Return whether a step transforms rows in predict; a resampler does not."""
    if step is None or (isinstance(step, str) and step == "passthrough"):
        return False
    return hasattr(step, "transform") or not hasattr(step, "fit_resample")


def _delegate(model):
    """Return the estimator that a search or a threshold classifier delegates to, or None."""
    for kind, attribute in _DELEGATES.items():
        if isinstance(model, kind):
            return getattr(model, attribute, model.estimator)
    return None


def _is_of(model, package):
    """Return whether a model inherits from a class of a package."""
    return any(base.__module__.partition(".")[0] == package for base in type(model).__mro__)


def ask(estimator, method, X):
    """Call a method of a fitted classifier, such as ``predict``, on rows."""
    # A Pipeline needs the tags of its last step, which duck-typed classifiers lack.
    steps, model = Chain.unroll(estimator, [])
    if hasattr(model, "__sklearn_tags__"):
        return getattr(estimator, method)(X)
    return getattr(model, method)(_pass_through(steps, X))


def clone_classifier(estimator):
    """Clone any classifier with all its parameters, to train it from scratch."""
    copied = clone(estimator, safe=False)
    before, after = Chain(estimator).model, Chain(copied).model
    if not hasattr(before, "get_params"):
        return copied
    if _is_of(before, "scikeras"):
        # For a seeded fit, SciKeras 0.13 sets TF_DETERMINISTIC_OPS and only then reads the state
        # to restore. TensorFlow reads the variable on the first request, so all ops of the process
        # would stay deterministic, and unseeded ops would fail.
        note_determinism()
    params = before.get_params(deep=False)
    lost = {  # such as fit_kwargs of Keras's wrapper
        name: copy.deepcopy(value)
        for name, value in params.items()
        if value is not None and getattr(after, name, value) is None
    }
    if hasattr(params.get("model"), "get_weights") and _is_of(before, "scikeras"):
        # SciKeras continues to train a given Keras model from its last weights.
        lost["model"] = functools.partial(copy.deepcopy, params["model"])
    if lost:
        after.set_params(**lost)
    return copied


class ConstantClassifier(ClassifierMixin, BaseEstimator):
    """Stand-in for a classifier while all labels have the same class."""

    # Keeps the classifier, so that its steps still make features. All rows tie for every strategy,
    # and ties are broken at random.

    def __init__(self, estimator):
        self.estimator = estimator

    def fit(self, X, y, sample_weight=None):
        """Store the classes and the weight of each."""
        self.classes_, codes = np.unique(y, return_inverse=True)
        counts = np.bincount(codes, sample_weight, minlength=len(self.classes_))
        total = counts.sum()
        self.shares_ = counts / total if total else np.full(len(counts), 1 / len(counts))
        return self

    def predict(self, X):
        """Predict the class with the largest weight."""
        return np.full(n_rows(X), self.classes_[np.argmax(self.shares_)])

    def predict_proba(self, X):
        """Predict the share of each class."""
        return np.tile(self.shares_, (n_rows(X), 1))

    def sample_proba(self, X, n_samples, random_state=None):
        """Predict with samples of the model, which are all identical."""
        return np.tile(self.shares_, (n_samples, n_rows(X), 1))

    def gradient_length(self, X):
        """Return lengths of 0, because a constant model has no gradients."""
        return np.zeros(n_rows(X))

    def augment(self, X, random_state=None):
        """Return the rows as they are."""
        return X


class Frozen:
    """A compact snapshot of a fitted classifier, for later predictions."""

    # Snapshots of networks store weights and share the network; other models are copied. Leading
    # steps that learn nothing are left out: rows pass through them once for all rounds.

    def __init__(self, estimator):
        chain = Chain(estimator)
        self.n_shared = 0
        self.weights = self.rest = None
        if isinstance(estimator, ConstantClassifier):
            self.rest = estimator
            return
        self.n_shared = len(chain.leading())
        steps = copy.deepcopy(chain.steps[self.n_shared :])
        model = chain.answering
        # A search may choose another network in another round.
        own = model is chain.model
        if own and hasattr(model, "get_weights") and hasattr(model, "set_weights"):
            self.weights, model = model.get_weights(), None
        self.rest = (steps, copy.deepcopy(model))


def thaw(frozen, estimator, X):
    """Yield classifiers of past rounds, each with its input rows."""
    shared, network = {0: X}, None
    chain = Chain(estimator)
    for one in frozen:
        if isinstance(one.rest, ConstantClassifier):
            yield one.rest, X
            continue
        steps, model = one.rest
        if one.n_shared not in shared:
            shared[one.n_shared] = _pass_through(chain.steps[: one.n_shared], X)
        if one.weights is not None:
            network = copy.deepcopy(chain.answering) if network is None else network
            network.set_weights(one.weights)
            model = network
        yield model, _pass_through(steps, shared[one.n_shared])


def _pass_through(steps, X):
    for step in steps:
        X = step.transform(X)
    return X
