"""Campaigns around networks of SciKeras and of Keras's own wrapper."""

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skal import ActiveLearningClassifier
from skal.campaign import TargetScore
from skal.learner import UnsupportedStrategyError
from skal.strategies import (
    BADGE,
    BALD,
    DensityPeaksSampling,
    EntropyDensityPeaks,
    EntropySampling,
    ExpectedChangeOfGradient,
    ExpectedGradientLength,
    MarginSampling,
    RandomSampling,
)

# Pickling a Keras model asks NumPy for something that it deprecates.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*retracing")

X, Y = load_iris(return_X_y=True)
X = ((X - X.mean(axis=0)) / X.std(axis=0)).astype("float32")
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]


def build(meta, units=8, dropout=0.2):
    """Build a network as SciKeras's users do."""
    import keras

    layers = [keras.layers.Dense(units, "relu")]
    if dropout:
        layers.append(keras.layers.Dropout(dropout))
    inputs = keras.Input(meta["X_shape_"][1:])
    return keras.Sequential([inputs, *layers, keras.layers.Dense(meta["n_classes_"], "softmax")])


def network(**params):
    from scikeras.wrappers import KerasClassifier

    defaults = {
        "model": build,
        "loss": "sparse_categorical_crossentropy",
        "optimizer": "adam",
        "optimizer__learning_rate": 0.1,
        "epochs": 5,
        "verbose": 0,
    }
    return KerasClassifier(**{**defaults, **params})


def campaign(estimator, strategy=None, **params):
    defaults = {"n_initial": 15, "n_instances": 15, "budget": 45, "random_state": 0}
    return ActiveLearningClassifier(estimator, strategy, **{**defaults, **params})


def test_a_plain_network_runs_to_the_end_and_repeats_itself():
    state = np.random.mtrand._rand.get_state()[1].copy()
    first, second = (campaign(network()).fit(X, NAMES) for _ in range(2))
    assert first.stop_reason_ == "the budget of 45 labels is spent"
    assert first.score(X, NAMES) > 0.8
    assert first.predict_proba(X).shape == (150, 3)
    np.testing.assert_array_equal(first.labeled_indices_, second.labeled_indices_)
    np.testing.assert_array_equal(first.predict_proba(X), second.predict_proba(X))
    np.testing.assert_array_equal(state, np.random.mtrand._rand.get_state()[1])


@pytest.mark.parametrize(
    "strategy",
    [
        BADGE(),
        BALD(3),
        pytest.param(DensityPeaksSampling(), marks=pytest.mark.slow),
        pytest.param(EntropyDensityPeaks(), marks=pytest.mark.slow),
        pytest.param(ExpectedChangeOfGradient(), marks=pytest.mark.slow),
        pytest.param(ExpectedGradientLength(layers="all"), marks=pytest.mark.slow),
    ],
    ids=lambda strategy: type(strategy).__name__,
)
def test_strategies_that_ask_the_network(strategy):
    fitted = campaign(make_pipeline(StandardScaler(), network()), strategy, budget=30).fit(X, Y)
    assert fitted.n_rounds_ == 1
    assert len(fitted.query()) == 15


def test_a_network_without_dropout_is_refused_before_training():
    model = make_pipeline(StandardScaler(), network(model__dropout=0))
    refused = campaign(model, BALD())
    with pytest.raises(UnsupportedStrategyError, match=r"BALD needs sample_proba.*dropout"):
        refused.fit(X, Y)
    assert not hasattr(refused, "history_")


def test_skal_network_without_dropout_is_refused_before_training():
    from skal.models import CNNClassifier, DenseNet

    refused = campaign(CNNClassifier(DenseNet(units=(4,), dropout=0), steps=3), BALD())
    with pytest.raises(UnsupportedStrategyError, match=r"BALD needs sample_proba.*dropout"):
        refused.fit(X, Y)
    assert not hasattr(refused, "history_")


@pytest.mark.slow
def test_a_class_that_comes_late_with_weights():
    marked = np.where(np.arange(150) < 80, NAMES, None)
    fitted = campaign(network(), classes=np.unique(NAMES), budget=None)
    weight = np.linspace(0.5, 1, 150)
    fitted.fit(X, marked, sample_weight=weight)
    np.testing.assert_array_equal(weight, np.linspace(0.5, 1, 150))
    assert fitted.estimator_.model_.output_shape == (None, 3)  # known, though not labeled
    fitted.teach(indices=np.arange(100, 130), y=NAMES[100:130])
    assert fitted.score(X, NAMES) > 0.8


def test_finetuning_goes_on_and_keeps_the_classes():
    fitted = campaign(network(), update="finetune", store_rounds=True).fit(X, NAMES)
    assert [record["from_scratch"] for record in fitted.history_] == [True, False, False]
    assert fitted.estimator_.classes_.tolist() == np.unique(NAMES).tolist()
    assert len(list(fitted.staged_predict(X))) == 3


