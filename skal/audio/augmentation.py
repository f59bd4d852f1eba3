"""Augmentations of spectrograms and of waveforms: changes that leave the class as it is.

Spectrograms have the shape (n_clips, n_bands, n_frames), with or without an axis of channels at
the end, or (n_clips, n_segments, n_bands, n_frames, n_channels); waveforms (n_clips, n_samples).
Every function draws one change for each clip, works on all clips at once, and returns a new
array of the shape and dtype that it was given. Strengths are relative to each clip (its length,
its standard deviation), so that they mean the same in dB, after normalization and after PCEN.
"""

from numbers import Real

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval

__all__ = [
    "Augmenter",
    "add_noise",
    "augment",
    "change_gain",
    "mask_bands",
    "mask_time",
    "shift_bands",
    "shift_time",
]


def shift_time(X, random_state=None, *, amount=0.1):
    """Move every clip in time; what leaves at one end comes in at the other.

    Parameters
    ----------
    X : ndarray
        Spectrograms or waveforms.
    random_state : int, RandomState or None
        Randomness.
    amount : float, default=0.1
        Largest shift, as a share of the clip.

    Returns
    -------
    ndarray of the shape of X
    """
    axis = _time_axis(X)
    length = X.shape[axis]
    offsets = _offsets(X, random_state, round(amount * length))
    return _gather(X, (np.arange(length) - offsets[:, np.newaxis]) % length, axis)


def shift_bands(X, random_state=None, *, amount=0.035):
    """Move every spectrogram up or down in frequency; the band at the edge is repeated.

    Parameters
    ----------
    X : ndarray
        Spectrograms.
    random_state : int, RandomState or None
        Randomness.
    amount : float, default=0.035
        Largest shift, as a share of the bands (2 of 60).

    Returns
    -------
    ndarray of the shape of X
    """
    axis = _band_axis(X)
    length = X.shape[axis]
    offsets = _offsets(X, random_state, round(amount * length))
    index = np.clip(np.arange(length) - offsets[:, np.newaxis], 0, length - 1)
    return _gather(X, index, axis)


def change_gain(X, random_state=None, *, amount=0.2):
    """Make every clip louder or quieter.

    Parameters
    ----------
    X : ndarray
        Spectrograms (a constant is added to the first channel: levels are logarithmic; slopes
        do not change with the level) or waveforms (multiplied).
    random_state : int, RandomState or None
        Randomness.
    amount : float, default=0.2
        Standard deviation of the change: of spectrograms in standard deviations of the clip, of
        waveforms in nepers (0.2 is 1.7 dB).

    Returns
    -------
    ndarray of the shape of X
    """
    draws = check_random_state(random_state).normal(scale=amount, size=len(X))
    draws = draws.reshape(-1, *[1] * (X.ndim - 1))
    if X.ndim == 2:
        return (X * np.exp(draws)).astype(X.dtype)
    out = X.copy()
    static = out[..., 0] if X.ndim >= 4 else out
    static += (draws.reshape(-1, *[1] * (static.ndim - 1)) * _scale(static)).astype(X.dtype)
    return out


def add_noise(X, random_state=None, *, amount=0.1):
    """Add white noise of a level drawn for each clip.

    Parameters
    ----------
    X : ndarray
        Spectrograms or waveforms.
    random_state : int, RandomState or None
        Randomness.
    amount : float, default=0.1
        Largest standard deviation of the noise, in standard deviations of the clip.

    Returns
    -------
    ndarray of the shape of X
    """
    random_state = check_random_state(random_state)
    levels = random_state.uniform(0, amount, size=(len(X), *[1] * (X.ndim - 1))) * _scale(X)
    noise = random_state.standard_normal(X.shape).astype(X.dtype)
    noise *= levels.astype(X.dtype)
    noise += X
    return noise


def mask_time(X, random_state=None, *, amount=0.1):
    """Replace a stretch of time of every clip: by its mean, in waveforms by silence.

    Parameters
    ----------
    X : ndarray
        Spectrograms or waveforms.
    random_state : int, RandomState or None
        Randomness.
    amount : float, default=0.1
        Longest stretch, as a share of the clip.

    Returns
    -------
    ndarray of the shape of X

    References
    ----------
    Park et al., SpecAugment, Interspeech 2019, section 2.
    """
    return _mask(X, random_state, amount, _time_axis(X))


def mask_bands(X, random_state=None, *, amount=0.1):
    """Replace some neighboring bands of every spectrogram by its mean.

    Parameters
    ----------
    X : ndarray
        Spectrograms.
    random_state : int, RandomState or None
        Randomness.
    amount : float, default=0.1
        Most bands, as a share of all.

    Returns
    -------
    ndarray of the shape of X

    References
    ----------
    Park et al., SpecAugment, Interspeech 2019, section 2.
    """
    return _mask(X, random_state, amount, _band_axis(X))


