"""ClipDisplay: the waveform and the spectrogram of a clip."""

import numpy as np
from scipy.signal import ShortTimeFFT
from scipy.signal.windows import hann

from skal._utils.sound.windows import as_window
from skal.audio import read_audio

__all__ = ["ClipDisplay", "decibels_of", "frame_length", "short_name", "show_clip"]

# More samples or frames than pixels are invisible, and would take gigabytes for an hour of sound.
_SAMPLES = 2**18
_FRAMES = 4096


class ClipDisplay:
    """Waveform of a clip above its spectrogram, on one time axis.

    Make one with `show_clip`.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        The waveform.
    sr : int
        Sampling rate, in Hz.
    name : str, default=None
        Title.

    Attributes
    ----------
    axes_ : ndarray of 2 matplotlib Axes
        Axes of the waveform and of the spectrogram.
    figure_ : matplotlib Figure
        Figure that holds the axes.
    line_ : matplotlib Line2D
        The waveform.
    image_ : matplotlib AxesImage
        The spectrogram, in dB below its largest value.

    See Also
    --------
    show_clip : Reads a recording, and draws it.
    MontageDisplay : Several clips side by side.

    Examples
    --------
    >>> from skal.datasets import make_sounds
    >>> from skal.display import ClipDisplay
    >>> sounds = make_sounds(1, 1, random_state=0)
    >>> display = ClipDisplay(y=sounds.data[0], sr=sounds.sr, name="a tone").plot(top_db=60)
    >>> display.image_.get_clim()
    (-60.0, 0.0)
    """

    def __init__(self, *, y, sr, name=None):
        self.y = y
        self.sr = sr
        self.name = name

    def plot(self, axes=None, *, n_fft=None, top_db=80.0, **kwargs):
        """Draw the clip.

        Parameters
        ----------
        axes : array-like of 2 matplotlib Axes, default=None
            Axes for waveform and spectrogram; None: a new figure.
        n_fft : int, default=None
            Length of a frame, in samples; None: the power of two nearest to 32 ms.
        top_db : float, default=80.0
            Range of the colors below the largest value, in dB.
        **kwargs : dict
            Passed to matplotlib's ``imshow`` for the spectrogram.

        Returns
        -------
        ClipDisplay
            The object itself, with the attributes set.
        """
        if axes is None:
            import matplotlib.pyplot as plt

            _, axes = plt.subplots(
                2, sharex=True, layout="constrained", gridspec_kw={"height_ratios": [1, 2]}
            )
        upper, lower = axes
        seconds = len(self.y) / self.sr
        (self.line_,) = upper.plot(*_outline(self.y, self.sr), linewidth=0.5)
        upper.set_ylabel("amplitude")
        upper.set_xlim(0, seconds)
        if self.name is not None:
            upper.set_title(short_name(self.name), parse_math=False)
        n_fft = frame_length(self.sr) if n_fft is None else n_fft
        decibels = decibels_of(self.y, self.sr, n_fft, top_db)
        style = {"origin": "lower", "aspect": "auto", "cmap": "magma", "vmin": -top_db, "vmax": 0}
        self.image_ = lower.imshow(
            decibels, extent=(0, seconds, 0, self.sr / 2), **(style | kwargs)
        )
        lower.set_xlabel("time (s)")
        lower.set_ylabel("frequency (Hz)")
        lower.figure.colorbar(self.image_, ax=list(axes), format="%.0f dB", shrink=0.6)
        self.axes_, self.figure_ = np.array([upper, lower]), lower.figure
        return self


def show_clip(clip, sr=None, *, name=None, axes=None, n_fft=None, top_db=80.0, **kwargs):
    """Draw the waveform of a clip above its spectrogram.

    Parameters
    ----------
    clip : path-like, Window, tuple (path, start, end) or ndarray of shape (n_samples,)
        A recording, a part of it (such as the address ``"night.wav#t=60,64"``), or a waveform.
    sr : int, default=None
        Sampling rate, in Hz. None: that of the recording; required for a waveform.
    name : str, default=None
        Title; None: as much of the end of the path as fits.
    axes : array-like of 2 matplotlib Axes, default=None
        Axes for waveform and spectrogram; None: a new figure.
    n_fft : int, default=None
        Length of a frame, in samples; None: the power of two nearest to 32 ms.
    top_db : float, default=80.0
        Range of the colors below the largest value, in dB.
    **kwargs : dict
        Passed to matplotlib's ``imshow`` for the spectrogram.

    Returns
    -------
    ClipDisplay

    Raises
    ------
    ValueError
        If a waveform has no sampling rate, is empty, or has more than one axis.

    See Also
    --------
    show_class : Several clips of a class.
    ClipDisplay : What is returned.

    Examples
    --------
    >>> from skal.datasets import make_sounds
    >>> from skal.display import show_clip
    >>> sounds = make_sounds(1, 1, random_state=0)
    >>> display = show_clip(sounds.data[0], sounds.sr, name="a tone")
    >>> [ax.get_ylabel() for ax in display.axes_]
    ['amplitude', 'frequency (Hz)']
    """
    if isinstance(clip, np.ndarray):
        if sr is None:
            raise ValueError("a waveform needs its sampling rate: show_clip(y, sr=...), in Hz")
        y = clip
    else:
        name = str(as_window(clip)) if name is None else name
        y, sr = read_audio(clip, sr)
    if y.ndim != 1 or len(y) == 0:
        raise ValueError(f"a waveform has one axis and at least one sample, not shape {y.shape}")
    return ClipDisplay(y=y, sr=sr, name=name).plot(axes, n_fft=n_fft, top_db=top_db, **kwargs)


def frame_length(sr):
    """Return the power of two nearest to 32 ms."""
    return 2 ** round(np.log2(0.032 * sr))


def short_name(name, most=48):
    """Shorten a path to its end, for titles."""
    name = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name)
    return name if len(name) <= most else "\N{HORIZONTAL ELLIPSIS}" + name[1 - most :]


def decibels_of(y, sr, n_fft, top_db):
    """Return the spectrogram of a waveform."""
    y = np.pad(y, (0, max(0, n_fft - len(y))))
    hop = max(1, n_fft // 4, -(-len(y) // _FRAMES))
    transform = ShortTimeFFT(hann(n_fft, sym=False), hop=hop, fs=sr)
    last = max(1, len(y) // transform.hop)
    power = transform.spectrogram(y, p0=0, p1=last + 1)
    loudest = power.max()
    if loudest == 0:
        return np.full(power.shape, -top_db)
    return 10 * np.log10(np.maximum(power / loudest, 10 ** (-top_db / 10)))


def _outline(y, sr):
    """Return times in s and samples; for long waveforms, the minimum and maximum of each part."""
    if len(y) <= _SAMPLES:
        return np.arange(len(y)) / sr, y
    size = -(-len(y) // (_SAMPLES // 2))
    starts = np.arange(0, len(y), size)
    ends = np.minimum.reduceat(y, starts), np.maximum.reduceat(y, starts)
    return np.repeat(starts / sr, 2), np.stack(ends, axis=1).ravel()
