"""Statistics over time against loops."""

import numpy as np
import pytest

from skal._utils.rows.time_statistics import time_statistics
from skal.learner import Learner


@pytest.fixture
def X():
    return np.random.RandomState(0).standard_normal((7, 4, 9, 2)).astype(np.float32)


def test_statistics_by_loops(X):
    rows = time_statistics(X)
    assert rows.shape == (7, 3 * 4 * 2)
    assert rows.dtype == np.float32
    for clip, row in zip(X.astype(float), rows, strict=True):
        bands = [clip[band, :, channel] for band in range(4) for channel in range(2)]
        expected = [
            [sum(band) / 9 for band in bands],
            [np.sqrt(sum((band - sum(band) / 9) ** 2) / 9) for band in bands],
            [sum(abs(band[t + 1] - band[t]) for t in range(8)) / 8 for band in bands],
        ]
        np.testing.assert_allclose(row, np.concatenate(expected), rtol=1e-5, atol=1e-6)


def test_when_a_sound_happens_does_not_matter(X):
    silence = np.zeros((7, 4, 6, 2), dtype=np.float32)
    early = np.concatenate([silence[:, :, :1], X, silence], axis=2)
    late = np.concatenate([silence, X, silence[:, :, :1]], axis=2)
    np.testing.assert_allclose(time_statistics(early), time_statistics(late), atol=1e-5)


def test_segments_of_a_clip_count_as_one(X):
    whole = time_statistics(X[:, :, :8])
    parts = np.stack([X[:, :, :4], X[:, :, 4:8]], axis=1)
    rows = time_statistics(parts)
    np.testing.assert_allclose(rows[:, :16], whole[:, :16], atol=1e-5)
    within = np.concatenate([np.diff(X[:, :, :4], axis=2), np.diff(X[:, :, 4:8], axis=2)], axis=2)
    expected = np.abs(within).mean(axis=2).reshape(7, -1)
    np.testing.assert_allclose(rows[:, 16:], expected, atol=1e-5)


def test_a_single_frame_has_no_steps(X):
    rows = time_statistics(X[:, :, :1])
    np.testing.assert_array_equal(rows[:, :8], X[:, :, 0].reshape(7, -1))
    assert not rows[:, 8:].any()


def test_many_clips_are_described_in_blocks(X):
    many = np.tile(X, (100, 1, 1, 1))
    np.testing.assert_array_equal(time_statistics(many), np.tile(time_statistics(X), (100, 1)))
    assert time_statistics(X[:0]).shape == (0, 24)


@pytest.mark.parametrize("dtype", [np.float16, np.int16])
def test_short_numbers_do_not_overflow(dtype):
    X = np.full((2, 3, 500, 1), 20_000, dtype=dtype)
    X[:, :, ::2] = -20_000
    mean, deviation, steps = np.split(time_statistics(X), 3, axis=1)
    np.testing.assert_allclose(mean, 0, atol=1e-3)
    np.testing.assert_allclose(deviation, float(X.max()), rtol=1e-6)
    np.testing.assert_allclose(steps, 2 * float(X.max()), rtol=1e-6)


def test_rows_without_bands_and_frames_are_refused():
    with pytest.raises(ValueError, match=r"not the shape \(5, 3\)"):
        time_statistics(np.zeros((5, 3)))


def test_a_learner_without_a_model_compares_spectrograms_by_them(X):
    X = np.concatenate([X * 3 + 5, X[:, :, ::-1]])
    X[:, 0] = 2.0  # a band that never changes
    learner = Learner.without_model(None, X)
    rows = learner.embed(X)
    expected = time_statistics(X)
    scale = expected.std(axis=0)
    constant = scale < 1e-6
    assert constant.any()
    expected = (expected - expected.mean(axis=0)) / np.where(constant, 1, scale)
    np.testing.assert_allclose(rows, expected, atol=1e-4)
    # Later rows are scaled as the pool was.
    np.testing.assert_allclose(learner.embed(X[3:5].copy()), expected[3:5], atol=1e-4)
