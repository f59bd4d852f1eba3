"""Samples of a network by dropout: each is one model for all rows."""

import numpy as np
import pytest
from sklearn.base import clone

from skal.learner import Learner
from skal.models import CNNClassifier, CompactCNN, DenseNet
from skal.models.engine.prediction.dropout import CompiledSampling, has_dropout
from skal.strategies import BALD, BatchBALD


def layers():
    """Return Keras's layers, imported when a test runs."""
    from skal.models._backend import keras

    return keras.layers


# Parts of networks for samples of shape (6, 8), each with dropout of another kind.
KINDS = {
    "plain": lambda k: [k.Flatten(), k.Dense(9, "relu"), k.Dropout(0.4), k.Dense(9)],
    "twice": lambda k: [k.Dropout(0.3), k.Flatten(), k.Dense(9, "relu"), k.Dropout(0.4)],
    "noise_shape": lambda k: [k.Dropout(0.4, noise_shape=(None, 1, None)), k.Flatten()],
    "spatial": lambda k: [k.SpatialDropout1D(0.4), k.Flatten()],
    "spatial2": lambda k: [
        k.Reshape((6, 4, 2)),
        k.SpatialDropout2D(0.4, data_format="channels_first"),
        k.Flatten(),
    ],
    "gaussian": lambda k: [k.GaussianDropout(0.4), k.Flatten()],
    "alpha": lambda k: [k.AlphaDropout(0.4), k.Flatten()],
    "lstm": lambda k: [k.LSTM(5, dropout=0.4, recurrent_dropout=0.3)],
    "gru": lambda k: [k.GRU(5, dropout=0.4)],
    "both_ways": lambda k: [k.Bidirectional(k.SimpleRNN(5, recurrent_dropout=0.4))],
    "cells": lambda k: [k.RNN([k.LSTMCell(5, dropout=0.4), k.GRUCell(4, recurrent_dropout=0.3)])],
    "wrapped": lambda k: [k.TimeDistributed(k.Dropout(0.4)), k.Flatten()],
}


def built(parts):
    """Build a network of these layers for three classes, of samples of shape (6, 8)."""
    from skal.models._backend import keras

    head = layers().Dense(3, activation="softmax")
    return keras.Sequential([keras.Input((6, 8)), *parts, head])


def nested():
    """Build a network with its dropout in another network."""
    from skal.models._backend import keras

    k = layers()
    inner = keras.Sequential([keras.Input((6, 8)), k.Dense(7, "relu"), k.Dropout(0.5)])
    return built([k.Dense(8), inner, k.Flatten()])


def attention():
    """Build a network with its dropout inside another layer."""
    from skal.models._backend import keras

    x = keras.Input((6, 8))
    y = layers().MultiHeadAttention(2, 4, dropout=0.4)(x, x)
    return keras.Model(x, layers().Dense(3, activation="softmax")(layers().Flatten()(y)))


def around():
    """Build a network with a connection around its dropout, which it uses twice."""
    from skal.models._backend import keras

    k, x = layers(), keras.Input((6, 8))
    flat, dropout = k.Flatten()(x), k.Dropout(0.4)
    y = k.Add()([flat, dropout(k.Dense(48)(dropout(flat)))])
    return keras.Model(x, k.Dense(3, activation="softmax")(y))


BUILDERS = {"nested": nested, "attention": attention, "around": around}
QUICK = ["plain", "spatial", "lstm", "nested", "around"]


@pytest.fixture(
    params=[
        pytest.param(kind, marks=[] if kind in QUICK else pytest.mark.slow)
        for kind in [*KINDS, *BUILDERS]
    ]
)
def network(request):
    from skal.models._backend import seeded_globally

    kind = request.param
    # With some weights, an output is nearly always 0, and the spread of 3,000 draws says little.
    with seeded_globally(0):
        return BUILDERS[kind]() if kind in BUILDERS else built(KINDS[kind](layers()))


@pytest.fixture(scope="module")
def rows():
    return np.random.RandomState(0).normal(size=(40, 6, 8)).astype("float32")


def sampled(sampling, X, n_passes=3, seed=0):
    return sampling(X, n_passes, np.random.RandomState(seed))


def test_a_sample_is_one_model(network, rows):
    """Equal rows get equal probabilities, in any block, order and call."""
    sampling = CompiledSampling(network)
    of_all = sampled(sampling, rows)
    assert of_all.shape == (3, 40, 3)
    assert of_all.std(axis=0).max() > 0.01
    blocks = [sampled(sampling, rows[i : i + 7]) for i in range(0, 40, 7)]
    np.testing.assert_array_equal(np.concatenate(blocks, axis=1), of_all)
    order = np.random.RandomState(1).permutation(40)
    np.testing.assert_array_equal(sampled(sampling, rows[order]), of_all[:, order])
    copies = sampled(sampling, np.repeat(rows[:3], 100, axis=0)).reshape(3, 3, 100, 3)
    np.testing.assert_array_equal(copies, np.repeat(of_all[:, :3, None], 100, axis=2))
    assert np.abs(sampled(sampling, rows, seed=1) - of_all).max() > 0.01
    # Fewer passes are the first of more, and what sampling switches on goes off again.
    np.testing.assert_array_equal(sampled(sampling, rows, 2), of_all[:2])
    from skal.models._backend import tf

    still = network(tf.constant(rows), training=False).numpy()
    np.testing.assert_array_equal(network(tf.constant(rows), training=False).numpy(), still)
    assert all("call" not in vars(layer) for layer in network._flatten_layers())


