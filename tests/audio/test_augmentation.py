"""Augmentations change the clip, not its shape, dtype or class."""

import numpy as np
import pytest

from skal.audio import augmentation as aug

SHAPES = [(6, 400), (6, 20, 30), (6, 20, 30, 2), (6, 3, 20, 30, 2)]


def clips(shape, dtype=np.float32):
    return np.random.default_rng(0).normal(size=shape).astype(dtype)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_augment(shape, dtype):
    X = clips(shape, dtype)
    before = X.copy()
    out = aug.augment(X, random_state=1)
    assert out.shape == X.shape and out.dtype == X.dtype
    np.testing.assert_array_equal(X, before)
    assert all((a != b).any() for a, b in zip(out, X, strict=True))
    np.testing.assert_array_equal(out, aug.augment(X, random_state=1))
    assert (out != aug.augment(X, random_state=2)).any()


@pytest.mark.parametrize("shape", SHAPES)
def test_shift_time_is_a_roll(shape):
    X = clips(shape)
    axis = {2: 0, 3: 1, 4: 1, 5: 2}[len(shape)]
    n = shape[axis + 1]
    out = aug.shift_time(X, 0, amount=0.1)
    offsets = []
    for x, y in zip(X, out, strict=True):
        offsets += [k for k in range(-n, n) if np.array_equal(np.roll(x, k, axis), y)][:1]
        offsets[-1] += n if offsets[-1] < -n // 2 else 0
    assert len(offsets) == len(X) and len(set(offsets)) > 1
    assert max(map(abs, offsets)) <= 0.1 * n


def test_shift_bands_moves_bands_and_repeats_the_edge():
    X = np.tile(np.arange(20.0)[:, None], (50, 1, 5))
    out = aug.shift_bands(X, 0, amount=0.1)
    offsets = (out - X)[:, 10, 0]
    assert set(offsets) == {-2, -1, 0, 1, 2}
    expected = np.clip(np.arange(20) + offsets[:, None], 0, 19)
    np.testing.assert_array_equal(out, np.repeat(expected[:, :, None], 5, axis=2))


def test_gain_of_spectrograms_leaves_slopes():
    X = clips((4, 20, 30, 3))
    change = aug.change_gain(X, 0) - X
    assert not change[..., 1:].any()
    assert np.ptp(change[..., 0], axis=(1, 2)).max() < 1e-6
    assert np.unique(change[:, 0, 0, 0]).size == 4


def test_gain_of_waveforms_is_a_factor():
    X = clips((4, 100))
    ratio = aug.change_gain(X, 0) / X
    np.testing.assert_allclose(ratio, ratio[:, :1] * np.ones_like(ratio), rtol=1e-5)


def test_noise_level():
    X = np.zeros((2, 5000))
    X[1] = np.tile([-10, 10], 2500)
    noise = aug.add_noise(X, 0, amount=0.1) - X
    assert not noise[0].any()
    assert 0 < noise[1].std() <= 1.05


@pytest.mark.parametrize(("mask", "axis"), [(aug.mask_time, 2), (aug.mask_bands, 1)])
def test_masks(mask, axis):
    X = clips((200, 20, 30, 2))
    changed = (mask(X, 0, amount=0.2) != X).any(axis=tuple({1, 2, 3} - {axis}))
    widths = changed.sum(axis=1)
    assert widths.max() == 0.2 * X.shape[axis] and widths.min() == 0
    # One stretch each: it begins at most once.
    assert (np.diff(changed.astype(int), axis=1) == 1).sum(axis=1).max() <= 1


def test_nothing_and_wrong():
    X = clips((3, 20, 30))
    none = aug.Augmenter(time_shift=0, band_shift=0, gain=0, noise=0, time_mask=0, band_mask=0)
    np.testing.assert_array_equal(none(X, 0), X)
    with pytest.raises(ValueError, match="gain"):
        aug.Augmenter(gain=-1)(X)
    with pytest.raises(ValueError, match="dimensions"):
        aug.augment(X[0, 0])
    with pytest.raises(ValueError, match="no bands"):
        aug.shift_bands(X[0])
