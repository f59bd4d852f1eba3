"""Files that hold several recordings one after the other: read to the end of the last."""

import io
import subprocess
import warnings

import numpy as np
import pytest
import soundfile

from skal._utils.sound.headers import examine
from skal.audio import AudioReadError, HeaderWarning, audio_length, iter_windows, read_audio
from tests.utils.test_headers import by_ffmpeg, needs_ffmpeg, read_with_notes

RNG = np.random.default_rng(0)
FIRST, SECOND = RNG.normal(0, 0.1, 16000), RNG.normal(0, 0.1, 16100)
KINDS = ["FLAC", "OGG", "WAV", "RF64", "W64", "AIFF", "CAF", "AU"]


def encoded(kind, y, sr=8000, subtype=None):
    stream = io.BytesIO()
    with soundfile.SoundFile(stream, "w", sr, 1, subtype, format=kind) as file:
        for start in range(0, len(y), 50_000):  # libsndfile crashes where it is given more
            file.write(y[start : start + 50_000])
    return stream.getvalue()


def by_parts(contents):
    """Return what is in recordings, each read alone."""
    return np.concatenate([soundfile.read(io.BytesIO(c), dtype="float32")[0] for c in contents])


def check(path, contents):
    path.write_bytes(b"".join(contents))
    expected = by_parts(contents)
    y, (note,) = read_with_notes(path)
    np.testing.assert_array_equal(y, expected)
    assert repr(str(path)) in note and f"{len(contents)} consecutive recordings" in note
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HeaderWarning)
        assert audio_length(path) == len(expected) / 8000
        windows = list(iter_windows(path, 0.3))
        parts = [read_audio(window)[0] for window in reversed(windows)]
    np.testing.assert_allclose(np.concatenate(parts[::-1]), expected, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_all_recordings_in_a_file_are_read(tmp_path, kind):
    first, second = encoded(kind, FIRST), encoded(kind, SECOND)
    check(tmp_path / "x.wav", [first, second, first])


@pytest.mark.parametrize("kind", KINDS)
def test_two_of_one_length_are_two(tmp_path, kind):
    check(tmp_path / "x.wav", [encoded(kind, FIRST)] * 2)


@pytest.mark.parametrize("subtype", ["OPUS", "VORBIS"])
def test_chained_ogg(tmp_path, subtype):
    check(tmp_path / "x.ogg", [encoded("OGG", y, subtype=subtype) for y in (FIRST, SECOND)])


@needs_ffmpeg
@pytest.mark.parametrize("kind", ["flac", "ogg", "oga"])
def test_as_ffmpeg(tmp_path, kind):
    sounds = []
    for i, y in enumerate((FIRST, SECOND)):
        soundfile.write(tmp_path / f"{i}.wav", y, 8000)
        place = tmp_path / f"{i}.{kind}"
        command = ["ffmpeg", "-v", "error", "-i", tmp_path / f"{i}.wav", place]
        subprocess.run(command, check=True)
        sounds.append(place.read_bytes())
    path = tmp_path / f"x.{kind}"
    path.write_bytes(b"".join(sounds))
    y, _ = read_with_notes(path)
    expected = by_ffmpeg(path)
    # FFmpeg loses a frame of FLAC where files meet, and keeps what an Ogg page has too much.
    assert len(y) == 32100 and abs(len(y) - len(expected)) <= 4096
    np.testing.assert_allclose(y[:8000], expected[:8000], atol=1e-3)


@pytest.mark.parametrize("kind", ["FLAC", "OGG"])
def test_long_files_are_looked_at_here_and_there(tmp_path, kind):
    content = encoded(kind, np.random.default_rng(0).normal(scale=0.1, size=3_000_000))
    alone, twice = tmp_path / "1.wav", tmp_path / "2.wav"
    alone.write_bytes(content)
    twice.write_bytes(content * 2)
    assert len(content) > 2**20
    for path, chained in ((alone, False), (twice, True)):
        with open(path, "rb") as file:
            assert examine(file, path.stat().st_size).chained == chained
    with pytest.warns(HeaderWarning, match="2 consecutive recordings"):
        assert audio_length(twice) == 750.0


def test_what_does_not_belong_to_the_first_is_told(tmp_path):
    path = tmp_path / "x.flac"
    parts = [encoded("FLAC", FIRST), encoded("FLAC", SECOND), encoded("FLAC", FIRST, sr=16000)]
    path.write_bytes(b"".join(parts))
    y, (note,) = read_with_notes(path)
    assert len(y) == len(FIRST) + len(SECOND)
    assert "of which 2 were read: the next one has another sampling rate" in note


def test_one_that_breaks_off_at_once(tmp_path):
    path = tmp_path / "x.flac"
    path.write_bytes(encoded("FLAC", FIRST) + encoded("FLAC", SECOND)[:30])
    y, (note,) = read_with_notes(path)
    assert len(y) == len(FIRST)
    assert "of which 1 were read: the next one cannot be read" in note


def test_a_tag_before_and_chunks_behind_are_no_recordings(tmp_path):
    tagged, listed = tmp_path / "x.flac", tmp_path / "x.wav"
    tagged.write_bytes(b"ID3\x04\0\0\0\0\0\x0a0123456789" + encoded("FLAC", FIRST))
    listed.write_bytes(encoded("WAV", FIRST) + b"LIST\x0c\0\0\0INFOIART\0\0\0\0")
    for path in (tagged, listed):
        y, notes = read_with_notes(path)
        assert len(y) == len(FIRST) and notes == []


def test_what_is_no_sound_is_refused_as_before(tmp_path):
    path = tmp_path / "x.flac"
    path.write_bytes(b"fLaC\x00\x00\x00\x22" * 2 + bytes(100))
    with pytest.raises(AudioReadError, match="not a sound file"):
        read_audio(path)
