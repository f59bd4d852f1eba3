"""Spectrograms as PNG images, with axes in s and Hz, quick enough to be drawn on demand."""

import io
import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view

__all__ = ["MARGINS", "THEMES", "Theme", "spectrogram_png"]

#: Space around the picture for its axes: left, top, right and bottom, in CSS pixels.
MARGINS = (58, 8, 14, 28)

# Below this under the loudest point everything looks the same, in dB.
_RANGE = 80.0
_FRAME = 0.032  # length of a frame, in s: what speech and most animals are looked at with
_MOST_FRAMES = 800  # more cannot be told apart on a screen, and take time
_FRAMES_PER_COLUMN = 4
_LEAST_FFT = 2048  # in samples
_LABEL_SIZE = 12  # in CSS pixels
_FAR_APART = {"x": 84, "y": 28}  # between two ticks, in CSS pixels
_STEPS = (1, 2, 2.5, 5, 10)
# Ticks of a mel axis, in Hz, the most wanted first.
_MEL_TICKS = (
    *(0, 1000, 4000, 2000, 8000, 16000, 32000, 64000, 128000, 500),
    *(3000, 6000, 12000, 24000, 48000, 96000, 250, 1500),
)
# The first numbers of the palette are the ink of the axes, from transparent to full.
_INKS = 16


@dataclass(frozen=True)
class Theme:
    """Colors of a spectrogram.

    Parameters
    ----------
    ramp : tuple of str
        Colors from silence to the loudest, as ``"#rrggbb"``, evenly spaced; lightness goes one
        way only, so that the picture reads without color too.
    ink : str
        Color of the axes.
    """

    ramp: tuple
    ink: str


#: The looks that there are; the page's style sheet has the same colors.
THEMES = {
    "light": Theme(
        ("#f6f4ef", "#dfe3dd", "#aecbc6", "#6fa9ad", "#35809a", "#1f5383", "#1c2a5e", "#170f33"),
        ink="#55534d",
    ),
    "dark": Theme(
        ("#111416", "#152231", "#1b3a57", "#22607a", "#2f8c8c", "#6fb887", "#c9da83", "#fff6cf"),
        ink="#b4b1a8",
    ),
}


def spectrogram_png(y, sr, *, width=800, height=260, scale=1.0, theme="light", axis="mel"):
    """Draw the spectrogram of a waveform.

    Parameters
    ----------
    y : ndarray of shape (n_samples,), float32
        The waveform.
    sr : int
        Its sampling rate, in Hz.
    width, height : int
        Size with the axes, in CSS pixels.
    scale : float, default=1.0
        Pixels of the image for a CSS pixel.
    theme : {"light", "dark"}, default="light"
        Colors, see `THEMES`.
    axis : {"mel", "linear"}, default="mel"
        How frequencies are spread over the height, from 0 to half the sampling rate.

    Returns
    -------
    bytes
        A PNG image. Only the picture itself is opaque; `MARGINS` tells where it is.
    """
    from PIL import Image

    left, top, right, bottom = (round(margin * scale) for margin in MARGINS)
    size = (round(width * scale), round(height * scale))
    columns, rows = size[0] - left - right, size[1] - top - bottom
    place = _Place(left, top, columns, rows, scale, len(y) / sr, sr / 2, axis)
    pixels = np.asarray(_axes(size, place)) // (256 // _INKS)
    edges = place.frequency(np.linspace(1, 0, rows + 1))
    pixels[top : top + rows, left : left + columns] = _levels(y, sr, columns, edges)
    image = Image.fromarray(pixels, "L")
    image.putpalette(_palette(theme))
    stream = io.BytesIO()
    opacity = [round(255 * i / (_INKS - 1)) for i in range(_INKS)]
    # Level 1: a picture that is looked at once is not worth more time than it takes to send.
    image.save(stream, "PNG", compress_level=1, transparency=bytes(opacity))
    return stream.getvalue()


@dataclass(frozen=True)
class _Place:
    """Where the picture lies in the image, in its pixels, and what its axes mean."""

    left: int
    top: int
    columns: int
    rows: int
    scale: float
    seconds: float
    highest: float
    axis: str

    def frequency(self, height):
        """Return the frequency, in Hz, at a share of the height, from the bottom."""
        if self.axis == "linear":
            return height * self.highest
        return _mel_to_hz(height * _hz_to_mel(self.highest))

    def height(self, frequency):
        """Return the share of the height, from the bottom, of a frequency in Hz."""
        if self.axis == "linear":
            return frequency / self.highest
        return _hz_to_mel(frequency) / _hz_to_mel(self.highest)


def _hz_to_mel(frequency):
    # O'Shaughnessy's formula, librosa's htk=True: librosa itself takes a second to load, which
    # would be the first picture's.
    return 2595.0 * np.log10(1.0 + frequency / 700.0)


def _mel_to_hz(mel):
    return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)


