"""Recordings for the page: decoded once, playable, evenly loud."""

import io

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from skal.audio import AudioReadError, HeaderWarning
from skal.label.asking.records import ClipInfo
from skal.label.playback import loudness_gain, wav_bytes
from skal.label.web.sounds import SoundShelf, playable_type

SR = 8000


def _clip(path, start=None, end=None):
    return ClipInfo(id=0, path=str(path), name=path.name, start=start, end=end)


@pytest.fixture
def y():
    """Return two seconds of noise."""
    return (0.1 * np.random.default_rng(0).standard_normal(2 * SR)).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "subtype", "expected"),
    [
        ("a.wav", "PCM_16", "audio/wav"),
        ("a.wav", "FLOAT", None),
        ("a.flac", "PCM_24", "audio/flac"),
        ("a.ogg", "VORBIS", None),
        ("a.aiff", "PCM_16", None),
        ("a.mp3", "MPEG_LAYER_III", "audio/mpeg"),
    ],
)
def test_files_that_every_browser_plays(tmp_path, y, name, subtype, expected):
    soundfile.write(tmp_path / name, y, SR, subtype=subtype)
    assert playable_type(_clip(tmp_path / name)) == expected
    assert playable_type(_clip(tmp_path / name, 0.5, 1.0)) is None


def test_a_file_that_browsers_read_otherwise_is_no_file_for_them(tmp_path, y):
    soundfile.write(tmp_path / "once.flac", y, SR)
    twice = tmp_path / "twice.flac"
    twice.write_bytes((tmp_path / "once.flac").read_bytes() * 2)
    assert playable_type(_clip(twice)) is None
    with pytest.warns(HeaderWarning):
        wav = SoundShelf().wav(_clip(twice))
    assert len(soundfile.read(io.BytesIO(wav))[0]) == 2 * len(y)


def test_a_part_of_a_file_is_a_wav_of_that_part(tmp_path, y):
    soundfile.write(tmp_path / "a.wav", y, SR, subtype="PCM_16")
    wav = SoundShelf().wav(_clip(tmp_path / "a.wav", 0.5, 1.25))
    heard, sr = soundfile.read(io.BytesIO(wav), dtype="float32")
    assert sr == SR
    np.testing.assert_allclose(heard, y[SR // 2 : SR // 2 + 3 * SR // 4], atol=1e-4)


def test_what_is_kept_is_forgotten_when_the_file_changes(tmp_path, y):
    path, shelf = tmp_path / "a.wav", SoundShelf()
    soundfile.write(path, y, SR)
    first = shelf.waveform(_clip(path))
    assert shelf.waveform(_clip(path)) is first
    soundfile.write(path, y[:SR], SR)
    assert len(shelf.waveform(_clip(path))[0]) == SR
    path.unlink()
    with pytest.raises(AudioReadError, match="no such file"):
        shelf.waveform(_clip(path))


def test_no_more_is_kept_than_allowed(tmp_path, y):
    paths = [tmp_path / f"{i}.wav" for i in range(5)]
    for path in paths:
        soundfile.write(path, y, SR)
    shelf = SoundShelf(max_bytes=2 * y.nbytes)
    made = [shelf.waveform(_clip(path)) for path in paths]
    assert shelf.waveform(_clip(paths[-1])) is made[-1]
    assert shelf.waveform(_clip(paths[0])) is not made[0]


@given(st.floats(1e-5, 1), st.integers(0, 1000))
def test_clips_are_brought_to_one_loudness_without_clipping(level, seed):
    y = level * np.random.default_rng(seed).uniform(-1, 1, 2000).astype(np.float32)
    played = loudness_gain(y) * y
    assert np.abs(played).max() <= 0.98
    loudness = np.sqrt(np.mean(np.square(played)))
    assert loudness == pytest.approx(0.1, rel=1e-3) or loudness_gain(y) == 100


def test_silence_is_left_alone():
    assert loudness_gain(np.zeros(100, np.float32)) == 1


def test_samples_beyond_full_scale_do_not_wrap_around():
    wav = wav_bytes(np.array([2.0, -2.0, 0.5], np.float32), SR)
    heard, _ = soundfile.read(io.BytesIO(wav))
    np.testing.assert_allclose(heard, [1, -1, 0.5], atol=1e-3)


@pytest.mark.parametrize("slow", [4, 10])
@pytest.mark.parametrize(("rate", "pitch"), [(256_000, 40_000), (8000, 2000)])
def test_slowed_down_sound_is_as_much_lower(tmp_path, slow, rate, pitch):
    path = tmp_path / "bat.wav"
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * pitch * np.arange(rate) / rate), rate)
    y, sr = soundfile.read(io.BytesIO(SoundShelf().wav(_clip(path), slow)))
    assert sr >= 8000
    assert len(y) / sr == pytest.approx(slow)
    spectrum = np.abs(np.fft.rfft(y))
    assert np.fft.rfftfreq(len(y), 1 / sr)[spectrum.argmax()] == pytest.approx(pitch / slow)
