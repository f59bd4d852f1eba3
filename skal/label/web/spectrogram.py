"""Bare spectrograms as PNG images, fast enough to draw on demand; the page adds the axes."""

import io
import math
from functools import lru_cache

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view

__all__ = ["RAMPS", "spectrogram_png"]

# Levels this far below the loudest point look alike, in dB.
_RANGE = 80.0
_FRAME = 0.032  # frame length in s, common for speech and most animals
_MAX_FRAMES = 800  # screens cannot show more
_FRAMES_PER_COLUMN = 4
_MIN_FFT = 2048  # in samples

# Colors from silence to the loudest, evenly spaced. Lightness changes in one direction only, so
# that the picture reads without color too.
RAMPS = {
    "light": (
        *("#f6f4ef", "#dfe3dd", "#aecbc6", "#6fa9ad", "#35809a", "#1f5383", "#1c2a5e", "#170f33"),
    ),
    "dark": (
        *("#111416", "#152231", "#1b3a57", "#22607a", "#2f8c8c", "#6fb887", "#c9da83", "#fff6cf"),
    ),
}


def spectrogram_png(
    y,
    sr,
    *,
    width=800,
    height=260,
    scale=1.0,
    theme="light",
    axis="mel",
    low=0.0,
    high=None,
    contrast=1.0,
):
    """Draw the spectrogram of a waveform, from `low` Hz at the bottom to `high` Hz."""
    # Width and height are in CSS pixels; `scale` is image pixels per CSS pixel. `axis` spreads
    # the frequencies "mel" or "linear". `high` is at most half the sampling rate, which is the
    # default. `contrast=2` spreads the colors over the louder half of the levels.
    from PIL import Image

    columns, rows = round(width * scale), round(height * scale)
    high = sr / 2 if high is None else min(high, sr / 2)
    low = min(low, 0.99 * high)
    edges = _frequencies(np.linspace(1, 0, rows + 1), low, high, axis)
    image = Image.fromarray(_levels(y, sr, columns, edges, contrast), "L")
    if image.width != columns:  # short recordings have fewer frames, long recordings more
        image = image.resize((columns, rows), Image.Resampling.BILINEAR)
    image.putpalette(_palette(theme))
    stream = io.BytesIO()
    # Level 1: higher compression takes longer than sending the picture.
    image.save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def _frequencies(height, low, high, axis):
    """Return frequencies in Hz at shares of the height, as static/axes.js places its ticks."""
    if axis == "linear":
        return low + height * (high - low)
    # O'Shaughnessy's formula, librosa's htk=True; importing librosa would delay the first picture
    # by a second.
    start, end = 1.0 + low / 700.0, 1.0 + high / 700.0
    return 700.0 * (start * (end / start) ** height - 1.0)


def _levels(y, sr, columns, edges, contrast):
    """Return the color number of each row and frame, uint8."""
    power = _power(y, sr, min(columns, _MAX_FRAMES))
    bins = np.arange(len(power))
    positions = np.interp(edges, np.linspace(0, sr / 2, len(bins)), bins)
    decibels = 10 * np.log10(np.maximum(_mean_between(power, positions), 1e-20))
    # Clip at the noise floor: levels below it only brighten the picture.
    high = float(decibels.max())
    low = max(high - _RANGE, min(float(np.percentile(decibels[::4, ::4], 15)), high - 30))
    low = high - (high - low) / contrast
    # Bytes, because the picture is resized afterwards: the largest has 26 million points.
    return np.clip((decibels - low) * (255 / (high - low)), 0, 255).astype(np.uint8)


def _power(y, sr, columns):
    """Return power of shape (bins, frames), with at most a few frames per column."""
    n_fft = 2 ** max(5, round(math.log2(_FRAME * sr)))
    hop = max(1, n_fft // 16, len(y) // columns)
    if hop > n_fft // 2:
        hop = max(n_fft // 2, len(y) // (_FRAMES_PER_COLUMN * columns))
    padded = np.pad(y, n_fft // 2)
    frames = sliding_window_view(padded, n_fft)[: len(y) : hop]
    taper = np.hanning(n_fft + 1)[:-1].astype(np.float32)
    # Padding smooths the low end of a mel axis, where few bins cover many rows.
    spectrum = scipy.fft.rfft(frames * taper, max(n_fft, _MIN_FFT), axis=1)
    return (np.square(spectrum.real) + np.square(spectrum.imag)).T


def _mean_between(values, edges):
    """Return means of rows between descending, fractional row positions."""
    total = np.zeros((len(values) + 1, values.shape[1]))
    np.cumsum(values, axis=0, out=total[1:])
    edges = np.clip(edges + 0.5, 0.5, len(values) - 0.5)
    low = edges.astype(int)
    at_edges = total[low] + (edges - low)[:, np.newaxis] * values[low]
    return np.diff(at_edges, axis=0) / np.diff(edges)[:, np.newaxis]


@lru_cache(maxsize=len(RAMPS))
def _palette(theme):
    """Return 256 colors."""
    anchors = [[int(color[i : i + 2], 16) for i in (1, 3, 5)] for color in RAMPS[theme]]
    at = np.linspace(0, len(anchors) - 1, 256)
    ramp = [np.interp(at, range(len(anchors)), channel) for channel in np.transpose(anchors)]
    return np.rint(ramp).astype(int).T.ravel().tolist()
