"""Learner methods for classifiers of SciKeras and Keras."""

# A plain ``scikeras.wrappers.KerasClassifier`` or ``keras.wrappers.SKLearnClassifier`` has
# ``predict`` and maybe ``predict_proba``. Its network can do more: :func:`with_learner_methods`
# returns an object with these methods. TensorFlow is imported only when such a network is used.

import contextlib

import numpy as np
from scipy.sparse import issparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import check_array, check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import validate_data

from skal._utils.rows.lazy import as_rows

__all__ = ["LearnerMethods", "with_learner_methods"]

METHODS = ("predict_proba", "embed", "predict_proba_embed", "sample_proba", "gradient_length")


def with_learner_methods(classifier):
    """Wrap a classifier of SciKeras or Keras with the methods of CNNClassifier, or return None."""
    for base in type(classifier).__mro__:
        package = base.__module__.partition(".")[0]
        kind = _KINDS.get((package, base.__name__))
        if kind is not None:
            return kind(classifier)
    return None


def _can(method):
    """Make a check that raises an error if the network does not support a method."""

    def check(self):
        reason = self.why_not(method)
        if reason is not None:
            raise AttributeError(reason)
        return True

    return check


class LearnerMethods:
    """The learner methods of a wrapped classifier."""

    # Compiled functions belong to the network, so wrapping a fitted classifier again does not
    # trace it again. ``hasattr`` is false for methods that the fitted network cannot support.

    def __init__(self, classifier):
        self.classifier = classifier

    @property
    def classes_(self):
        """All classes of the fitted classifier, even if a warm fit has dropped them."""
        known = getattr(self.classifier, "classes_", None)
        return np.asarray(self._encoded_classes() if known is None else known)

    def why_not(self, method, X=None, classes=None):
        """Return why the classifier does not support a method, without training it."""
        if method not in METHODS:
            return f"{type(self.classifier).__name__} has no {method}"
        if X is not None:
            classes = np.arange(2) if classes is None else np.unique(np.asarray(classes))
            model, n_classes = self._built(X, classes), len(classes)
        elif hasattr(self.classifier, "model_"):
            model, n_classes = self.classifier.model_, len(self.classes_)
        else:
            return None
        from skal.models.engine.prediction.network_methods import why_not

        return why_not(method, model, n_classes, self._embedding_layer())

    @available_if(_can("predict_proba"))
    def predict_proba(self, X):
        """Predict the probability of each class; see `Predictions.predict_proba`."""
        return self._checked(self._network_methods().forward(self._validate(X))[0])

    @available_if(_can("embed"))
    def embed(self, X):
        """Compute the input of the last dense layer."""
        return self.predict_proba_embed(X)[1]

    @available_if(_can("predict_proba_embed"))
    def predict_proba_embed(self, X):
        """Compute probabilities and embeddings in one pass."""
        P, Z = self._network_methods().forward(self._validate(X))
        return self._checked(P), Z

    @available_if(_can("sample_proba"))
    def sample_proba(self, X, n_samples, random_state=None):
        """Predict probabilities with dropout on; see `Predictions.sample_proba`."""
        random_state = check_random_state(random_state)
        return self._network_methods().sampling(self._validate(X), n_samples, random_state)

    @available_if(_can("gradient_length"))
    def gradient_length(self, X):
        """Compute expected gradient lengths; see `Predictions.gradient_length`."""
        return self._network_methods().gradient_length(self._validate(X))

    def told(self, classes):
        """Return a context in which `fit` trains for all `classes`, labeled or not."""
        return _as_kind(self.classifier, self._telling(np.asarray(classes)))

    def _network_methods(self):
        self._check_fitted()
        from skal.models.engine.prediction.network_methods import network_methods

        return network_methods(self.classifier.model_, len(self.classes_), self._embedding_layer())

    def _check_fitted(self):
        if not hasattr(self.classifier, "model_"):
            raise NotFittedError(f"this {type(self.classifier).__name__} has not been fitted")

    def _checked(self, probabilities):
        from skal.models.engine.prediction.network_methods import check_probabilities

        if len(self.classes_) > 1:  # a sigmoid has no task with one class
            check_probabilities(probabilities, type(self.classifier).__name__)
        return probabilities

    def _validate(self, X):
        """Check rows, and reshape them as Keras would."""
        X = self._as_given_to_the_network(X)
        X = X.toarray() if issparse(X) else np.asarray(X)
        shape = self.classifier.model_.inputs[0].shape
        if X.ndim == len(shape) - 1 and shape[-1] == 1:
            return X[..., None]
        return X[..., 0] if X.ndim == len(shape) + 1 and X.shape[-1] == 1 else X

    def _built(self, X, classes):
        """Build the network that a fit on rows like X would train."""
        from skal.models._backend import keras, random_kept

        rows = as_rows(X)
        n_wanted = max(len(rows), len(classes))
        X = rows[np.arange(n_wanted) % len(rows)].take()
        with random_kept():
            model = self._build(X, np.resize(classes, n_wanted))
        if isinstance(model, keras.Sequential) and not model.built:
            # Without an Input layer, Keras builds the network in the first training.
            model.build((None, *np.shape(X)[1:]))
        return model


class _OfSciKeras(LearnerMethods):
    """Serves ``scikeras.wrappers.KerasClassifier``."""

    def _embedding_layer(self):
        return getattr(self.classifier.model, "embedding_layer", None)

    def _encoded_classes(self):
        return self.classifier.target_encoder_.classes_

    def _as_given_to_the_network(self, X):
        X, _ = self.classifier._validate_data(X=X)
        return self.classifier.feature_encoder_.transform(X)

    def _build(self, X, y):
        # With a seed, SciKeras would temporarily set the seeds of NumPy and TensorFlow.
        unfitted = clone(self.classifier).set_params(random_state=None)
        return unfitted.initialize(X, y).model_

    def _telling(self, classes):
        # SciKeras 0.13 asks ``classes_`` for classes without a label, and its `fit` empties it.
        def keep(classifier, _):
            vars(classifier)["classes_"] = classes

        return {"classes_": property(lambda _: classes, keep)}


class _OfKeras(LearnerMethods):
    """Serves ``keras.wrappers.SKLearnClassifier``."""

    def _embedding_layer(self):
        return getattr(self.classifier.model, "embedding_layer", None)

    def _as_given_to_the_network(self, X):
        return validate_data(self.classifier, X, reset=False)

    def _build(self, X, y):
        from skal.models._backend import keras

        model = self.classifier.model
        if isinstance(model, keras.Model):
            return model
        one_hot = (np.unique(y) == np.asarray(y)[:, None]).astype(np.float64)
        return model(X=check_array(X), y=one_hot, **(self.classifier.model_kwargs or {}))

    def _telling(self, classes):
        def _process_target(classifier, y, reset=False):
            process = super(type(classifier), classifier)._process_target
            if reset:
                process(classes, reset=True)
            return process(y)

        return {"_process_target": _process_target}


@contextlib.contextmanager
def _as_kind(classifier, members):
    """Let a classifier be of a class with other members for a while."""
    # The methods must be on the class, because SciKeras sets them on the instance. The original
    # class is always restored, because clone and pickle look it up by name.
    own = type(classifier)
    classifier.__class__ = type(own.__name__, (own,), members)
    try:
        yield
    finally:
        classifier.__class__ = own


_KINDS = {
    ("scikeras", "KerasClassifier"): _OfSciKeras,
    ("keras", "SKLearnClassifier"): _OfKeras,
}
