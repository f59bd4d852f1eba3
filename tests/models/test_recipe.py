"""The recipe's schedule, batches, statistics, targets and augmentation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skal.models import CNNClassifier
from skal.models.augmentation import CompiledDistortion, SpectrogramAugmentation
from skal.models.engine.training.channel_statistics import channel_statistics
from skal.models.engine.training.targets import combine_weights, resolve_classes, smooth_targets
from skal.models.recipe import automatic_steps, cosine_schedule, draw_batches


@given(st.integers(1, 50), st.integers(1, 20), st.integers(0, 30), st.integers(0, 5))
def test_batches_use_every_sample_equally_often(n_samples, batch_size, n_steps, seed):
    batches = list(draw_batches(n_samples, batch_size, n_steps, np.random.RandomState(seed)))
    assert len(batches) == n_steps
    assert all(len(batch) == min(n_samples, batch_size) for batch in batches)
    counts = np.bincount(np.concatenate([[], *batches]).astype(int), minlength=n_samples)
    assert counts.max() - counts.min() <= 1


@given(st.integers(1, 500))
def test_schedule_rises_then_falls_to_zero(n_steps):
    rates = cosine_schedule(n_steps, 0.1)
    top = rates.argmax()
    assert len(rates) == n_steps and rates.min() >= 0 and rates.max() <= 0.1 + 1e-9
    assert np.all(np.diff(rates[: top + 1]) >= 0) and np.all(np.diff(rates[top:]) <= 0)
    if n_steps > 100:
        assert rates.max() > 0.099 and rates[-1] < 1e-4 and top < 0.06 * n_steps


def test_schedule_by_hand():
    rates = cosine_schedule(200, 0.1)
    np.testing.assert_allclose(rates[:10], 0.1 * (np.arange(10) + 0.5) / 10, rtol=1e-5)
    # Half of the way down, the rate is half of the highest, and the two halves mirror each other.
    np.testing.assert_allclose(rates[10:] + rates[:9:-1], 0.1, rtol=1e-5)
    assert np.all(np.diff(rates[10:]) < 0)
    np.testing.assert_allclose(
        cosine_schedule(8, 0.1, warmup=0.5)[:4], [0.0125, 0.0375, 0.0625, 0.0875]
    )
    np.testing.assert_allclose(cosine_schedule(1, 0.1), 0.05)  # it rises within the only step


def test_automatic_steps_grow_with_the_root():
    numbers = (1, 177, 179, 400, 2500, 4400, 4500, 10**6)
    assert [automatic_steps(n) for n in numbers] == [400, 400, 401, 600, 1500, 1990, 2000, 2000]


@given(st.integers(2, 20), st.integers(0, 20))
def test_every_epoch_has_an_order_of_its_own(n_samples, seed):
    n_samples *= 10  # orders of so many rows do not coincide by chance
    batches = draw_batches(n_samples, 10, 3 * n_samples // 10, np.random.RandomState(seed))
    epochs = np.concatenate(list(batches)).reshape(3, n_samples)
    np.testing.assert_array_equal(np.sort(epochs, axis=1), np.tile(np.arange(n_samples), (3, 1)))
    orders = [*map(tuple, epochs), tuple(range(n_samples))]
    assert len(set(orders)) == 4


def test_a_batch_that_begins_in_one_epoch_ends_in_the_next():
    first, second, third = draw_batches(5, 4, 3, np.random.RandomState(0))
    rows = np.concatenate([first, second, third])
    np.testing.assert_array_equal(np.sort(rows[:5]), np.arange(5))
    np.testing.assert_array_equal(np.sort(rows[5:10]), np.arange(5))


def test_networks_are_trained_by_the_recipe(monkeypatch):
    from skal.models import CNNClassifier, DenseNet
    from skal.models.engine.training.steps import CompiledTraining

    seen = {}

    def run(self, X, targets, weights, batches, rates, seed, mean, scale):
        seen.update(batches=np.stack(list(batches)), rates=rates)
        yield np.zeros(len(rates))

    monkeypatch.setattr(CompiledTraining, "run", run)
    X, y = np.random.RandomState(0).normal(size=(400, 3)), np.arange(400) % 2
    network = CNNClassifier(
        DenseNet(units=(2,)), batch_size=100, learning_rate=0.01, random_state=0
    ).fit(X, y)
    assert network.n_steps_ == len(seen["rates"]) == len(seen["batches"]) == 600
    np.testing.assert_allclose(seen["rates"][[0, 29]], [0.01 / 60, 0.01 * 29.5 / 30], rtol=1e-5)
    assert seen["rates"][-1] < 1e-6
    epochs = seen["batches"].reshape(150, 400)
    np.testing.assert_array_equal(np.sort(epochs, axis=1), np.tile(np.arange(400), (150, 1)))
    assert len({tuple(epoch) for epoch in epochs} | {tuple(range(400))}) == 151


@settings(max_examples=30)
@given(st.integers(1, 2500), st.integers(0, 3))
def test_statistics_equal_numpy(n_samples, seed):
    rng = np.random.RandomState(seed)
    X = rng.normal(5, 3, size=(n_samples, 2, 3)).astype(np.float32)
    X[..., 1] = 7.7
    weights = rng.uniform(0.1, 2, n_samples)
    kept = X.copy()
    mean, variance = channel_statistics(X, weights)
    np.testing.assert_array_equal(X, kept)
    cells, w = X.reshape(-1, 3).astype(float), np.repeat(weights, 2)
    wanted = np.average(cells, axis=0, weights=w)
    spread = np.average((cells - wanted) ** 2, axis=0, weights=w)
    np.testing.assert_allclose(mean, wanted, rtol=1e-6)
    np.testing.assert_allclose(variance[[0, 2]], spread[[0, 2]], rtol=1e-6)
    assert variance[1] == 1


def test_statistics_refuse_what_float32_cannot_hold():
    with pytest.raises(ValueError, match="too large"):
        channel_statistics(np.full((4, 2), 1e38), np.ones(4))


def test_weights_have_mean_one_and_leave_zeros_out():
    y = np.array(["a", "a", "a", "b"])
    weights, rows = combine_weights(y, "balanced", [1, 0, 1, 1])
    assert rows.tolist() == [0, 2, 3]
    np.testing.assert_allclose(weights, [0.75, 0.75, 1.5])
    weights, _ = combine_weights(y, {"a": 2, "b": 4, "never seen": 9})
    np.testing.assert_allclose(weights, np.array([2, 2, 2, 4]) / 2.5)


@pytest.mark.parametrize("scale", [1e-320, 1e-300, 1e300])
def test_weights_of_any_size_count_by_their_ratios(scale):
    weights, rows = combine_weights(np.zeros(500), None, np.tile([2 * scale, scale], 250))
    assert len(rows) == 500
    np.testing.assert_allclose(weights, np.tile([4 / 3, 2 / 3], 250), rtol=1e-3)


def test_a_class_of_weight_zero_is_left_out():
    y = np.repeat([0, 1, 2], 200)
    weights, rows = combine_weights(y, {0: 0.0, 1: 1.0, 2: 3.0}, np.r_[1e308, np.ones(599)])
    np.testing.assert_array_equal(rows, np.arange(200, 600))
    np.testing.assert_allclose(weights, np.repeat([0.5, 1.5], 200))


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [({0: 0, 1: 0}, "leaves no labels to train on"), ({0: -1, 1: 2}, "non-negative")],
)
def test_class_weights_that_make_no_sense_are_named(class_weight, message):
    with pytest.raises(ValueError, match=message):
        combine_weights(np.array([0, 1]), class_weight)


def test_weights_of_a_class_that_does_not_exist_are_refused():
    X, y = np.eye(3)[:, :2], np.array(["ant", "bee", "ant"])

    def fit(**params):
        return CNNClassifier(steps=1, **params).fit(X, y)

    with pytest.raises(ValueError, match=r"class_weight .*\['be'\]; did you mean 'bee'"):
        fit(class_weight={"ant": 1, "be": 2})
    with pytest.raises(ValueError, match=r"class_weight .*\[1\]"):
        fit(class_weight={1: 2})
    # A class that has no label yet is one all the same.
    fitted = fit(class_weight={"cat": 2}, classes=["ant", "bee", "cat"])
    assert fitted.classes_.tolist() == ["ant", "bee", "cat"]


def test_targets_and_classes():
    targets = smooth_targets(np.array([2, 0]), 4, 0.2)
    np.testing.assert_allclose(targets, [[0.05, 0.05, 0.85, 0.05], [0.85, 0.05, 0.05, 0.05]])
    assert resolve_classes(np.array([3, 1]), [5, 3, 1]).tolist() == [1, 3, 5]
    with pytest.raises(ValueError, match=r"\[7\]"):
        resolve_classes(np.array([3, 7]), [5, 3, 1])


NOTHING = dict.fromkeys(
    ["time_shift", "mel_shift", "gain", "noise", "time_mask", "mel_mask", "mixup"], 0.0
)


def distorted(X, **amounts):
    """Distort samples in one way alone."""
    augmentation = SpectrogramAugmentation(**{**NOTHING, **amounts})
    distort = CompiledDistortion(augmentation, X.shape[1:])
    return distort(X, 3, np.zeros(1), np.full(1, 2.0))


def test_each_distortion_does_what_it_says():
    X = np.random.RandomState(0).normal(size=(300, 10, 20, 1)).astype(np.float32)
    np.testing.assert_array_equal(distorted(X), X)

    shifted, seen = distorted(X, time_shift=0.1), set()
    for old, new in zip(X, shifted, strict=True):
        by = [
            k
            for k in range(-2, 3)
            if np.array_equal(new, old[:, np.clip(np.arange(20) + k, 0, 19)])
        ]
        assert len(by) == 1
        seen.update(by)
    assert seen == set(range(-2, 3))

    difference = distorted(X, gain=0.5) - X
    assert np.ptp(difference, axis=(1, 2, 3)).max() < 1e-5
    assert abs(difference[:, 0, 0, 0].std() / 1.0 - 1) < 0.15

    difference = distorted(X, noise=0.5) - X
    assert abs(difference.std() / 1.0 - 1) < 0.02

    hidden = distorted(X, mel_mask=0.4)[..., 0] == 0
    assert (hidden.all(axis=2) == hidden.any(axis=2)).all()
    n_hidden = hidden.all(axis=2).sum(axis=1)
    assert n_hidden.max() <= 4 and 1 < n_hidden.mean() < 3


def test_mixup_mixes_labels_as_it_mixes_sounds():
    from skal.models._backend import tf

    X = np.eye(6, dtype=np.float32)
    mixed, targets = SpectrogramAugmentation(mixup=0.3).mix(X, X, tf.constant([1, 2]))
    np.testing.assert_allclose(mixed, targets)
    np.testing.assert_allclose(np.sum(targets, axis=1), 1, rtol=1e-6)
    assert np.diag(targets).min() >= 0.7 and np.diag(targets).mean() < 0.95


def test_amounts_are_checked():
    from skal.models import CNNClassifier, DenseNet

    X, y = np.zeros((4, 6, 6)), [0, 1, 0, 1]
    augmentation = SpectrogramAugmentation(time_shift=2.0)
    with pytest.raises(ValueError, match="'time_shift' parameter of SpectrogramAugmentation"):
        CNNClassifier(DenseNet(units=(2,)), augmentation=augmentation, steps=1).fit(X, y)
