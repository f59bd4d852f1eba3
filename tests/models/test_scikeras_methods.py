"""Classifiers of SciKeras and Keras answer what CNNClassifier answers."""

import gc
import pickle
import subprocess
import sys
import weakref

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer

from skal.learner import Learner
from skal.models import CNNClassifier, CompactCNN
from skal.models.scikeras_methods import LearnerMethods, with_learner_methods
from skal.strategies import (
    BADGE,
    BALD,
    BatchBALD,
    DensityPeaksSampling,
    EntropyDensityPeaks,
    ExpectedChangeOfGradient,
    ExpectedGradientLength,
)


def keras():
    from skal.models._backend import keras

    return keras


def scikeras(*args, **kwargs):
    from scikeras.wrappers import KerasClassifier

    return KerasClassifier(*args, verbose=0, **kwargs)


def body(k, meta, *parts):
    return keras().Sequential([keras().Input(meta["X_shape_"][1:]), *parts])


def usual(meta, compile_kwargs, dropout=0.3):
    """Build the network of most tutorials."""
    k = keras().layers
    model = body(
        k,
        meta,
        k.Conv2D(4, 3, activation="relu"),
        k.MaxPooling2D(2),
        k.Flatten(),
        k.Dropout(dropout),
        k.Dense(6, activation="relu"),
        k.Dropout(dropout),
        k.Dense(meta["n_classes_"], activation="softmax"),
    )
    model.compile(**{**compile_kwargs, "loss": "sparse_categorical_crossentropy"})
    return model


def rows_network(head, loss, nested=False):
    """Return a function that builds a network for rows of features."""

    def build(meta, compile_kwargs):
        k = keras().layers
        parts = [k.Dense(5, activation="tanh"), k.Dropout(0.4)]
        ends = head(k, meta)
        if nested:
            ends = [keras().Sequential([keras().Input((5,)), *ends])]
        model = body(k, meta, *parts, *ends)
        model.compile(optimizer="adam", loss=loss)
        return model

    return build


def softmax(k, meta):
    return [k.Dense(meta["n_classes_"], activation="softmax")]


def sigmoid(k, meta):
    return [k.Dense(1, activation="sigmoid")]


def activation(k, meta):
    return [k.Dense(meta["n_classes_"]), k.Activation("softmax")]


def linear(k, meta):
    return [k.Dense(meta["n_classes_"])]


def one_logit(k, meta):
    return [k.Dense(1, name="logits")]


@pytest.fixture(scope="module")
def rows():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(60, 4)).astype("float32")
    return X, (X[:, 0] + X[:, 1] > 0).astype(int)


@pytest.fixture(scope="module")
def sounds():
    rng = np.random.RandomState(0)
    y = np.arange(60) % 3
    X = rng.normal(size=(60, 10, 12, 1)).astype("float32")
    X[np.arange(60), 3 * y] += 1
    return X, np.array(["a", "b", "c"])[y]


def pair(network, X, y):
    """Return a CNNClassifier and a served SciKeras classifier with equal weights."""
    ours = CNNClassifier(network, steps=15, random_state=0).fit(X, y)
    theirs = scikeras(model=network, optimizer="adam")
    theirs.initialize(X, y)
    theirs.model_.set_weights(ours.get_weights())
    return ours, with_learner_methods(theirs)


@pytest.fixture(scope="module", params=["parameter object", "function"])
def equal(request, sounds):
    X, y = sounds
    if request.param == "function":
        return *pair(usual, X, y), X
    return *pair(
        CompactCNN(filters=(4, 6), stem_kernel_size=3, n_embedding=5, n_members=1), X, y
    ), X


