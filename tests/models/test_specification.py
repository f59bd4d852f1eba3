"""What decides whether an engine serves again."""

from types import SimpleNamespace

import numpy as np
import pytest

from skal.models import CNNClassifier, CompactCNN, SpectrogramAugmentation
from skal.models.engine.specification import EngineSpec, copy_part
from tests.models.test_classifier import SMALL, bands_sounds


@pytest.fixture
def set_policy():
    """Set the policy of Keras for the length of a test."""
    from skal.models._backend import keras

    kept = keras.config.dtype_policy()
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy(kept)


def specify(network=None, augmentation=None, shape=(12, 10, 1), n_classes=3, **changes):
    trained = {"optimizer": "adamw", "weight_decay": 0.1, "engine": "keras", **changes}
    network = CompactCNN() if network is None else network
    return EngineSpec.of(network, shape, n_classes, augmentation, SimpleNamespace(**trained))


@pytest.mark.parametrize(
    ("change", "shares_weights"),
    [
        ({}, True),
        ({"network": CompactCNN(dropout=0.5)}, False),
        ({"network": SMALL}, False),
        ({"shape": (12, 11, 1)}, False),
        ({"n_classes": 4}, False),
        ({"augmentation": SpectrogramAugmentation()}, True),
        ({"optimizer": "sgd"}, True),
        ({"weight_decay": 0.0}, True),
        ({"engine": "tensorflow"}, True),
    ],
    ids=str,
)
def test_whatever_an_engine_is_made_from_counts(change, shares_weights):
    assert (specify() == specify(**change)) == (not change)
    assert specify().shares_weights(specify(**change)) == shares_weights


def test_a_network_that_was_changed_after_a_fit_is_another_one():
    network = CompactCNN()
    before, copied = specify(network), copy_part(network)
    network.set_params(dropout=0.5)
    assert specify(network) != before
    assert specify(copied) == before


def test_the_policy_of_keras_counts(set_policy):
    before = specify()
    set_policy("mixed_bfloat16")
    assert specify() != before
    assert specify().shares_weights(before)


@pytest.mark.parametrize("engine", ["keras", "tensorflow"])
def test_a_fit_computes_in_the_policy_of_its_day(engine, set_policy):
    X, y = bands_sounds()
    classifier = CNNClassifier(SMALL, engine=engine, steps=2, warm_start=True, random_state=0)
    classifier.fit(X, y)
    weights = classifier.get_weights()
    set_policy("float64")
    assert classifier.predict_proba(X).dtype == np.float32
    classifier.set_params(steps=0).fit(X, y)
    assert classifier.predict_proba(X).dtype == np.float64
    for before, after in zip(weights, classifier.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
