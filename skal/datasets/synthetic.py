"""Synthetic sounds of classes that loudness or pitch alone cannot tell apart."""

from numbers import Integral, Real
from pathlib import Path

import numpy as np
import scipy.signal
from sklearn.utils import check_random_state

from skal._utils.private import Interval, validate_params
from skal.datasets._bunch import make_bunch

__all__ = ["SOUND_KINDS", "make_sounds", "write_sounds"]


@validate_params(
    {
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "n_classes": [Interval(Integral, 1, 10, closed="both")],
        "sr": [Interval(Integral, 2000, None, closed="left")],
        "duration": [Interval(Real, 0.1, None, closed="left")],
        "snr_db": [Interval(Real, None, None, closed="neither")],
        "n_groups": [Interval(Integral, 1, None, closed="left")],
        "weights": ["array-like", None],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def make_sounds(
    n_samples=200,
    n_classes=4,
    *,
    sr=8000,
    duration=1.0,
    snr_db=10.0,
    n_groups=10,
    weights=None,
    random_state=None,
):
    """Make labeled sounds: tones, chirps, clicks, noise bands and more.

    Onset, length, pitch, level and background noise vary within every class, and each group (such
    as a recorder and its place) has its own background and pitch tendency.

    Parameters
    ----------
    n_samples : int, default=200
        Number of sounds.
    n_classes : int, default=4
        Number of classes, at most 10.
    sr : int, default=8000
        Sampling rate, in Hz.
    duration : float, default=1.0
        Length of every sound, in s.
    snr_db : float, default=10.0
        Mean level of the sound above the background noise, in dB; it varies by 6 dB.
    n_groups : int, default=10
        Number of groups.
    weights : array-like of shape (n_classes,), default=None
        Shares of the classes; None: equal shares.
    random_state : int, RandomState or None
        Randomness.

    Returns
    -------
    sklearn.utils.Bunch
        ``data`` (ndarray of shape (n_samples, n), float32), ``sr``, ``target``,
        ``target_names``, ``groups``, and ``onset`` and ``offset`` of every event, in s.

    Raises
    ------
    ValueError
        If `weights` does not have a positive share for every class.

    See Also
    --------
    load_audio_folder : Loads recordings of your own.
    fetch_fsdd : Downloads a small data set of real recordings.

    Examples
    --------
    >>> from skal.datasets import make_sounds
    >>> sounds = make_sounds(20, 3, random_state=0)
    >>> sounds.data.shape, sounds.target_names.tolist()
    ((20, 8000), ['tone', 'chirp up', 'clicks'])
    """
    random_state = check_random_state(random_state)
    target = random_state.permutation(_balanced(n_samples, n_classes, weights))
    groups = random_state.randint(n_groups, size=n_samples)
    leaning = random_state.normal(scale=0.15, size=n_groups)
    color = random_state.uniform(-0.9, 0.9, size=n_groups)
    n = round(sr * duration)
    data = np.empty((n_samples, n), dtype=np.float32)
    bounds = np.empty((n_samples, 2))
    for i, (kind, group) in enumerate(zip(target, groups, strict=True)):
        length = int(n * random_state.uniform(0.25, 0.6))
        first = random_state.randint(n - length + 1)
        pitch = np.exp(random_state.normal(np.log(700) + leaning[group], 0.35))
        event = _MAKERS[kind](length, sr, pitch, random_state)
        event *= _envelope(length, random_state) / (event.std() + 1e-12)
        noise = scipy.signal.lfilter([1], [1, -color[group]], random_state.standard_normal(n))
        noise *= 10 ** (-(snr_db + random_state.uniform(-6, 6)) / 20) / noise.std()
        noise[first : first + length] += event
        data[i] = noise * (0.2 * np.exp(random_state.normal(scale=0.5)) / np.abs(noise).max())
        bounds[i] = first / sr, (first + length) / sr
    # Samples above full scale would be clipped in a file.
    data /= np.maximum(1, np.abs(data).max(axis=1, keepdims=True))
    classes = SOUND_KINDS[:n_classes]
    return make_bunch(
        [classes[k] for k in target],
        classes,
        groups=groups,
        data=data,
        sr=sr,
        onset=bounds[:, 0],
        offset=bounds[:, 1],
    )


def write_sounds(sounds, folder, *, extension="wav"):
    """Write sounds to files, in a folder for each class, and return them with ``paths``."""
    import soundfile

    paths = []
    for i, (y, kind) in enumerate(zip(sounds.data, sounds.target, strict=True)):
        path = Path(folder) / str(sounds.target_names[kind]) / f"{i:06d}.{extension}"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, y, sounds.sr)
        paths.append(str(path))
    named = np.empty(len(paths), dtype=object)
    named[:] = paths
    return type(sounds)(**{**sounds, "paths": named})


def _balanced(n_samples, n_classes, weights):
    shares = np.ones(n_classes) if weights is None else np.asarray(weights, dtype=float)
    if shares.shape != (n_classes,) or not (shares > 0).all():
        raise ValueError(f"weights must be {n_classes} positive numbers, one for each class")
    edges = np.round(np.cumsum(shares) / shares.sum() * n_samples).astype(int)
    return np.repeat(np.arange(n_classes), np.diff(edges, prepend=0))


def _envelope(length, random_state):
    rise = max(1, int(length * random_state.uniform(0.02, 0.2)))
    fall = max(1, int(length * random_state.uniform(0.1, 0.5)))
    envelope = np.ones(length)
    envelope[:rise] *= np.linspace(0, 1, rise)
    envelope[-fall:] *= np.linspace(1, 0, fall)
    return envelope


def _voice(frequency, sr, random_state):
    """Return a sound with a few harmonics whose pitch follows a curve."""
    phase = 2 * np.pi * np.cumsum(frequency) / sr
    y = np.zeros(len(frequency))
    for harmonic in range(1, 4):
        # Harmonics above half the sampling rate would alias.
        audible = harmonic * frequency < 0.45 * sr
        level = random_state.uniform(0.3, 1) / harmonic**1.5
        y += level * audible * np.sin(harmonic * phase + random_state.uniform(0, 2 * np.pi))
    return y


def _tone(n, sr, pitch, random_state):
    return _voice(np.full(n, pitch), sr, random_state)


def _chirp_up(n, sr, pitch, random_state):
    octaves = random_state.uniform(0.4, 1.0)
    return _voice(pitch * 2 ** np.linspace(-octaves / 2, octaves / 2, n), sr, random_state)


def _chirp_down(n, sr, pitch, random_state):
    return _chirp_up(n, sr, pitch, random_state)[::-1].copy()


def _warble(n, sr, pitch, random_state):
    t = np.arange(n) / sr
    bend = random_state.uniform(0.06, 0.15) * np.sin(2 * np.pi * random_state.uniform(8, 14) * t)
    return _voice(pitch * 2**bend, sr, random_state)


def _pulsed(n, sr, pitch, random_state):
    t = np.arange(n) / sr
    gate = 0.5 + 0.5 * np.sin(2 * np.pi * random_state.uniform(12, 25) * t)
    return _voice(np.full(n, pitch), sr, random_state) * gate**2


def _clicks(n, sr, pitch, random_state):
    y = np.zeros(n)
    period = int(sr / random_state.uniform(10, 25))
    y[random_state.randint(period) :: period] = 1
    decay = np.exp(-np.arange(int(0.01 * sr)) / (0.002 * sr))
    ring = decay * np.sin(2 * np.pi * 2 * pitch * np.arange(len(decay)) / sr)
    return scipy.signal.lfilter(ring, 1, y) + 1e-3 * random_state.standard_normal(n)


def _noise_band(n, sr, pitch, random_state):
    low, high = pitch / 2**0.4, min(pitch * 2**0.4, 0.45 * sr)
    sections = scipy.signal.butter(3, [low, high], "bandpass", fs=sr, output="sos")
    return scipy.signal.sosfilt(sections, random_state.standard_normal(n))


def _rasp(n, sr, pitch, random_state):
    t = np.arange(n) / sr
    gate = (np.sin(2 * np.pi * random_state.uniform(10, 20) * t) > 0).astype(float)
    return _noise_band(n, sr, pitch, random_state) * (gate + 0.05)


def _two_tones(n, sr, pitch, random_state):
    return _voice(np.where(np.arange(n) < n // 2, pitch * 1.25, pitch / 1.25), sr, random_state)


def _knock(n, sr, pitch, random_state):
    fall = np.exp(-np.arange(n) / (random_state.uniform(0.02, 0.05) * sr))
    sound = _voice(np.full(n, pitch / 2), sr, random_state)
    return fall * (sound + 0.5 * random_state.standard_normal(n))


_MAKERS = (
    _tone,
    _chirp_up,
    _clicks,
    _noise_band,
    _chirp_down,
    _warble,
    _pulsed,
    _rasp,
    _two_tones,
    _knock,
)

SOUND_KINDS = (
    "tone",
    "chirp up",
    "clicks",
    "noise band",
    "chirp down",
    "warble",
    "pulses",
    "rasp",
    "two tones",
    "knock",
)
