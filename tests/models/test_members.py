"""Networks side by side: each is trained as if it were alone, and all vote."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone

from skal.models import CNNClassifier, CompactCNN, SegmentVoting
from skal.models.networks import base
from tests.models.test_networks import bands_sounds

PAIR = CompactCNN(filters=(3, 4), n_embedding=5, dropout=0.0, n_members=2)
SHAPE = (12, 16, 2)


@pytest.fixture(scope="module", params=["keras", "tensorflow"])
def engine(request):
    return request.param


def member_probabilities(classifier, X):
    """Probabilities of each member, by NumPy from the embedding."""
    Z = classifier.embed(X).reshape(len(X), classifier.network_.n_members, -1)
    kernel, bias = classifier._engine.model.get_layer("member_logits").get_weights()
    shape = Z.shape[1], len(classifier.classes_)
    scores = np.einsum("nmi,imu->nmu", Z, kernel.reshape(-1, *shape)) + bias.reshape(shape)
    odds = np.exp(scores)
    return odds / odds.sum(axis=2, keepdims=True)


def give_member(classifier, member, other):
    """Copy the weights of one member into a network that is alone."""
    n_members = classifier.network_.n_members
    theirs = {layer.name: layer.get_weights() for layer in classifier._engine.model.layers}
    for layer in other._engine.model.layers:
        if not layer.get_weights() or layer.name == "normalization":
            continue
        name = f"conv2_{member + 1}" if layer.name == "conv2" else layer.name
        weights = theirs["member_logits" if name == "logits" else name]
        if layer.name != "conv2":
            weights = [np.split(array, n_members, axis=-1)[member] for array in weights]
        layer.set_weights(weights)


@pytest.mark.parametrize("head", ["pool", "flatten"])
@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_each_member_is_trained_as_if_it_were_alone(engine, head, optimizer):
    X, y = bands_sounds(SHAPE, 30)
    network = clone(PAIR).set_params(head=head)
    both = CNNClassifier(
        network,
        steps=0,
        batch_size=8,
        optimizer=optimizer,
        engine=engine,
        augmentation=None,
        warm_start=True,
        warm_steps=1.0,
        random_state=0,
    ).fit(X, y)
    alone = clone(both).set_params(network__n_members=1).fit(X, y)
    first = both.get_weights()
    both.set_params(steps=6).fit(X, y)
    assert np.abs(both.get_weights()[2] - first[2]).max() > 1e-4
    losses, wanted = [], member_probabilities(both, X)
    assert np.abs(wanted[:, 0] - wanted[:, 1]).max() > 1e-2
    np.testing.assert_allclose(both.predict_proba(X), wanted.mean(axis=1), rtol=1e-4)
    for member in range(2):
        both.set_weights(first)
        alone.set_params(steps=0).fit(X, y)
        give_member(both, member, alone)
        alone.set_params(steps=6).fit(X, y)
        losses.append(alone.loss_curve_)
        np.testing.assert_allclose(alone.predict_proba(X), wanted[:, member], rtol=2e-3)
    np.testing.assert_allclose(both.loss_curve_, np.mean(losses, axis=0), rtol=1e-4)


def test_members_of_segments_vote_one_by_one():
    X, y = bands_sounds((2, 12, 16, 1), 12)
    network = SegmentVoting(clone(PAIR))
    classifier = CNNClassifier(network, steps=3, augmentation=None, random_state=0).fit(X, y)
    model = classifier._engine.model
    assert model.get_layer("member_votes").output.shape == (None, 2, 3)
    assert classifier.embed(X).shape == (12, 10)
    one_segment = np.repeat(X[:, :1], 2, axis=1)
    other_segment = np.repeat(X[:, 1:], 2, axis=1)
    parts = [classifier.predict_proba(part) for part in (one_segment, other_segment)]
    np.testing.assert_allclose(classifier.predict_proba(X), np.mean(parts, axis=0), rtol=1e-4)


def test_a_network_made_from_its_description_gives_the_same_probabilities():
    from skal.models._backend import keras

    model = PAIR.build(SHAPE, 3, np.random.RandomState(0))
    X = bands_sounds(SHAPE, 5)[0]
    again = keras.models.model_from_json(model.to_json())
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again(X), model(X))


def test_one_network_is_the_default():
    assert CompactCNN().n_members == 1


def test_pickles_from_before_there_were_members_hold_one_network():
    parameters = PAIR.get_params()
    del parameters["n_members"]
    assert base._restore(CompactCNN, parameters).n_members == 1
    assert pickle.loads(pickle.dumps(PAIR)).n_members == 2


def test_starts_from_saved_members_and_refuses_one_network():
    X, y = bands_sounds(SHAPE, 12)
    donor = CNNClassifier(clone(PAIR), steps=2, random_state=0).fit(X, y)
    heir = CNNClassifier(clone(PAIR), steps=0, random_state=1, pretrained=donor).fit(X, y)
    np.testing.assert_array_equal(heir.predict_proba(X), donor.predict_proba(X))
    heir.set_params(pretrained=donor).fit(X, np.array(["a", "b", "c"])[y])
    ours, theirs = (
        one._engine.model.get_layer("member_logits").get_weights()[0] for one in (heir, donor)
    )
    assert (ours != theirs).all()
    np.testing.assert_array_equal(heir.embed(X), donor.embed(X))
    with pytest.raises(ValueError, match="Give the classifier that network"):
        heir.set_params(network__n_members=1).fit(X, y)
