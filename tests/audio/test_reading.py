"""Reading: every format, the values of librosa, parts of files, and what cannot be read."""

import errno
import os
import pickle

import librosa
import numpy as np
import pytest
import soundfile

from skal._utils.sound import soundfiles
from skal.audio import AudioReadError, audio_length, iter_windows, read_audio, reading
from skal.audio.reading import fit_length, resample
from tests.audio.conftest import BROKEN, break_file

# What librosa falls back on imports modules that Python deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:'(aifc|audioop|sunau)':DeprecationWarning")


@pytest.mark.parametrize(
    ("extension", "tolerance"),
    [("wav", 1e-4), ("flac", 1e-4), ("aiff", 1e-4), ("ogg", 0.1), ("mp3", 0.2)],
)
def test_formats(tmp_path, noisy_tone, extension, tolerance):
    path = tmp_path / f"x.{extension}"
    soundfile.write(path, noisy_tone, 22050)
    y, sr = read_audio(path)
    assert sr == 22050 and y.dtype == np.float32 and y.ndim == 1
    assert abs(len(y) - len(noisy_tone)) <= (2500 if extension == "mp3" else 0)
    n = min(len(y), len(noisy_tone))
    assert np.abs(y[:n] - noisy_tone[:n]).mean() < tolerance


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("channels", [1, 2, 3, 8])
def test_as_librosa(tmp_path, noisy_tone, subtype, channels):
    path = tmp_path / "x.wav"
    y = np.stack([np.roll(noisy_tone, 100 * k) for k in range(channels)], axis=1)
    soundfile.write(path, y, 22050, subtype=subtype)
    expected, _ = librosa.load(path, sr=16000)
    got, sr = read_audio(path, 16000)
    assert sr == 16000
    np.testing.assert_allclose(got, expected, atol=1e-6)


@pytest.mark.parametrize("sr", [4000, 8000, 44100, 96000, 192000])
def test_any_sampling_rate(tmp_path, sr):
    t = np.arange(2 * sr) / sr
    y = 0.5 * np.sin(2 * np.pi * 440 * t).astype(np.float32)
    soundfile.write(tmp_path / "x.wav", y, sr, subtype="FLOAT")
    got, _ = read_audio(tmp_path / "x.wav", 22050, duration=1.5)
    assert len(got) == 33075
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(33075) / 22050)
    np.testing.assert_allclose(got[500:-500], expected[500:-500], atol=2e-3)


def test_windows_are_the_parts(tmp_path, noisy_tone):
    path = tmp_path / "a b ü\n#t.wav"
    soundfile.write(path, noisy_tone, 22050, subtype="FLOAT")
    part, _ = read_audio((path, 0.25, 0.5))
    assert len(part) == round(0.25 * 22050)
    np.testing.assert_array_equal(part, noisy_tone[round(0.25 * 22050) :][: len(part)])
    parts = [read_audio(str(window))[0] for window in iter_windows(path, 0.2)]
    assert len(parts) == 5
    np.testing.assert_array_equal(np.concatenate(parts), noisy_tone)
    with pytest.raises(AudioReadError, match="starts at 3 s"):
        read_audio(f"{path}#t=3,4")


def test_long_files_block_by_block(tmp_path, noisy_tone, monkeypatch):
    path = tmp_path / "long.wav"
    y = np.stack([np.tile(noisy_tone, 6), np.tile(noisy_tone[::-1], 6)], axis=1)
    soundfile.write(path, y, 22050, subtype="FLOAT")
    whole, _ = read_audio(path, 16000)
    monkeypatch.setattr(reading, "_BLOCK", 10_000)
    blocks, _ = read_audio(path, 16000)
    np.testing.assert_allclose(blocks, whole, atol=1e-5)