def test_samples_have_the_distribution_of_keras(network, rows):
    """Mean and spread of many passes are those of Keras with a mask for each copy of a row."""
    n_copies = 3000
    from_keras = network(np.repeat(rows[:1], n_copies, axis=0), training=True).numpy()
    passes = sampled(CompiledSampling(network), rows[:1], n_copies)[:, 0]
    error = 5 * from_keras.std(axis=0).max() / np.sqrt(n_copies)
    np.testing.assert_allclose(passes.mean(axis=0), from_keras.mean(axis=0), atol=2 * error)
    np.testing.assert_allclose(passes.std(axis=0), from_keras.std(axis=0), rtol=0.1, atol=1e-3)


def test_a_noise_shape_without_rows(rows):
    k = layers()
    network = built([k.Dropout(0.4, noise_shape=(8,)), k.Flatten()])
    passes = sampled(CompiledSampling(network), rows, 50)
    assert passes.std(axis=0).max() > 0.01


def test_noise_and_dropout_of_rate_zero_are_not_dropout(rows):
    k = layers()
    network = built([k.GaussianNoise(0.5), k.Dropout(0), k.LSTM(4), k.GaussianDropout(0)])
    assert not has_dropout(network)
    with pytest.raises(ValueError, match=r"Dropout\(0\.2\)"):
        CompiledSampling(network)
    # Beside dropout, noise stays off.
    network = built([k.GaussianNoise(0.5), k.Flatten(), k.Dropout(1e-7)])
    passes = sampled(CompiledSampling(network), rows)
    np.testing.assert_allclose(passes, np.repeat(passes[:1], 3, axis=0), atol=1e-6)


@pytest.fixture(scope="module")
def trained():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(60, 8)).astype("float32")
    y = (X[:, 0] + rng.normal(size=60) / 2 > 0).astype(int) + (X[:, 1] > 0.7)
    classifier = CNNClassifier(
        DenseNet(units=(32,), dropout=0.4), steps=60, label_smoothing=0.0, random_state=0
    )
    return classifier.fit(X, y)


def test_batch_bald_prefers_new_rows_to_copies(trained):
    """Copies of a row are as probable as it, and share all their information."""
    distinct = np.random.RandomState(1).normal(size=(30, 8)).astype("float32")
    which = np.repeat(np.arange(30), 10)
    for seed in range(3):
        picked = which[BatchBALD(30).query(trained, distinct[which], 8, random_state=seed)]
        alone = BatchBALD(30).query(trained, distinct, 1, random_state=seed)
        assert picked[0] == alone[0]
        assert len(set(picked)) > 3


def test_scores_of_copies_are_equal(trained, monkeypatch):
    distinct = np.random.RandomState(1).normal(size=(30, 8)).astype("float32")
    scores = BALD(20).score(Learner(trained), np.repeat(distinct, 10, axis=0), random_state=0)
    np.testing.assert_array_equal(scores, np.repeat(scores[::10], 10))
    # The learner asks in blocks; each of them must meet the same models.
    monkeypatch.setattr("skal.learner._NUMBERS", 1)
    monkeypatch.setattr("skal.learner._BLOCK", 7)
    in_blocks = BALD(20).score(Learner(trained), np.repeat(distinct, 10, axis=0), random_state=0)
    np.testing.assert_array_equal(in_blocks, scores)


@pytest.mark.parametrize("builds", ["network", "function"])
def test_asked_before_training(builds):
    """The instance says whether it will have samples, and trains nothing for it."""

    def function(meta, compile_kwargs):
        from skal.models._backend import keras

        parts = [layers().Flatten(), layers().Dropout(0.3 if drops else 0.0)]
        head = layers().Dense(meta["n_classes_"], activation="softmax")
        model = keras.Sequential([keras.Input(meta["X_shape_"][1:]), *parts, head])
        model.compile(**compile_kwargs)
        return model

    X = np.zeros((2, 6, 8), dtype="float32")
    for drops in (True, False):
        network = CompactCNN(filters=(2,), n_embedding=3, dropout=0.3 * drops, n_members=1)
        classifier = CNNClassifier(network if builds == "network" else function, steps=1)
        assert classifier.why_not("sample_proba") is None
        reason = classifier.why_not("sample_proba", X, classes=["a", "b", "c"])
        assert (reason is None) == drops
        assert not classifier.__sklearn_is_fitted__()
        y = [0, 1, 2] * 2
        classifier.fit(np.repeat(X, 3, axis=0), y)
        assert (classifier.why_not("sample_proba") is None) == drops
        assert drops or "network__dropout" in reason


def test_other_questions_before_training():
    classifier = CNNClassifier(DenseNet())
    questions = ["predict_proba", "embed", "predict_proba_embed", "gradient_length", "augment"]
    assert [classifier.why_not(q) for q in questions] == [None] * 5
    classifier = clone(classifier).set_params(augmentation=None)
    assert "SpectrogramAugmentation" in classifier.why_not("augment")
    assert "no foresight" in classifier.why_not("foresight")