def test_equal_weights_give_equal_answers(equal):
    ours, theirs, X = equal
    np.testing.assert_array_equal(theirs.classes_, ours.classes_)
    P, Z = theirs.predict_proba_embed(X)
    np.testing.assert_allclose(P, ours.predict_proba(X), rtol=1e-5)
    np.testing.assert_allclose(P, theirs.classifier.predict_proba(X), rtol=1e-4)
    np.testing.assert_allclose(Z, ours.embed(X), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(Z, theirs.embed(X))
    np.testing.assert_array_equal(P, theirs.predict_proba(X))
    np.testing.assert_allclose(theirs.gradient_length(X), ours.gradient_length(X), rtol=1e-4)
    samples = [one.sample_proba(X, 4, random_state=3) for one in (ours, theirs)]
    np.testing.assert_allclose(*samples, rtol=1e-5)
    assert samples[0].std(axis=0).max() > 0.01
    assert theirs._network_methods().gradient_length._known


@pytest.mark.parametrize(
    "strategy",
    [
        ExpectedGradientLength(layers="last"),
        ExpectedGradientLength(layers="all"),
        ExpectedChangeOfGradient(),
        BADGE(),
        EntropyDensityPeaks(),
        DensityPeaksSampling(),
        BALD(8),
        BatchBALD(8),
    ],
    ids=lambda s: type(s).__name__ + str(getattr(s, "layers", "")),
)
def test_equal_weights_ask_for_the_same_rows(equal, strategy):
    ours, theirs, X = equal
    picks = [
        clone(strategy).query(Learner(one, needs=strategy.needs), X, 6, random_state=0)
        for one in (ours, theirs)
    ]
    np.testing.assert_array_equal(*picks)


HEADS = [
    (softmax, "sparse_categorical_crossentropy", 3),
    (sigmoid, "binary_crossentropy", 2),
    (activation, "sparse_categorical_crossentropy", 2),
]


@pytest.mark.parametrize(("head", "loss", "n_classes"), HEADS)
@pytest.mark.parametrize("nested", [False, True])
def test_answers_of_many_ends(rows, head, loss, n_classes, nested):
    X, y = rows
    y = y + (X[:, 2] > 0.5) * (n_classes == 3)
    classifier = scikeras(model=rows_network(head, loss, nested), epochs=3, loss=loss).fit(X, y)
    served = with_learner_methods(classifier)
    P, Z = served.predict_proba_embed(X)
    assert P.shape == (60, n_classes) and Z.shape == (60, 5)
    np.testing.assert_allclose(P, classifier.predict_proba(X), rtol=1e-4, atol=1e-7)
    hidden = classifier.model_.layers[0]
    np.testing.assert_allclose(Z, np.asarray(hidden(X)), rtol=1e-4, atol=1e-6)
    # One row at a time, against Keras itself: SciKeras loses its axis.
    assert served.predict_proba(X[:1]).shape == (1, n_classes)
    assert served.sample_proba(X, 2, random_state=0).shape == (2, 60, n_classes)
    np.testing.assert_allclose(
        served.gradient_length(X)[:4], lengths(classifier, X[:4]), rtol=1e-3
    )


def lengths(classifier, X):
    """Take each sample's gradients alone, with TensorFlow's own tape."""
    from skal.models._backend import tf

    found = []
    for row in X:
        with tf.GradientTape(persistent=True) as tape:
            p = classifier.model_(row[None], training=False)[0]
            p = tf.stack([1 - p[0], p[0]]) if len(p) == 1 else p
            losses = [-tf.math.log(p[c]) for c in range(len(p))]
        weights = [w.value for w in classifier.model_.trainable_variables]
        norms = [
            np.sqrt(sum(float(tf.reduce_sum(g**2)) for g in tape.gradient(loss, weights)))
            for loss in losses
        ]
        found.append(float(np.dot(p, norms)))
    return np.array(found)


def test_logits_become_probabilities_where_the_loss_says_so(rows):
    X, y = rows
    for head, kind in (
        (linear, "SparseCategoricalCrossentropy"),
        (one_logit, "BinaryCrossentropy"),
    ):
        loss = getattr(keras().losses, kind)(from_logits=True)
        served = with_learner_methods(scikeras(model=rows_network(head, loss), epochs=1).fit(X, y))
        P = served.predict_proba(X)
        np.testing.assert_allclose(P.sum(axis=1), 1, rtol=1e-5)
        logits = served.classifier.model_(X).numpy()
        odds = logits[:, 1] - logits[:, 0] if head is linear else logits[:, 0]
        np.testing.assert_allclose(np.log(P[:, 1] / P[:, 0]), odds, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(
            served.gradient_length(X).argmax(), served.gradient_length(X[::-1])[::-1].argmax()
        )


def test_outputs_that_are_no_probabilities_are_refused(rows):
    X, y = rows
    build = rows_network(linear, "mse")
    served = with_learner_methods(
        scikeras(model=build, loss="mse").fit(X, np.eye(2)[y].argmax(axis=1))
    )
    with pytest.raises(ValueError, match="from_logits=True"):
        served.predict_proba(X)


def test_features_of_other_kinds(rows):
    """Integers, an encoder of the user's own, and a missing channel axis."""
    from scikeras.wrappers import KerasClassifier

    class Halved(KerasClassifier):
        @property
        def feature_encoder(self):
            return FunctionTransformer(lambda X: X / 2)

    X, y = rows
    X = (10 * X).astype(int)
    build = rows_network(softmax, "sparse_categorical_crossentropy")
    served = with_learner_methods(Halved(model=build, verbose=0).fit(X, y))
    expected = served.classifier.model_(X / 2).numpy()
    np.testing.assert_allclose(served.predict_proba(X), expected, rtol=1e-4)

    def of_images(meta, compile_kwargs):
        return usual({**meta, "X_shape_": (None, 10, 12, 1)}, compile_kwargs)

    images = np.random.RandomState(0).normal(size=(12, 10, 12))
    served = with_learner_methods(
        scikeras(model=of_images, optimizer="adam").fit(images, np.arange(12) % 3)
    )
    expected = served.classifier.predict_proba(images)
    np.testing.assert_allclose(served.predict_proba(images), expected, rtol=1e-4, atol=1e-6)


def no_dense(meta, compile_kwargs):
    k = keras().layers
    model = body(
        k,
        meta,
        k.Conv2D(meta["n_classes_"], 3),
        k.GlobalAveragePooling2D(),
        k.Softmax(),
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
    return model


METHODS = ("predict_proba", "embed", "predict_proba_embed", "sample_proba", "gradient_length")


@pytest.mark.parametrize(
    ("build", "refused"),
    [
        (usual, {}),
        (no_dense, {"embed": "Dense", "predict_proba_embed": "Dense", "sample_proba": "dropout"}),
    ],
)
def test_asked_before_and_after_training(sounds, build, refused):
    X, y = sounds
    classifier = scikeras(model=build, optimizer="adam", random_state=0)
    served, before = with_learner_methods(classifier), global_state()
    assert [served.why_not(question) for question in METHODS] == [None] * 5
    asked = {q: served.why_not(q, X[:2], classes=["a", "b", "c"]) for q in METHODS}
    np.testing.assert_array_equal(global_state(), before)
    assert not hasattr(classifier, "model_")
    classifier.fit(X, y)
    for question, reason in asked.items():
        assert (reason is not None) == (question in refused), reason
        assert served.why_not(question) == reason
        assert hasattr(served, question) == (reason is None)
        assert reason is None or refused[question] in reason
    assert "no augment" in served.why_not("augment")


def global_state():
    """Return NumPy's global generator, which building a network must leave as it was."""
    return np.random.mtrand._rand.get_state()[1]


def test_networks_that_scikeras_cannot_train(sounds):
    """Keras's own classifier takes layers without an Input, and subclasses of keras.Model."""
    from keras.wrappers import SKLearnClassifier

    k = keras().layers

    class Own(keras().Model):
        def __init__(self):
            super().__init__()
            self.dense = k.Dense(3, activation="softmax")

        def call(self, x):
            return self.dense(x)

    def build(X, y, own):
        model = (
            Own() if own else keras().Sequential([k.Dropout(0.2), *softmax(k, {"n_classes_": 3})])
        )
        model.compile(optimizer="adam", loss="categorical_crossentropy")
        return model

    X, y = sounds[0].reshape(60, -1), sounds[1]
    for own in (False, True):
        classifier = SKLearnClassifier(build, model_kwargs={"own": own}, fit_kwargs={"verbose": 0})
        served = with_learner_methods(classifier)
        asked = [served.why_not(q, X[:2], classes=np.unique(y)) for q in METHODS]
        assert all("functional" in reason for reason in asked) if own else asked == [None] * 5
        classifier.fit(X, y)
        assert [served.why_not(q) for q in METHODS] == asked
        assert own or served.embed(X).shape == X.shape


def test_serves_nothing_else():
    from sklearn.base import BaseEstimator

    assert with_learner_methods(LogisticRegression()) is None
    assert with_learner_methods(CNNClassifier()) is None
    namesake = type("KerasClassifier", (BaseEstimator,), {"__module__": "else.where"})
    assert with_learner_methods(namesake()) is None


def test_asking_others_imports_no_tensorflow():
    code = (
        "import sys; from sklearn.svm import SVC; "
        "from skal.models.scikeras_methods import with_learner_methods; "
        "assert with_learner_methods(SVC()) is None; "
        "assert not {'tensorflow', 'keras', 'scikeras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# Keras saves weights in a way that NumPy warns of.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_traced_once_and_freed_with_the_network(rows):
    X, y = rows
    build = rows_network(softmax, "sparse_categorical_crossentropy")
    classifier = scikeras(model=build).fit(X, y)
    for n in (60, 7, 33):
        with_learner_methods(classifier).predict_proba_embed(X[:n])
    forward = with_learner_methods(classifier)._network_methods().forward
    assert forward.n_traces == 1
    classifier.model = None  # A local function, which no pickle can hold.
    copy = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_allclose(
        with_learner_methods(copy).predict_proba(X),
        with_learner_methods(classifier).predict_proba(X),
    )
    assert with_learner_methods(copy)._network_methods().forward is not forward
    network = weakref.ref(classifier.model_)
    classifier.model_ = copy.model_
    del forward
    gc.collect()
    assert network() is None


def test_classes_that_a_warm_fit_of_scikeras_forgets(rows):
    X, y = rows
    y = np.array(["no", "longer"])[y]
    build = rows_network(softmax, "sparse_categorical_crossentropy")
    classifier = scikeras(model=build, warm_start=True).fit(X, y)
    classifier.fit(X, y)
    assert classifier.classes_ is None
    np.testing.assert_array_equal(with_learner_methods(classifier).classes_, ["longer", "no"])


def test_the_wrapper_of_keras_answers_everything(rows):
    from keras.wrappers import SKLearnClassifier

    def build(X, y):
        k = keras().layers
        parts = [k.Dense(5), k.Dropout(0.4), k.Dense(y.shape[1], activation="softmax")]
        model = keras().Sequential([keras().Input(X.shape[1:]), *parts])
        model.compile(optimizer="adam", loss="categorical_crossentropy")
        return model

    X, y = rows
    classifier = SKLearnClassifier(build, fit_kwargs={"epochs": 2, "verbose": 0})
    served = with_learner_methods(classifier)
    asked = [served.why_not(q, X[:1], classes=[4, 7]) for q in METHODS]
    assert asked == [None] * 5
    classifier.fit(X, y)
    np.testing.assert_allclose(served.predict_proba(X), classifier.decision_function(X), 1e-4)
    assert served.sample_proba(X, 3, random_state=0).shape == (3, 60, 2)
    assert served.embed(X).shape == (60, 5)


def test_unfitted(rows):
    from sklearn.exceptions import NotFittedError

    served = with_learner_methods(scikeras(model=usual))
    assert isinstance(served, LearnerMethods)
    with pytest.raises(NotFittedError):
        served.predict_proba(rows[0])


class TestTold:
    """All classes are known while the classifier is trained, and its class is the user's."""

    def test_scikeras(self, rows):
        X, y = rows
        build = rows_network(softmax, "sparse_categorical_crossentropy")
        classifier = scikeras(model=build)
        for warm in (False, True):
            classifier.set_params(warm_start=warm)
            with with_learner_methods(classifier).told([0, 1, 5]):
                classifier.fit(X, np.where(y == 1, 5, 0))
            np.testing.assert_array_equal(classifier.classes_, [0, 1, 5])
            assert classifier.model_.output_shape == (None, 3)
        assert set(classifier.predict(X)) <= {0, 1, 5}

    def test_keras(self, rows):
        from keras.wrappers import SKLearnClassifier

        def build(X, y):
            end = keras().layers.Dense(y.shape[1], activation="softmax")
            model = keras().Sequential([keras().Input(X.shape[1:]), end])
            model.compile(optimizer="adam", loss="categorical_crossentropy")
            return model

        X, y = rows
        classifier = SKLearnClassifier(build, fit_kwargs={"verbose": 0})
        with with_learner_methods(classifier).told([0, 1, 5]):
            classifier.fit(X, np.where(y == 1, 5, 0))
        np.testing.assert_array_equal(classifier.classes_, [0, 1, 5])
        assert classifier.model_.output_shape == (None, 3)

    def test_the_class_comes_back_after_an_error(self, rows):
        classifier = scikeras(model=usual)
        kind = type(classifier)
        with (
            pytest.raises(ValueError, match="stop"),
            with_learner_methods(classifier).told([0, 1]),
        ):
            assert type(classifier) is not kind
            raise ValueError("stop")
        assert type(classifier) is kind