def test_a_keras_model_is_trained_from_its_own_weights_in_every_round():
    model = build({"X_shape_": (None, 4), "n_classes_": 3}, dropout=0)
    before = model.get_weights()
    estimator = network(model=model, epochs=0)
    fitted = campaign(estimator).fit(X, Y)
    assert fitted.n_rounds_ == 2
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_pickle_clone_and_checkpoint(tmp_path):
    fitted = campaign(network(), checkpoint=tmp_path / "c").fit(X, NAMES)
    loaded = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_allclose(loaded.predict_proba(X), fitted.predict_proba(X), atol=1e-6)
    resumed = clone(fitted).set_params(budget=60).fit(X, NAMES)
    straight = clone(fitted).set_params(budget=60, checkpoint=None).fit(X, NAMES)
    np.testing.assert_array_equal(resumed.labeled_indices_, straight.labeled_indices_)
    np.testing.assert_array_equal(resumed.labeled_indices_[:45], fitted.labeled_indices_)


@pytest.mark.slow
def test_grid_over_the_network_and_the_strategy():
    search = GridSearchCV(
        make_pipeline(StandardScaler(), campaign(network(), EntropyDensityPeaks(), budget=30)),
        {
            "activelearningclassifier__strategy__prefilter": [2, 4],
            "activelearningclassifier__estimator__model__units": [4, 16],
        },
        cv=2,
    ).fit(X, NAMES)
    assert len(search.cv_results_["params"]) == 4
    assert search.best_score_ > 0.6
    best = search.best_estimator_[-1].estimator_.model_
    wanted = search.best_params_["activelearningclassifier__estimator__model__units"]
    assert best.layers[0].units == wanted


def keras_model(X, y):
    import keras

    keras.utils.set_random_seed(0)
    inputs = keras.Input(X.shape[1:])
    hidden = keras.layers.Dense(8, "relu")(inputs)
    outputs = keras.layers.Dense(y.shape[1] if y.ndim > 1 else 3, "softmax")(hidden)
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.Adam(0.05), "categorical_crossentropy")
    return model


def test_the_wrapper_of_keras():
    from keras.wrappers import SKLearnClassifier

    model = SKLearnClassifier(keras_model, fit_kwargs={"epochs": 10, "verbose": 0})
    for strategy in (RandomSampling(), BADGE()):
        fitted = campaign(model, strategy, n_instances=30).fit(X, NAMES)
        assert fitted.score(X, NAMES) > 0.7
        assert fitted.estimator_.fit_kwargs["epochs"] == 10
    with pytest.raises(TypeError, match="use update='retrain'"):
        campaign(model, update="finetune").fit(X, NAMES)


def build_by_target(meta):
    """Build what SciKeras's own examples build: a sigmoid for two classes, else a softmax."""
    import keras

    binary = meta["target_type_"] == "binary"
    ends = (1, "sigmoid") if binary else (meta["n_classes_"], "softmax")
    return keras.Sequential([keras.Input(meta["X_shape_"][1:]), keras.layers.Dense(*ends)])


def build_fixed(loss="sparse_categorical_crossentropy"):
    """Build a network with three outputs, whatever is labeled."""
    import keras

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "softmax")])
    model.compile(keras.optimizers.Adam(0.1), loss)
    return model


def wrapped_by_scikeras(loss, model):
    parameters = {"model__loss": loss} if model is build_fixed else {}
    return network(model=model, loss=loss, random_state=0, **parameters)


def compiled_by_its_builder(loss, model):
    from scikeras.wrappers import KerasClassifier

    return KerasClassifier(build_fixed, epochs=5, verbose=0, random_state=0)


def wrapped_by_keras(loss, model):
    from keras.wrappers import SKLearnClassifier

    return SKLearnClassifier(build_fixed(loss), fit_kwargs={"epochs": 5, "verbose": 0})


@pytest.mark.parametrize(
    ("make", "loss", "model"),
    [
        (wrapped_by_scikeras, "sparse_categorical_crossentropy", build_by_target),
        (wrapped_by_scikeras, "categorical_crossentropy", build_by_target),
        (wrapped_by_scikeras, "categorical_crossentropy", build_fixed),
        (compiled_by_its_builder, "sparse_categorical_crossentropy", build_fixed),
        (wrapped_by_keras, "categorical_crossentropy", build_fixed),
    ],
)
def test_the_network_knows_classes_that_no_label_has_shown(make, loss, model):
    """Every first label is of two of the three classes."""
    two = np.flatnonzero(Y < 2)
    marked = np.full(len(Y), None, dtype=object)
    marked[two[::5]] = NAMES[two[::5]]
    estimator = make(loss, model)
    for pipeline in (estimator, make_pipeline(StandardScaler(), estimator)):
        fitted = campaign(pipeline, MarginSampling(), classes=np.unique(NAMES), budget=None)
        fitted.fit(X, marked)
        if make is not wrapped_by_keras:  # which has no predict_proba
            assert fitted.predict_proba(X).shape == (150, 3)
        rows = fitted.query(n_instances=30)
        fitted.teach(indices=rows, y=NAMES[rows])
        assert fitted.classes_.tolist() == sorted(set(NAMES))
        last = fitted.estimator_ if pipeline is estimator else fitted.estimator_[-1]
        assert type(last) is type(estimator)
        assert np.asarray(last.classes_).tolist() == sorted(set(NAMES))
        if make is not wrapped_by_keras:  # Keras cannot load a compiled model that was not trained
            again = pickle.loads(pickle.dumps(fitted))
            np.testing.assert_array_equal(again.predict(X), fitted.predict(X))


