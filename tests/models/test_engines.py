"""The two engines compute the same: fused operations and optimizers against Keras's own."""

import numpy as np
import pytest

from skal.models import CNNClassifier, CompactCNN, DenseNet
from tests.models.test_classifier import bands_sounds

SMALL = CompactCNN(filters=(8, 16), stem_kernel_size=3, n_embedding=16, dropout=0.0, n_members=1)


@pytest.mark.parametrize("optimizer", ["adamw", "adam", "sgd", "rmsprop"])
def test_a_few_steps_change_the_weights_alike(optimizer):
    # Few steps: whatever is rounded otherwise grows with every further one.
    X, y = bands_sounds()
    params = {
        "steps": 3,
        "augmentation": None,
        "optimizer": optimizer,
        "weight_decay": 0.1,
        "learning_rate": 1e-3,
        "random_state": 0,
    }
    keras, plain = (
        CNNClassifier(SMALL, engine=engine, **params).fit(X, y)
        for engine in ("keras", "tensorflow")
    )
    np.testing.assert_allclose(keras.loss_curve_, plain.loss_curve_, rtol=1e-4)
    for theirs, ours in zip(keras.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=2e-4)
    np.testing.assert_allclose(plain.predict_proba(X), keras.predict_proba(X), atol=1e-3)


def test_rows_of_features_are_trained_alike():
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(80, 5)), rng.randint(3, size=80)
    keras, plain = (
        CNNClassifier(DenseNet(units=(8,)), engine=engine, steps=30, random_state=0).fit(X, y)
        for engine in ("keras", "tensorflow")
    )
    # Keras rounds its constants to 32 bits, also where the weights have 64.
    np.testing.assert_allclose(plain.predict_proba(X), keras.predict_proba(X), rtol=1e-4)


def test_both_engines_learn_as_much():
    X, y = bands_sounds(60)
    X_new, y_new = bands_sounds(200, random_state=1)
    X_new = X_new + np.random.RandomState(2).normal(size=X_new.shape)  # so that some are wrong
    scores = [
        [
            CNNClassifier(SMALL, engine=engine, steps=60, random_state=seed)
            .fit(X, y)
            .score(X_new, y_new)
            for seed in range(3)
        ]
        for engine in ("keras", "tensorflow")
    ]
    assert abs(np.mean(scores[0]) - np.mean(scores[1])) < 0.05
    assert np.mean(scores) > 0.8