def _levels(y, sr, columns, edges):
    """Return the color number of every pixel, of shape (rows, columns), uint8."""
    power = _power(y, sr, min(columns, _MOST_FRAMES))
    bins = np.arange(len(power))
    positions = np.interp(edges, np.linspace(0, sr / 2, len(bins)), bins)
    decibels = 10 * np.log10(np.maximum(_mean_between(power, positions), 1e-20))
    # What lies under the noise floor of a recording would only brighten the whole picture.
    high = float(decibels.max())
    low = max(high - _RANGE, min(float(np.percentile(decibels[::4, ::4], 15)), high - 30))
    colors = 255 - _INKS
    levels = np.clip((decibels - low) * (colors / (high - low)), 0, colors) + _INKS
    # Frames are fewer than columns in short recordings, more in long ones.
    return _spread(levels.astype(np.float32), columns).astype(np.uint8)


def _power(y, sr, columns):
    """Return power of shape (bins, frames), with a few frames for a column at most."""
    n_fft = 2 ** max(5, round(math.log2(_FRAME * sr)))
    hop = max(1, n_fft // 16, len(y) // columns)
    if hop > n_fft // 2:
        hop = max(n_fft // 2, len(y) // (_FRAMES_PER_COLUMN * columns))
    padded = np.pad(y, n_fft // 2)
    frames = sliding_window_view(padded, n_fft)[: len(y) : hop]
    taper = np.hanning(n_fft + 1)[:-1].astype(np.float32)
    # Padding draws smooth lines where a mel axis spreads few bins over many rows.
    spectrum = scipy.fft.rfft(frames * taper, max(n_fft, _LEAST_FFT), axis=1)
    return (np.square(spectrum.real) + np.square(spectrum.imag)).T


def _mean_between(values, edges):
    """Return means of rows between falling positions, be these near or far apart."""
    total = np.zeros((len(values) + 1, values.shape[1]))
    np.cumsum(values, axis=0, out=total[1:])
    edges = np.clip(edges + 0.5, 0.5, len(values) - 0.5)
    low = edges.astype(int)
    at_edges = total[low] + (edges - low)[:, np.newaxis] * values[low]
    return np.diff(at_edges, axis=0) / np.diff(edges)[:, np.newaxis]


def _spread(values, columns):
    """Return an image of another width."""
    from PIL import Image

    image = Image.fromarray(values, "F")
    return np.asarray(image.resize((columns, len(values)), Image.Resampling.BILINEAR))


@lru_cache(maxsize=len(THEMES))
def _palette(theme):
    """Return 256 colors: first the ink, then the ramp."""
    colors = THEMES[theme]
    anchors = np.array([_rgb(color) for color in colors.ramp], dtype=float)
    at = np.linspace(0, len(anchors) - 1, 256 - _INKS)
    ramp = [np.interp(at, np.arange(len(anchors)), channel) for channel in anchors.T]
    return [*_INKS * _rgb(colors.ink), *np.rint(ramp).astype(int).T.ravel().tolist()]


def _rgb(color):
    return [int(color[i : i + 2], 16) for i in (1, 3, 5)]


def _axes(size, place):
    """Return marks and labels in white on black."""
    from PIL import Image, ImageDraw

    image = Image.new("L", size, 0)
    draw = ImageDraw.Draw(image)
    font, scale = _font(_LABEL_SIZE * place.scale), place.scale
    thin, mark, gap = max(1, round(scale)), round(4 * scale), round(8 * scale)
    bottom = place.top + place.rows
    for value in _time_ticks(place.seconds, place.columns / scale):
        x = place.left + value / place.seconds * (place.columns - 1)
        draw.line([(x, bottom), (x, bottom + mark)], fill=255, width=thin)
        draw.text((x, bottom + gap), f"{value:g} s", fill=255, font=font, anchor="ma")
    for value in _frequency_ticks(place):
        y = bottom - 1 - place.height(value) * (place.rows - 1)
        draw.line([(place.left - mark, y), (place.left - 1, y)], fill=255, width=thin)
        draw.text((place.left - gap, y), _hertz(value), fill=255, font=font, anchor="rm")
    return image


@lru_cache(maxsize=8)
def _font(size):
    from PIL import ImageFont

    return ImageFont.load_default(size)


def _time_ticks(seconds, room):
    return _round_numbers(seconds, seconds * _FAR_APART["x"] / room)


def _frequency_ticks(place):
    apart = _FAR_APART["y"] * place.scale / place.rows
    if place.axis == "linear":
        return _round_numbers(place.highest, place.highest * apart)
    kept = []
    for value in _MEL_TICKS:
        far = all(abs(place.height(value) - place.height(other)) >= apart for other in kept)
        if value <= place.highest and far:
            kept.append(value)
    return kept


def _round_numbers(end, least):
    """Return the multiples, up to an end, of the smallest round step that is large enough."""
    magnitude = 10.0 ** math.floor(math.log10(least))
    step = next(s * magnitude for s in _STEPS if s * magnitude >= least * (1 - 1e-9))
    return [i * step for i in range(math.floor(end / step + 1e-9) + 1)]


def _hertz(value):
    return f"{value:g} Hz" if value < 1000 else f"{value / 1000:g} kHz"
