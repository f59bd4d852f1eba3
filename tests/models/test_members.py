"""Networks side by side: each is trained as if it were alone, and all vote."""

import pickle
from unittest.mock import patch

import numpy as np
import pytest
from sklearn.base import clone

from skal.models import CNNClassifier, CompactCNN, Network, SegmentVoting
from skal.models.engine import engine as engines
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


def test_pickles_from_before_there_were_members_hold_one_network():
    parameters = PAIR.get_params()
    del parameters["n_members"], parameters["time_stride"]
    old = base._restore(CompactCNN, parameters)
    assert (old.n_members, old.time_stride) == (1, 2)
    again = pickle.loads(pickle.dumps(PAIR))
    assert (again.n_members, again.time_stride) == (2, "auto")


@pytest.mark.parametrize(
    ("n_samples", "n_members", "size"),
    [(64, 4, 16), (64, 6, 16), (64, 2, 32), (20, 6, 16), (7, 3, 7), (1, 2, 1)],
)
def test_members_share_a_batch(n_samples, n_members, size):
    from skal.models.engine.training.members import dealt_rows

    rows = dealt_rows(n_samples, n_members, 16).numpy()
    assert rows.shape == (size, n_members)
    assert rows.min() >= 0
    assert rows.max() < n_samples
    assert all(len(set(own)) == size for own in rows.T)
    n_uses = np.bincount(rows.ravel(), minlength=n_samples)
    assert n_uses.min() >= 1
    if n_members <= 4 and size * n_members == n_samples:
        np.testing.assert_array_equal(n_uses, 1)


def test_each_member_is_trained_on_its_own_part_of_every_batch(engine, monkeypatch):
    X, y = bands_sounds(SHAPE, 80)
    weight = np.linspace(0.5, 1.5, 80)
    batches = [np.random.RandomState(step).permutation(80)[:40] for step in range(4)]
    both = CNNClassifier(
        clone(PAIR),
        steps=0,
        engine=engine,
        optimizer="sgd",
        augmentation=None,
        warm_start=True,
        warm_steps=1.0,
        random_state=0,
    ).fit(X, y, sample_weight=weight)
    alone = clone(both).set_params(network__n_members=1).fit(X, y, sample_weight=weight)
    first = both.get_weights()
    monkeypatch.setattr(engines, "draw_batches", lambda *_: iter(batches))
    both.set_params(steps=4).fit(X, y, sample_weight=weight)
    wanted = member_probabilities(both, X)
    for member in range(2):
        both.set_weights(first)
        alone.set_params(steps=0).fit(X, y, sample_weight=weight)
        give_member(both, member, alone)
        own = [batch[20 * member : 20 * member + 20] for batch in batches]
        monkeypatch.setattr(engines, "draw_batches", lambda *_, own=own: iter(own))
        alone.set_params(steps=4).fit(X, y, sample_weight=weight)
        np.testing.assert_allclose(alone.predict_proba(X), wanted[:, member], rtol=2e-3)


def test_a_dealt_sample_keeps_all_its_segments():
    from skal.models.networks._member_layers import MemberStem, dealing

    X = np.random.RandomState(0).normal(size=(3, 2, 5, 6, 1)).astype(np.float32)
    stem = MemberStem(2, 8, 3, strides=2, padding="same", use_bias=False)
    everything = stem(X.reshape(6, 5, 6, 1)).numpy().reshape(3, 2, 3, 3, 8)
    with dealing(np.array([[2, 0], [0, 1]]), 3):
        dealt = stem(X.reshape(6, 5, 6, 1)).numpy().reshape(2, 2, 3, 3, 8)
    np.testing.assert_allclose(dealt[..., :4], everything[[2, 0]][..., :4], rtol=1e-5)
    np.testing.assert_allclose(dealt[..., 4:], everything[[0, 1]][..., 4:], rtol=1e-5)


class TwoHalves(Network):
    """A network of somebody else, whose members begin with a layer of their own."""

    n_members = 2

    def body(self, x, layers, seeds):
        return layers.Dense(8, kernel_initializer=seeds.he(), name=self.embedding_layer)(x)


def test_members_of_another_network_all_see_the_whole_batch(engine):
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(30, 4)), np.arange(30) % 3
    classifier = CNNClassifier(TwoHalves(), steps=1, batch_size=30, engine=engine, random_state=0)
    before = clone(classifier).set_params(steps=0, warm_start=True).fit(X, y)
    targets = np.full((30, 3), 0.05 / 3) + 0.95 * np.eye(3)[y]
    losses = -(targets[:, None] * np.log(member_probabilities(before, X))).sum(axis=2)
    np.testing.assert_allclose(classifier.fit(X, y).loss_curve_, losses.mean(), rtol=1e-4)


@pytest.mark.parametrize(
    ("time_stride", "n_frames", "shape"),
    [("auto", 99, (6, 50)), ("auto", 100, (6, 25)), (3, 10, (6, 4)), (5, 2, (6, 1))],
)
def test_the_first_block_steps_over_time(time_stride, n_frames, shape):
    model = clone(PAIR).set_params(time_stride=time_stride).build((12, n_frames), 3)
    assert model.get_layer("conv1").output.shape[1:3] == shape


def test_members_draw_larger_batches(engine):
    X, y = bands_sounds(SHAPE, 100)
    seen = []
    classifier = CNNClassifier(clone(PAIR), steps=1, engine=engine, random_state=0)
    for network in (PAIR, clone(PAIR).set_params(n_members=1), SegmentVoting(clone(PAIR))):
        Z = X[:, None] if isinstance(network, SegmentVoting) else X
        with patch.object(engines, "draw_batches", wraps=engines.draw_batches) as draw:
            classifier.set_params(network=network).fit(Z, y)
        seen.append(draw.call_args.args[1])
    assert seen == [64, 32, 64]


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
