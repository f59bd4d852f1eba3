"""Segments: one network for all of them, against averages taken by hand."""

import numpy as np
import pytest
from sklearn.base import clone

from skal.audio import LogMelSpectrogram
from skal.models import (
    CNNClassifier,
    CompactCNN,
    DenseNet,
    ResNet,
    SegmentVoting,
    VGGish,
)
from tests.models.test_gradients import one_by_one
from tests.models.test_networks import bands_sounds

SMALL = CompactCNN(filters=(6, 8), stem_kernel_size=3, n_embedding=10, dropout=0.1, n_members=1)
SHAPE = (3, 12, 8, 2)


@pytest.fixture(scope="module")
def fitted():
    """Give a classifier fitted on segments, and its data."""
    X, y = bands_sounds(SHAPE)
    return CNNClassifier(clone(SMALL), steps=80, random_state=0).fit(X, y), X, y


def one_segment_at_a_time(classifier, X):
    """Give probabilities and embeddings of every segment by a network of segments alone."""
    model = SMALL.build(X.shape[2:], len(classifier.classes_))
    model.set_weights(classifier.get_weights())
    from skal.models._backend import keras

    both = keras.Model(model.inputs[0], [model.output, model.get_layer("embedding").output])
    parts = [[part.numpy() for part in both(sample, training=False)] for sample in X]
    return (np.stack([part[i] for part in parts]) for i in range(2))


def test_a_network_for_spectrograms_is_shared_over_segments(fitted):
    classifier, _, _ = fitted
    assert isinstance(classifier.network_, SegmentVoting)
    assert classifier.network_.network.get_params() == SMALL.get_params()
    assert isinstance(classifier.network, CompactCNN)


