"""PCEN has librosa's values; the predecessor's features are its shape, put right."""

import librosa
import numpy as np
import pytest
from sklearn.base import clone

from skal.audio import PCEN, LogMelSpectrogram


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"gain": 0.8, "bias": 10.0, "power": 0.25, "time_constant": 0.06},
        {"power": 0.0},
        {"bias": 0.0, "eps": 1e-4},
    ],
)
def test_as_librosa(noisy_tone, settings):
    y = np.stack([noisy_tone, 0.01 * noisy_tone[::-1]])
    got = LogMelSpectrogram(pcen=PCEN(**settings), power=1.0).transform(y)
    for features, clip in zip(got, y, strict=True):
        S = librosa.feature.melspectrogram(y=clip, sr=22050, n_mels=60, power=1.0)
        expected = librosa.pcen(S * 2**31, sr=22050, **settings)
        np.testing.assert_allclose(features[..., 0], expected, rtol=1e-4, atol=1e-5)


def test_level_hardly_matters(noisy_tone):
    y = np.stack([noisy_tone, 0.01 * noisy_tone])
    decibels = LogMelSpectrogram().transform(y)
    normalized = LogMelSpectrogram(pcen=PCEN(gain=1.0), power=1.0).transform(y)
    assert np.abs(decibels[0] - decibels[1]).mean() > 30
    late = normalized[:, :, 30:]
    assert np.abs(late[0] - late[1]).mean() < 0.02 * late[0].std()


def test_parameters():
    model = clone(LogMelSpectrogram(pcen=PCEN())).set_params(pcen__gain=0.5)
    assert model.pcen.gain == 0.5
    with pytest.raises(ValueError, match="gain"):
        model.set_params(pcen__gain=-1).transform(np.ones((1, 2048)))
    with pytest.raises(ValueError, match="pcen"):
        LogMelSpectrogram(pcen="yes").fit(np.ones((1, 2048)))


def test_predecessor():
    model = LogMelSpectrogram(segment_frames=41, deltas=1, duration=4.0)
    assert model.feature_shape() == (8, 60, 41, 2)
    y = np.random.default_rng(0).normal(size=(2, 20480)).astype(np.float32)
    one = LogMelSpectrogram(segment_frames=41, deltas=1).transform(y)
    assert one.shape == (2, 1, 60, 41, 2)
    # One window of the predecessor, with decibels of the power spectrum.
    S = librosa.feature.melspectrogram(y=y[0], sr=22050, n_fft=2048, hop_length=512, n_mels=60)
    expected = librosa.power_to_db(S)
    np.testing.assert_allclose(one[0, 0, :, :, 0], expected, atol=1e-4)
    np.testing.assert_allclose(one[0, 0, :, :, 1], librosa.feature.delta(expected), atol=1e-4)
    # Short clips are padded, not dropped.
    assert LogMelSpectrogram(segment_frames=41, deltas=1).transform(y[:, :5000]).shape == (
        2,
        1,
        60,
        41,
        2,
    )