def test_a_fold_without_a_class_is_validated_with_all_outputs():
    # The third class is one group, so one of two folds is trained without it.
    groups = np.where(Y < 2, np.arange(150), 100)
    fitted = campaign(
        wrapped_by_scikeras("categorical_crossentropy", build_fixed),
        RandomSampling(),
        n_initial=40,
        stopping=TargetScore(0.0, validation=2),
        budget=None,
    ).fit(X, NAMES, groups=groups)
    assert "reaches the target of 0.0" in fitted.stop_reason_


def test_an_error_of_the_network_names_the_labels():
    wrong = network(model=build_by_target, loss="sparse_categorical_crossentropy", optimizer="sgd")
    wrong.set_params(optimizer__learning_rate=0.1)
    with pytest.raises(Exception, match="SparseSoftmaxCrossEntropy") as caught:
        campaign(wrong).fit(X[:100], NAMES[:100])
    assert "labels so far: " in caught.value.__notes__[0]


def build_sigmoid(meta):
    import keras

    return keras.Sequential([keras.Input(meta["X_shape_"][1:]), keras.layers.Dense(1, "sigmoid")])


@pytest.mark.parametrize("y", [[1, 0] * 4, [1] * 8])
def test_one_output_for_one_row(y):
    from scikeras.wrappers import KerasClassifier

    estimator = KerasClassifier(build_sigmoid, loss="binary_crossentropy", verbose=0)
    campaign = ActiveLearningClassifier(
        estimator, MarginSampling(), n_initial=4, n_instances=2, budget=6, random_state=0
    )
    campaign.fit(X[:8], y)
    probabilities = campaign.predict_proba(X[:8])
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(campaign.predict_proba(X[:1]), probabilities[:1], rtol=1e-6)


def test_a_regressor_is_refused():
    from scikeras.wrappers import KerasRegressor

    with pytest.raises(TypeError, match="KerasRegressor is a regressor"):
        campaign(KerasRegressor(build, loss="mse")).fit(X, Y)


@pytest.mark.slow
def test_a_seeded_campaign_leaves_tensorflow_as_it_was():
    """In a process of its own: TensorFlow settles this when it is first asked."""
    program = """
import numpy as np, tensorflow as tf
from tests.campaign.test_scikeras import X, Y, campaign, network
campaign(network(epochs=1), budget=15).fit(X, Y)
tf.random.uniform(())  # fails where ops must be deterministic and no seed is set
"""
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True, cwd=root)


@pytest.mark.slow
def test_spoken_digits_behind_mfcc(fsdd_home):
    """The first example of the docstring, on real recordings."""
    import keras

    from skal.audio import MFCC
    from skal.datasets import load_fsdd

    def cnn(meta, filters=8):
        inputs = keras.Input(meta["X_shape_"][1:])
        h = keras.layers.BatchNormalization()(inputs)
        for n in (filters, 2 * filters):
            h = keras.layers.Conv2D(n, 3, padding="same", activation="relu")(h)
            h = keras.layers.MaxPooling2D(2)(h)
        h = keras.layers.Dropout(0.3)(keras.layers.Flatten()(h))
        return keras.Model(inputs, keras.layers.Dense(meta["n_classes_"], "softmax")(h))

    digits = load_fsdd(fsdd_home)
    rows = np.random.RandomState(0).permutation(len(digits.target))[:400]
    paths = [digits.paths[row] for row in rows]
    features = MFCC(sr=8000, n_mfcc=20, n_fft=512, hop_length=200, duration=0.6)
    network_ = network(model=cnn, epochs=15, optimizer__learning_rate=0.003)
    model = make_pipeline(
        features, campaign(network_, EntropySampling(), n_initial=60, budget=150, n_instances=45)
    )
    grid = {
        "activelearningclassifier__strategy": [MarginSampling(), EntropyDensityPeaks()],
        "activelearningclassifier__estimator__model__filters": [4, 8],
    }
    search = GridSearchCV(model, grid, cv=2, error_score="raise").fit(paths, digits.target[rows])
    assert search.best_score_ > 0.5
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