class Augmenter(BaseEstimator):
    """A choice of augmentations, called as ``augmenter(X, random_state)``.

    All that apply to X are applied, one after the other: masks and shifts of bands need a
    spectrogram, the others work on waveforms too. A strength of 0 leaves an augmentation out.

    Parameters
    ----------
    time_shift : float, default=0.1
        See `shift_time`.
    band_shift : float, default=0.035
        See `shift_bands`.
    gain : float, default=0.2
        See `change_gain`.
    noise : float, default=0.1
        See `add_noise`.
    time_mask : float, default=0.1
        See `mask_time`.
    band_mask : float, default=0.1
        See `mask_bands`.

    Examples
    --------
    >>> import numpy as np
    >>> from skal.audio.augmentation import Augmenter
    >>> X = np.zeros((8, 60, 41, 1), dtype=np.float32)
    >>> Augmenter(time_mask=0)(X, random_state=0).shape
    (8, 60, 41, 1)
    """

    _parameter_constraints = {
        "time_shift": [Interval(Real, 0, 1, closed="both")],
        "band_shift": [Interval(Real, 0, 1, closed="both")],
        "gain": [Interval(Real, 0, None, closed="left")],
        "noise": [Interval(Real, 0, None, closed="left")],
        "time_mask": [Interval(Real, 0, 1, closed="both")],
        "band_mask": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(
        self,
        *,
        time_shift=0.1,
        band_shift=0.035,
        gain=0.2,
        noise=0.1,
        time_mask=0.1,
        band_mask=0.1,
    ):
        self.time_shift = time_shift
        self.band_shift = band_shift
        self.gain = gain
        self.noise = noise
        self.time_mask = time_mask
        self.band_mask = band_mask

    def __call__(self, X, random_state=None):
        """Return one augmented copy of every clip.

        Parameters
        ----------
        X : ndarray
            Spectrograms or waveforms.
        random_state : int, RandomState or None
            Randomness.

        Returns
        -------
        ndarray of the shape and dtype of X

        Raises
        ------
        ValueError
            If X has fewer than 2 or more than 5 dimensions.
        """
        self._validate_params()
        X = np.asarray(X)
        if not 2 <= X.ndim <= 5:
            raise ValueError(f"X has {X.ndim} dimensions: 2 to 5 are waveforms or spectrograms")
        if X.dtype.kind != "f":
            X = X.astype(np.float32)
        random_state = check_random_state(random_state)
        steps = [(shift_time, self.time_shift), (change_gain, self.gain)]
        if X.ndim > 2:
            steps += [(shift_bands, self.band_shift), (mask_bands, self.band_mask)]
        steps += [(add_noise, self.noise), (mask_time, self.time_mask)]
        out = X.copy()
        for step, amount in steps:
            if amount > 0:
                out = step(out, random_state, amount=amount)
        return out


def augment(X, random_state=None):
    """Return one augmented copy of every clip, with the defaults of `Augmenter`.

    Parameters
    ----------
    X : ndarray
        Spectrograms or waveforms.
    random_state : int, RandomState or None
        Randomness.

    Returns
    -------
    ndarray of the shape and dtype of X
    """
    return Augmenter()(X, random_state)


def _time_axis(X):
    return {2: 1, 3: 2, 4: 2, 5: 3}[X.ndim]


def _band_axis(X):
    if X.ndim == 2:
        raise ValueError("waveforms have no bands: X needs 3 to 5 dimensions")
    return _time_axis(X) - 1


def _offsets(X, random_state, largest):
    return check_random_state(random_state).randint(-largest, largest + 1, size=len(X))


def _gather(X, index, axis):
    """Take other positions along an axis, an own list of them for each clip."""
    rows = np.arange(len(X))[:, np.newaxis]
    return np.moveaxis(np.moveaxis(X, axis, 1)[rows, index], 1, axis)


def _scale(X):
    return X.std(axis=tuple(range(1, X.ndim)), keepdims=True)


def _mask(X, random_state, amount, axis):
    random_state = check_random_state(random_state)
    length = X.shape[axis]
    widths = random_state.randint(0, round(amount * length) + 1, size=len(X))
    first = np.floor(random_state.uniform(size=len(X)) * (length - widths + 1)).astype(int)
    steps = np.arange(length)
    inside = (steps >= first[:, np.newaxis]) & (steps < (first + widths)[:, np.newaxis])
    shape = [len(X)] + [length if k == axis else 1 for k in range(1, X.ndim)]
    axes = tuple(range(1, X.ndim - 1)) if X.ndim >= 4 else tuple(range(1, X.ndim))
    fill = X.dtype.type(0) if X.ndim == 2 else X.mean(axis=axes, keepdims=True)
    return np.where(inside.reshape(shape), fill, X)