@pytest.mark.parametrize("network", [None, clone(SMALL)], ids=["default", "given"])
def test_segments_are_fitted_again_with_the_network_at_hand(network):
    X, y = bands_sounds(SHAPE, n_samples=12)
    classifier = CNNClassifier(network, steps=1, warm_start=True, random_state=0).fit(X, y)
    engine, weights = classifier._engine, classifier.get_weights()
    classifier.set_params(steps=0).fit(X, y)
    assert classifier._engine is engine
    for before, after in zip(weights, classifier.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_probabilities_and_embeddings_are_averages_by_hand(fitted):
    classifier, X, _ = fitted
    P, Z = classifier.predict_proba_embed(X)
    P_segments, Z_segments = one_segment_at_a_time(classifier, X)
    assert P_segments.std(axis=1).max() > 1e-3
    np.testing.assert_allclose(P, P_segments.mean(axis=1), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(Z, Z_segments.mean(axis=1), rtol=1e-4, atol=1e-5)


def test_logits_are_logarithms_of_averages_even_of_tiny_ones(fitted):
    from skal.models.engine.training.steps import logits_of

    classifier, X, _ = fitted
    logits = logits_of(classifier._engine.model)(X[:6]).numpy()
    np.testing.assert_allclose(np.exp(logits), classifier.predict_proba(X[:6]), rtol=1e-5)
    from skal.models.networks._segment_layers import SegmentVote

    scores = np.array([[0.0, -300.0], [0.0, -300.0]], dtype=np.float32)
    voted = SegmentVote(2)([scores, np.zeros((2, 1))]).numpy()
    np.testing.assert_allclose(voted, [[0, -300]], rtol=1e-6, atol=1e-6)


def test_learns_and_answers_everything(fitted):
    classifier, X, _ = fitted
    X_new, y_new = bands_sounds(SHAPE, random_state=1)
    assert classifier.score(X_new, y_new) > 0.9
    samples = classifier.sample_proba(X[:7], 5, random_state=0)
    assert samples.shape == (5, 7, 3)
    assert samples.std(axis=0).max() > 1e-3
    np.testing.assert_allclose(samples.sum(axis=2), 1, rtol=1e-4)
    again = classifier.sample_proba(X[:7], 5, random_state=0)
    np.testing.assert_array_equal(samples, again)


def test_gradients_are_those_of_whole_samples(fitted):
    classifier, X, _ = fitted
    lengths = classifier.gradient_length(X[:5])
    np.testing.assert_allclose(lengths[:3], one_by_one(classifier, X[:3]), rtol=1e-3)
    assert classifier._engine.gradient_length._known


@pytest.mark.slow
@pytest.mark.parametrize(
    "network",
    [
        VGGish(filters=(3, 4), n_embedding=5, n_hidden=4),
        ResNet(8, filters=(3, 3, 4)),
        CompactCNN(filters=(3, 4), n_embedding=4, head="pool", n_members=1),
    ],
)
def test_gradients_of_other_networks(network):
    X, y = bands_sounds((2, 12, 16, 1), 12)
    classifier = CNNClassifier(clone(network), steps=3, random_state=0).fit(X, y)
    np.testing.assert_allclose(
        classifier.gradient_length(X[:2]), one_by_one(classifier, X[:2]), rtol=1e-3
    )


def test_normalization_is_that_of_all_segments(fitted):
    classifier, X, _ = fitted
    np.testing.assert_allclose(classifier._mean, X.mean(axis=(0, 1, 2, 3)), rtol=1e-4)
    mean, variance = classifier._engine.normalization.get_weights()
    np.testing.assert_allclose(mean, X.mean(axis=(0, 1, 2, 3)), rtol=1e-4)
    np.testing.assert_allclose(variance, X.var(axis=(0, 1, 2, 3)), rtol=1e-4)


def test_augmentation_changes_each_segment_on_its_own(fitted):
    classifier, X, _ = fitted
    same = np.repeat(X[:4, :1], 3, axis=1)
    changed = classifier.augment(same, random_state=0)
    assert changed.shape == same.shape
    assert np.abs(changed[:, 0] - changed[:, 1]).max() > 0.1
    correlation = np.corrcoef(changed[0, 0].ravel(), same[0, 0].ravel())[0, 1]
    assert correlation > 0.3


def test_the_other_engine_shares_networks_too():
    X, y = bands_sounds(SHAPE)
    network = VGGish(filters=(6, 8), n_embedding=10, n_hidden=8, dropout=0.1, l2=1e-3)
    classifier = CNNClassifier(network, engine="tensorflow", steps=80, random_state=0).fit(X, y)
    assert classifier.score(*bands_sounds(SHAPE, random_state=1)) > 0.9
    # The last rate is next to nothing: what is left of the loss is mostly the penalty.
    kernels = [w for w in classifier.get_weights() if w.ndim > 1]
    assert classifier.loss_curve_[-1] > 1e-3 * sum(float(np.sum(w**2)) for w in kernels)
    lengths = classifier.gradient_length(X[:2])
    np.testing.assert_allclose(lengths, one_by_one(classifier, X[:2]), rtol=1e-3)


def test_rows_of_features_in_segments_vote_too():
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(30, 4, 5)), np.arange(30) % 2
    X[y == 1] += 1.5
    network = SegmentVoting(DenseNet(units=(8,), dropout=0.1))
    classifier = CNNClassifier(
        network, steps=40, learning_rate=0.02, augmentation=None, random_state=0
    ).fit(X, y)
    assert classifier.score(X, y) > 0.9
    assert classifier.embed(X).shape == (30, 8)
    assert classifier.get_params()["network__network__dropout"] == 0.1


def test_spectrograms_without_segments_are_refused():
    with pytest.raises(ValueError, match=r"samples of shape \(segments, bands, frames, chan"):
        SegmentVoting().build((12, 8, 2), 3)


def test_the_same_seed_draws_the_weights_of_a_single_segment():
    shared = SegmentVoting(SMALL).build(SHAPE, 3, np.random.RandomState(0))
    alone = SMALL.build(SHAPE[1:], 3, np.random.RandomState(0))
    for ours, theirs in zip(shared.get_weights(), alone.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_described_by_keras_and_built_again():
    from skal.models._backend import keras

    model = SegmentVoting(SMALL).build(SHAPE, 3, np.random.RandomState(0))
    again = keras.models.model_from_json(model.to_json())
    again.set_weights(model.get_weights())
    X = bands_sounds(SHAPE, 4)[0]
    np.testing.assert_array_equal(again(X).numpy(), model(X).numpy())


def test_features_of_the_predecessor_fit():
    waves = np.random.RandomState(0).normal(size=(6, 22050)).astype(np.float32)
    X = LogMelSpectrogram(segment_frames=41, deltas=1).transform(waves)
    assert X.shape[2:] == (60, 41, 2)
    network = VGGish(filters=(2, 2), n_embedding=4, n_hidden=3)
    classifier = CNNClassifier(network, steps=1, random_state=0).fit(X, np.arange(6) % 2)
    assert classifier.predict_proba(X).shape == (6, 2)
