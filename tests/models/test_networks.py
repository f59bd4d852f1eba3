"""Networks: sizes that others published, learning, penalties, and what scikit-learn asks."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skal.models import (
    CNNClassifier,
    CompactCNN,
    DenseNet,
    PiczakCNN,
    ResNet,
    SegmentVoting,
    VGGish,
)
from tests.models.test_gradients import one_by_one

SMALL = {
    "vggish": VGGish(filters=(8, 12), n_embedding=16, n_hidden=8, dropout=0.1, l2=1e-3),
    "resnet": ResNet(8, filters=(6, 8, 12), l2=1e-3),
    "piczak": PiczakCNN(filters=(8, 8), units=(24, 24), dropout=0.1),
}
WIDTHS = {"vggish": 16, "resnet": 12, "piczak": 24}


def bands_sounds(shape=(12, 16, 2), n_samples=60, random_state=0):
    """Make spectrograms whose class is the band that is loud."""
    rng = np.random.RandomState(random_state)
    y = np.arange(n_samples) % 3
    X = rng.normal(size=(n_samples, *shape)).astype(np.float32)
    for i, label in enumerate(y):
        X[i, ..., 4 * label : 4 * label + 3, :, :] += 2
    return X, y


@pytest.fixture(scope="module", params=sorted(SMALL))
def fitted(request):
    """Give the name of a network, a classifier fitted with it, and its data."""
    X, y = bands_sounds()
    classifier = CNNClassifier(clone(SMALL[request.param]), steps=100, random_state=0)
    return request.param, classifier.fit(X, y), X, y


def n_trained(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


def test_weights_of_vggish_counted_by_hand():
    model = VGGish().build((60, 41, 2), 10)
    convolutions = 9 * 2 * 64 + 2 * 64 + 9 * 64 * 128 + 2 * 128
    dense = 15 * 10 * 128 * 128 + 2 * 128 + 128 * 32 + 2 * 32
    assert n_trained(model) == convolutions + dense + 32 * 10 + 10
    assert model.get_layer("embedding").output.shape == (None, 128)


def test_weights_of_piczak_counted_by_hand():
    model = PiczakCNN(units=(700, 500)).build((60, 41, 2), 50)
    convolutions = 57 * 6 * 2 * 80 + 80 + 3 * 80 * 80 + 80
    # 36 frames are pooled to 12, convolved to 10, pooled to 3.
    dense = 3 * 80 * 700 + 700 + 700 * 500 + 500
    assert model.get_layer("pool1").output.shape == (None, 1, 12, 80)
    assert n_trained(model) == convolutions + dense + 500 * 50 + 50


@pytest.mark.slow
def test_piczak_as_published_can_be_built():
    model = PiczakCNN(units=(5000, 5000)).build((60, 41, 2), 50)
    assert 26e6 < n_trained(model) < 27e6


@pytest.mark.parametrize(
    ("network", "shape", "n_classes", "low", "high"),
    [
        # 0.27 million: He et al., table 6; theirs has no weights in its shortcuts.
        (ResNet(20, filters=(16, 32, 64)), (32, 32, 3), 10, 268e3, 276e3),
        # What everybody's ResNet-50 has, the 1,000 classes of ImageNet included.
        pytest.param(
            ResNet(50), (60, 41, 3), 1000, 25_557_032, 25_557_032, marks=pytest.mark.slow
        ),
    ],
)
def test_weights_of_resnet_as_published(network, shape, n_classes, low, high):
    assert low <= n_trained(network.build(shape, n_classes)) <= high


@pytest.mark.parametrize("depth", [8, 14, 32])
def test_depth_is_the_number_of_layers_with_weights(depth):
    model = ResNet(depth, filters=(4, 4, 4)).build((8, 8, 1), 3)
    deep = [x.name for x in model.layers if x.name.endswith("_conv") and "skip" not in x.name]
    assert len(deep) + 1 == depth


@pytest.mark.parametrize("shape", [(60, 41), (1, 1), (3, 200, 2), (64, 2, 1)])
@pytest.mark.parametrize("name", sorted(SMALL))
def test_any_size_gives_distributions(name, shape):
    model = SMALL[name].build(shape, 4, np.random.RandomState(0))
    P = model(np.random.RandomState(0).normal(size=(2, *shape))).numpy()
    assert P.shape == (2, 4)
    np.testing.assert_allclose(P.sum(axis=1), 1, rtol=1e-5)
    assert model.get_layer("logits").output.shape == (None, 4)


def test_fifty_layers_give_distributions():
    model = ResNet(50, filters=(2, 2, 3, 3)).build((9, 7, 2), 3, np.random.RandomState(0))
    deep = [x.name for x in model.layers if x.name.endswith("_conv") and "skip" not in x.name]
    assert len(deep) + 1 == 50
    assert model.get_layer("embedding").output.shape == (None, 12)
    X = np.random.RandomState(0).normal(size=(2, 9, 7, 2))
    np.testing.assert_allclose(model(X).numpy().sum(axis=1), 1, rtol=1e-5)


def test_learns(fitted):
    name, classifier, _, _ = fitted
    X_new, y_new = bands_sounds(random_state=1)
    assert classifier.score(X_new, y_new) > 0.85
    assert classifier.embed(X_new).shape == (60, WIDTHS[name])
    samples = classifier.sample_proba(X_new[:9], 4, random_state=0)
    assert samples.shape == (4, 9, 3)
    assert samples.std(axis=0).max() > 1e-3


def test_gradient_length_is_that_of_the_loss_without_penalty(fitted):
    # Sampling makes networks that share the layers: the closed form has to see past them.
    _, classifier, X, _ = fitted
    classifier.sample_proba(X[:2], 2, random_state=0)
    lengths = classifier.gradient_length(X[:5])
    np.testing.assert_allclose(lengths[:3], one_by_one(classifier, X[:3]), rtol=1e-3)
    assert classifier._engine.gradient_length._known


def test_pickle_gives_the_same_answers(fitted):
    _, classifier, X, _ = fitted
    again = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(again.predict_proba(X), classifier.predict_proba(X))


def test_weights_drawn_in_place_have_the_spread_of_a_fresh_network(fitted):
    name, classifier, X, y = fitted
    classifier = clone(classifier).set_params(steps=0)
    drawn, fresh = [], []
    for seed in range(8):
        drawn.append(classifier.set_params(random_state=seed).fit(X, y).get_weights())
        model = SMALL[name].build(X.shape[1:], 3, np.random.RandomState(100 + seed))
        fresh.append(model.get_weights())
    drawn, fresh = (list(zip(*weights, strict=True)) for weights in (drawn, fresh))
    # The first two arrays are the normalization, which comes from the data.
    for ours, theirs in zip(drawn[2:], fresh[2:], strict=True):
        if ours[0].ndim == 1:
            np.testing.assert_array_equal(ours, theirs)
        else:
            error = 4 / np.sqrt(2 * np.size(ours))
            assert np.std(ours) / np.std(theirs) == pytest.approx(1, abs=0.02 + error)
            assert abs(np.mean(ours)) < 4 * np.std(ours) / np.sqrt(np.size(ours))
            assert len({array.tobytes() for array in ours}) == len(ours)


@pytest.mark.parametrize("dense", [True, False])
def test_training_adds_the_penalty_to_the_loss(dense):
    X, y = bands_sounds((12, 6, 1), 12)
    network = VGGish(filters=(3,), n_embedding=4, n_hidden=3, dropout=0.0)
    if dense:
        network = PiczakCNN(filters=(2, 2), units=(4,), dropout=0.0)
    losses, kernels = [], []
    for l2 in (0.0, 0.3):
        classifier = CNNClassifier(
            clone(network).set_params(l2=l2), augmentation=None, steps=1, random_state=0
        ).fit(X, y)
        losses.append(classifier.loss_curve_[0])
        classifier.set_params(steps=0).fit(X, y)
        kernels = [w for w in classifier.get_weights() if w.ndim > 1]
    penalty = 0.3 * sum(float(np.sum(kernel**2)) for kernel in kernels)
    assert losses[1] - losses[0] == pytest.approx(penalty, rel=1e-4)


def test_plain_scikeras_penalizes_too():
    from scikeras.wrappers import KerasClassifier

    X, y = bands_sounds((12, 6, 1), 24)
    plain = KerasClassifier(model=VGGish(filters=(2,)), model__n_hidden=3, epochs=1, verbose=0)
    plain.fit(X, y)
    assert plain.model_.get_layer("hidden").output.shape == (None, 3)
    assert len(plain.model_.losses) == 4


@pytest.mark.slow
def test_a_grid_over_parameters():
    X, y = bands_sounds((12, 6, 1), 24)
    network = SegmentVoting(PiczakCNN(filters=(2, 2), units=(4,)))
    grid = {"network__network__l2": [0.0, 30.0], "network__network__dropout": [0.4]}
    search = GridSearchCV(CNNClassifier(network, steps=60, random_state=0), grid, cv=2)
    search.fit(np.repeat(X[:, None], 2, axis=1), y)
    assert search.best_estimator_.network_.network.dropout == 0.4
    assert search.best_params_["network__network__l2"] == 0.0


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (ResNet(9), "'depth' parameter of ResNet"),
        (ResNet(50, filters=(1, 2, 3)), "has 4 stages"),
        (ResNet(8, filters=(1, 2)), "has 3 stages"),
        (PiczakCNN(filters=(3,)), "two convolutions"),
        (PiczakCNN(units=()), "units is empty"),
        (VGGish(l2=-1.0), "'l2' parameter of VGGish"),
        (SegmentVoting(VGGish(dropout=1.5)), "'dropout' parameter of VGGish"),
        (SegmentVoting("vggish"), "'network' parameter of SegmentVoting"),
    ],
)
def test_wrong_parameters_are_named(network, message):
    with pytest.raises(ValueError, match=message):
        network.build((3, 8, 8, 1) if isinstance(network, SegmentVoting) else (8, 8, 1), 3)


@pytest.mark.parametrize("network", [VGGish(), ResNet(), PiczakCNN(), CompactCNN()])
def test_rows_of_features_are_refused_by_name(network):
    with pytest.raises(ValueError, match=type(network).__name__ + " takes spectrograms"):
        network.build((7,), 3)


def test_old_homes_still_have_the_networks():
    from skal.models import networks

    assert networks.CompactCNN is CompactCNN
    assert networks.DenseNet is DenseNet
