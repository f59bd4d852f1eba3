"""Recordings of phones and browsers: read through PyAV, or set aside by name."""

import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from skal._utils.sound import media
from skal._utils.sound.folders import audio_files, count_extensions, passed_over
from skal.audio import AudioReadError, audio_length, iter_windows, read_audio
from skal.datasets import load_audio_folder
from tests.utils.test_headers import by_ffmpeg, needs_ffmpeg

needs_av = pytest.mark.skipif(not media.has_media(), reason="PyAV is not installed")

KINDS = {
    "3gp": ("-c:a", "aac"),
    "mp4": ("-c:a", "aac"),
    "m4a": ("-c:a", "alac"),
    "webm": ("-c:a", "libopus"),
    "mka": ("-c:a", "libvorbis"),
    "wma": ("-c:a", "wmav2"),
    "aac": ("-c:a", "aac"),
    "opus": ("-c:a", "libopus"),
    "caf": ("-c:a", "pcm_s16be"),
    "w64": ("-c:a", "pcm_s16le"),
    "oga": ("-c:a", "flac"),
}


@pytest.fixture
def source(tmp_path):
    y = np.random.default_rng(0).normal(scale=0.1, size=(32000, 2)).astype(np.float32)
    soundfile.write(tmp_path / "source.wav", y, 16000)
    return tmp_path / "source.wav"


@needs_av
@needs_ffmpeg
@pytest.mark.parametrize("kind", KINDS)
def test_as_ffmpeg(source, kind):
    path = source.with_name(f"x.{kind}")
    subprocess.run(["ffmpeg", "-v", "error", "-i", source, *KINDS[kind], path], check=True)
    expected = by_ffmpeg(path, channels=2)
    y, sr = read_audio(path)
    if kind == "opus":  # libsndfile gives the rate before encoding, which ffmpeg does not
        assert len(y) == 2 * sr
        return
    assert abs(len(y) - len(expected)) <= 2048 and len(y) >= 2 * sr - 2048
    # How much of an encoder's delay is dropped differs between versions of FFmpeg.
    n = 0 if kind == "webm" else min(len(y), len(expected))
    np.testing.assert_allclose(y[:n], expected[:n], atol=1e-3)
    assert audio_length(path) == len(y) / sr
    parts = [read_audio(window)[0] for window in iter_windows(path, 0.5)]
    np.testing.assert_array_equal(np.concatenate(parts), y)
    np.testing.assert_array_equal(parts[1], read_audio((path, 0.5, 1.0))[0])


def test_without_pyav(source, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    path = source.with_name("x.3gp")
    path.write_bytes(b"\0\0\0\x18ftyp3gp4" + bytes(500))
    with pytest.raises(AudioReadError, match=r"not a sound file.*skal-audio\[media\]"):
        read_audio(path)


@needs_av
@pytest.mark.parametrize(
    "content", [b"xxxxftyp3gp4", b"no sound\n" * 99, b"#EXTM3U\n/etc/passwd\n"]
)
def test_what_is_no_sound(tmp_path, content):
    for name in ("x.3gp", "x.wav"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(AudioReadError, match="not a sound file") as caught:
            read_audio(tmp_path / name)
        assert caught.value.advice


def test_every_file_is_counted(tmp_path):
    for name in ("a.3gp", "b.AMR", "c.WebM", "d.mp4", "e.txt", "f.TXT", "g", "h.jpg", ".hidden"):
        (tmp_path / name).write_bytes(b"x")
    sounds, others = audio_files(tmp_path)
    assert len(sounds) == 4
    counts = count_extensions(others)
    assert counts == {".txt": 2, "": 1, ".jpg": 1} and next(iter(counts)) == ".txt"
    assert passed_over(counts).endswith("2 .txt, 1 without one, 1 .jpg")
    assert passed_over({}) is None
    assert load_audio_folder(tmp_path).passed_over == counts
    shutil.rmtree(tmp_path)
    tmp_path.mkdir()
    (tmp_path / "x.txt").write_text("x")
    with pytest.raises(FileNotFoundError, match=r"skipped 1 files.*1 \.txt"):
        load_audio_folder(tmp_path)
