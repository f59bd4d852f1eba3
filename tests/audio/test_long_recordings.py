"""An hour-long recording: read by blocks, and window by window without reading the rest."""

import subprocess
import sys

import numpy as np
import pytest
import soundfile

from skal.audio import LogMelSpectrogram, iter_windows, read_audio

HOUR = """
import resource, sys
from skal.audio import read_audio
read_audio((sys.argv[1], 0.0, 1.0), 4000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
y, sr = read_audio(sys.argv[1], 4000)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(len(y), (after - before) // 1024)
"""


@pytest.fixture(scope="module")
def hour(tmp_path_factory):
    """Return an hour of two channels at 16 kHz with a beep at the start of minute 40."""
    path = tmp_path_factory.mktemp("hour") / "hour.wav"
    rng = np.random.default_rng(0)
    minute = rng.normal(scale=0.01, size=(60 * 16000, 2))
    beep = minute + 0.5 * np.sin(2 * np.pi * 1000 * np.arange(len(minute)) / 16000)[:, None]
    with soundfile.SoundFile(path, "w", 16000, 2) as file:
        for k in range(60):
            file.write(beep if k == 40 else minute)
    return str(path)


@pytest.mark.slow
def test_memory(hour):
    done = subprocess.run(
        [sys.executable, "-c", HOUR, hour], check=True, capture_output=True, text=True
    )
    n_samples, megabytes = map(int, done.stdout.split())
    assert n_samples == 3600 * 4000
    # The whole file decoded to float32 would be 461 MB; the result is 58 MB, held twice while
    # its parts are joined.
    assert megabytes < 250


@pytest.mark.slow
def test_windows(hour):
    windows = [str(window) for window in iter_windows(hour, 4.0)]
    assert len(windows) == 900 and windows[600].endswith("#t=2400,2404")
    model = LogMelSpectrogram(sr=8000, n_fft=512, hop_length=200, duration=4.0)
    features = model.transform(windows[590:620])
    loud = features.max(axis=(1, 2, 3)) > 0
    assert np.flatnonzero(loud).tolist() == list(range(10, 25))


@pytest.mark.slow
def test_features_of_the_whole(hour):
    model = LogMelSpectrogram(sr=4000, n_fft=512, hop_length=400, n_mels=20)
    got = model.transform([hour])
    assert got.shape == (1, 20, 36001, 1)
    part = model.transform([read_audio((hour, 2399.0, 2402.0), 4000)[0]])
    np.testing.assert_allclose(got[0, :, 24000:24010, 0], part[0, :, 10:20, 0], atol=1.0)
