"""Spectrograms: a tone is where it is, axes say what they mean, both themes can be read."""

import io

import numpy as np
import pytest
from PIL import Image

from skal.label.web.spectrogram import MARGINS, THEMES, spectrogram_png

SR = 16000
LEFT, TOP, RIGHT, BOTTOM = MARGINS


def picture(y, sr=SR, **look):
    """Return the image and, of its inside, the color numbers."""
    image = Image.open(io.BytesIO(spectrogram_png(y, sr, **look)))
    pixels = np.asarray(image)
    scale = round(image.size[0] / look.get("width", 800))
    rows = slice(TOP * scale, -BOTTOM * scale)
    return image, pixels[rows, LEFT * scale : -RIGHT * scale].astype(int)


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
        assert picture(y, sr, width=160, height=100, axis=axis)[1].min() >= 16


def test_silence_and_full_scale_can_be_drawn():
    for y in (np.zeros(4000, np.float32), np.ones(4000, np.float32)):
        assert picture(y)[0].size == (800, 260)


def _inked(image):
    """Return where the axes drew, as a mask of the whole image."""
    opaque = np.asarray(image.convert("RGBA"))[..., 3] > 60
    mask = np.ones_like(opaque)
    mask[TOP:-BOTTOM, LEFT:-RIGHT] = False
    return opaque & mask


def test_axes_mark_round_numbers():
    image, inside = picture(tone(500, 1.0), axis="linear", width=800, height=260)
    inked = _inked(image)
    n_columns, n_rows = inside.shape[1], inside.shape[0]
    marks = np.flatnonzero(inked[TOP + n_rows + 2, LEFT - 1 :]) - 1
    assert len(marks) == 6
    assert np.allclose(marks / n_columns, np.arange(0, 1.01, 0.2), atol=0.005)
    marks = np.flatnonzero(inked[: TOP + n_rows, LEFT - 2])
    hertz = (TOP + n_rows - 1 - marks) / (n_rows - 1) * SR / 2
    assert np.allclose(np.sort(hertz), np.arange(0, 8001, 1000), atol=40)


@pytest.mark.parametrize("axis", ["mel", "linear"])
@pytest.mark.parametrize("sr", [8000, 44100, 192_000])
def test_labels_do_not_run_into_each_other_or_out(axis, sr):
    for seconds in (0.1, 1, 12.3, 90):
        inked = _inked(picture(tone(500, seconds, sr=sr), sr, width=400, height=220)[0])
        assert not inked[:, 0].any()
        assert not inked[-1].any()
        assert not inked[:, -1].any()
        labels = inked[:, : LEFT - 10].any(axis=1)
        heights = np.diff(np.flatnonzero(np.diff(labels.astype(int), prepend=0, append=0)))[::2]
        assert heights.max() <= 14  # one line of text


def _luminance(color):
    """Return the relative luminance of WCAG 2."""
    channels = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


@pytest.mark.parametrize("theme", THEMES)
def test_louder_is_always_lighter_or_always_darker(theme):
    luminance = np.array([_luminance(color) for color in THEMES[theme].ramp])
    steps = np.diff(luminance)
    assert (steps < 0).all() or (steps > 0).all()
    low, high = sorted(luminance[[0, -1]])
    assert (high + 0.05) / (low + 0.05) > 7


@pytest.mark.parametrize(("theme", "surface"), [("light", "#ffffff"), ("dark", "#1c2024")])
def test_axes_can_be_read(theme, surface):
    low, high = sorted([_luminance(THEMES[theme].ink), _luminance(surface)])
    assert (high + 0.05) / (low + 0.05) >= 4.5
    image = picture(tone(500), theme=theme)[0].convert("RGBA")
    ink = tuple(int(THEMES[theme].ink[i : i + 2], 16) for i in (1, 3, 5))
    pixels = np.asarray(image)[_inked(image)]
    assert (pixels[:, :3] == ink).all()
