"""Sounds and broken files for the tests of skal.audio."""

import os

import numpy as np
import pytest
import soundfile


@pytest.fixture(scope="session")
def noisy_tone():
    """Return a second of a rising tone in noise at 22,050 Hz."""
    t = np.arange(22050) / 22050
    noise = np.random.default_rng(0).normal(scale=0.01, size=t.size)
    return (0.4 * np.sin(2 * np.pi * (300 + 400 * t) * t) + noise).astype(np.float32)


def break_file(folder, kind, y, sr=8000):
    """Make one broken recording and return its path."""
    path = folder / f"{kind}.wav"
    if kind == "only a header":
        soundfile.write(path, y, sr)
        path.write_bytes(path.read_bytes()[:44])
    elif kind == "damaged flac":
        path = folder / f"{kind}.flac"
        soundfile.write(path, np.tile(y, 2), sr)
        content = bytearray(path.read_bytes())
        content[len(content) // 4 : len(content) // 4 + 50] = bytes(range(50))
        path.write_bytes(content)
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "no samples":
        soundfile.write(path, y[:0], sr)
    elif kind == "text":
        path.write_text("this is no sound\n" * 50)
    elif kind == "nan":
        soundfile.write(path, np.where(np.arange(len(y)) == 7, np.nan, y), sr, subtype="FLOAT")
    elif kind == "constant":
        soundfile.write(path, np.full_like(y, 0.25), sr)
    elif kind == "dangling link":
        path.symlink_to(folder / "gone.wav")
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "missing":
        pass
    else:
        raise AssertionError(kind)
    return path


BROKEN = {
    "only a header": "no samples",
    "damaged flac": "broken after",
    "empty": "0 bytes",
    "no samples": "no samples",
    "text": "not a sound file",
    "nan": "NaN",
    "constant": "constant",
    "dangling link": "link to",
    "fifo": "pipe",
    "folder": "folder",
    "missing": "no such file",
}
