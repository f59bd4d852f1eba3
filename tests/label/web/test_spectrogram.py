"""Spectrograms: a tone is at its place, and both themes can be read."""

import io

import numpy as np
import pytest
from PIL import Image

from skal.label.web.spectrogram import RAMPS, spectrogram_png

SR = 16000


def picture(y, sr=SR, **look):
    """Return the image, and its color numbers."""
    image = Image.open(io.BytesIO(spectrogram_png(y, sr, **look)))
    return image, np.asarray(image).astype(int)


def tone(frequency, seconds=1.0, start=0.0, sr=SR):
    """Return a tone after a silence."""
    t = np.arange(round(seconds * sr)) / sr
    return np.where(t >= start, np.sin(2 * np.pi * frequency * t), 0).astype(np.float32)


def loudest_height(inside):
    """Return at which share of the height, from the bottom, the loudest row is."""
    return 1 - (inside.mean(axis=1).argmax() + 0.5) / len(inside)


@pytest.mark.parametrize("frequency", [300, 1000, 3000, 7000])
@pytest.mark.parametrize("sr", [16000, 22050, 96000])
def test_a_tone_is_at_its_frequency(frequency, sr):
    y = tone(frequency, sr=sr)
    linear = loudest_height(picture(y, sr, axis="linear")[1])
    assert linear * sr / 2 == pytest.approx(frequency, abs=0.012 * sr / 2)
    mel = loudest_height(picture(y, sr, axis="mel")[1])
    expected = np.log(1 + frequency / 700) / np.log(1 + sr / 2 / 700)
    assert mel == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("seconds", [0.3, 2.0, 40.0])
def test_a_tone_begins_when_it_begins(seconds):
    y = tone(1000, seconds, start=seconds / 2)
    inside = picture(y)[1]
    loud = inside.max(axis=0) > inside.max() - 60
    assert loud.argmax() / len(loud) == pytest.approx(0.5, abs=0.02 + 0.02 / seconds)
    assert loud[-5:].all()


@pytest.mark.parametrize("scale", [1, 1.5, 3])
def test_the_size_is_the_wanted_one(scale):
    image, _ = picture(tone(500), width=333, height=200, scale=scale)
    assert image.size == (round(333 * scale), round(200 * scale))


@pytest.mark.parametrize("length", [1, 2, 31, 100, 5000])
@pytest.mark.parametrize("sr", [100, 8000, 250_000])
def test_any_length_and_rate_can_be_drawn(length, sr):
    y = np.random.default_rng(0).standard_normal(length).astype(np.float32)
    for axis in ("mel", "linear"):
        assert picture(y, sr, width=160, height=100, axis=axis)[1].shape == (100, 160)


def test_silence_and_full_scale_can_be_drawn():
    for y in (np.zeros(4000, np.float32), np.ones(4000, np.float32)):
        assert picture(y)[0].size == (800, 260)


def _luminance(color):
    """Return the relative luminance of WCAG 2."""
    channels = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


@pytest.mark.parametrize("theme", RAMPS)
def test_louder_is_always_lighter_or_always_darker(theme):
    luminance = np.array([_luminance(color) for color in RAMPS[theme]])
    steps = np.diff(luminance)
    assert (steps < 0).all() or (steps > 0).all()
    low, high = sorted(luminance[[0, -1]])
    assert (high + 0.05) / (low + 0.05) > 7


@pytest.mark.parametrize("theme", RAMPS)
def test_the_picture_has_the_colors_of_its_theme(theme):
    pixels = np.asarray(picture(tone(500), theme=theme)[0].convert("RGB")).reshape(-1, 3)
    ends = [tuple(int(color[i : i + 2], 16) for i in (1, 3, 5)) for color in RAMPS[theme]]
    assert {ends[0], ends[-1]} <= set(map(tuple, pixels.tolist()))


@pytest.mark.parametrize("axis", ["mel", "linear"])
def test_a_band_and_contrast(axis):
    t = np.arange(8000) / 8000
    rng = np.random.default_rng(0)
    y = (np.sin(2 * np.pi * 1000 * t) + 0.01 * rng.standard_normal(8000)).astype(np.float32)
    look = {"width": 64, "height": 100, "axis": axis, "low": 500, "high": 2000}

    def drawn(**more):
        return np.asarray(Image.open(io.BytesIO(spectrogram_png(y, 8000, **look, **more))))

    row = drawn().mean(axis=1).argmax()
    share = 1 - (row + 0.5) / 100
    mel = [np.log1p(f / 700) for f in (500, 1000, 2000)]
    expected = 1 / 3 if axis == "linear" else (mel[1] - mel[0]) / (mel[2] - mel[0])
    assert share == pytest.approx(expected, abs=0.03)
    assert (drawn(contrast=4.0) == 0).mean() > (drawn() == 0).mean() + 0.1