def test_fit_length():
    y = np.array([1.0, 2, 3], dtype=np.float32)
    assert fit_length(y, 2).tolist() == [1, 2]
    assert fit_length(y, 5).tolist() == [1, 2, 3, 0, 0]
    assert fit_length(y, 8, "repeat").tolist() == [1, 2, 3, 1, 2, 3, 1, 2]
    assert fit_length(y, 6, "reflect").tolist() == [1, 2, 3, 2, 1, 2]
    assert resample(y, 8000, 8000) is y


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_files_say_what_to_do(tmp_path, noisy_tone, kind):
    path = break_file(tmp_path, kind, noisy_tone)
    with pytest.raises(AudioReadError, match=BROKEN[kind]) as caught:
        read_audio(path, 8000)
    error = pickle.loads(pickle.dumps(caught.value))
    assert error.path == str(path) and error.advice and str(error) == str(caught.value)


def test_no_permission(tmp_path, noisy_tone, monkeypatch):
    path = tmp_path / "x.wav"
    soundfile.write(path, noisy_tone, 22050)
    path.chmod(0)
    # The tests may run as root, who may read everything.
    monkeypatch.setattr(os, "access", lambda name, mode: False)
    with pytest.raises(AudioReadError, match="no read permission"):
        read_audio(path)


def test_a_failing_disk_is_no_matter_of_formats(tmp_path, monkeypatch):
    def fails(path, mode):
        raise OSError(errno.EIO, os.strerror(errno.EIO), path)

    (tmp_path / "x.wav").write_bytes(b"something")
    monkeypatch.setattr(soundfiles, "open", fails, raising=False)
    with pytest.raises(AudioReadError, match=r"Input/output error.*check the disk"):
        read_audio(tmp_path / "x.wav")


def test_names_that_are_not_utf_8(tmp_path, noisy_tone):
    soundfile.write(tmp_path / "x.wav", noisy_tone, 22050)
    path = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.wav")
    (tmp_path / "x.wav").rename(path)
    assert len(read_audio(path)[0]) == len(noisy_tone)
    with open(path, "wb") as file:
        file.write(b"no sound")
    with pytest.raises(AudioReadError, match="not a sound file") as caught:
        read_audio(path)
    assert caught.value.path == path


@pytest.mark.parametrize("sr", [None, 8000, 44100])
@pytest.mark.parametrize("block", [1000, 2**22])
def test_broken_samples_are_found_before_resampling(tmp_path, monkeypatch, noisy_tone, sr, block):
    monkeypatch.setattr(reading, "_BLOCK", block)
    # Resampled, a constant has ripples at its ends, and a NaN becomes hundreds.
    soundfile.write(tmp_path / "x.wav", np.full(22050, 0.25), 22050)
    with pytest.raises(AudioReadError, match=r"constant: every sample is 0\.25"):
        read_audio(tmp_path / "x.wav", sr)
    y = noisy_tone.copy()
    y[[5, 2000, 2001]] = np.nan, np.inf, -np.inf
    soundfile.write(tmp_path / "x.wav", y, 22050, subtype="FLOAT")
    with pytest.raises(AudioReadError, match=r"3 samples are NaN.*rewrite it"):
        read_audio(tmp_path / "x.wav", sr)


def test_a_silent_part_is_sound(tmp_path, noisy_tone):
    y = noisy_tone.copy()
    y[:11025] = 0
    soundfile.write(tmp_path / "x.wav", y, 22050)
    assert not read_audio(tmp_path / "x.wav", duration=0.4)[0].any()
    assert audio_length(tmp_path / "x.wav") == 1.0
    soundfile.write(tmp_path / "x.wav", np.zeros(100), 22050)
    assert len(read_audio(tmp_path / "x.wav")[0]) == 100


def test_channels_that_cancel_each_other_are_no_silence(tmp_path, noisy_tone):
    soundfile.write(tmp_path / "x.wav", np.stack([noisy_tone, -noisy_tone], axis=1), 22050)
    with pytest.raises(AudioReadError, match=r"silent after mixing: its 2 channels.*keep one"):
        read_audio(tmp_path / "x.wav", 8000)
    soundfile.write(tmp_path / "x.wav", np.zeros((100, 2)), 22050)
    assert not read_audio(tmp_path / "x.wav")[0].any()
