"""Normalization of features over a whole data set."""

from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from skal._utils.private import Interval, StrOptions, _fit_context

__all__ = ["FeatureScaler"]


class FeatureScaler(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Give the features of a data set zero mean and unit variance.

    Unlike `sklearn.preprocessing.StandardScaler` it keeps the shape of spectrograms and uses few
    means and scales: scaling each pixel separately would amplify noise in silent parts.

    Parameters
    ----------
    per : {"all", "channel", "band"}, default="channel"
        One mean and scale for "all" values, for each "channel" (decibels and slopes differ), or
        for each "band" of each channel. Flat features (2-D) have one for all values, or with
        "band" one for each column.
    block : int, default=1024
        Clips to read at a time, because X may be a memory map larger than memory.

    Attributes
    ----------
    mean_, scale_ : ndarray
        Arrays that broadcast against X.
    n_features_in_ : int
        Columns, or bands, or segments: the second axis of X.

    See Also
    --------
    LogMelSpectrogram : Normalizes each clip alone with its parameter ``normalize``.

    Examples
    --------
    >>> from skal.audio import FeatureScaler, LogMelSpectrogram
    >>> from skal.datasets import make_sounds
    >>> sounds = make_sounds(20, 2, random_state=0)
    >>> X = LogMelSpectrogram(sr=8000, n_mels=40, deltas=1).transform(sounds.data)
    >>> scaler = FeatureScaler(per="channel").fit(X[:10])
    >>> scaler.mean_.shape  # decibels and slopes have their own mean
    (1, 1, 1, 2)
    >>> scaled = scaler.transform(X[:10])
    >>> scaled.shape, bool(abs(scaled.mean()) < 1e-3), bool(abs(scaled.std() - 1) < 1e-3)
    ((10, 40, 16, 2), True, True)
    """

    _parameter_constraints = {
        "per": [StrOptions({"all", "channel", "band"})],
        "block": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, per="channel", *, block=1024):
        self.per = per
        self.block = block

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Measure mean and scale.

        Parameters
        ----------
        X : ndarray of shape (n_clips, ...)
            Features: 2-D, or spectrograms of 3 to 5 dimensions.
        y : None
            Ignored.

        Returns
        -------
        self
        """
        X = self._checked(X, reset=True)
        axes = self._axes(X.ndim)
        count, mean, spread = 0, 0.0, 0.0
        for start in range(0, len(X), self.block):
            part = np.asarray(X[start : start + self.block], dtype=np.float64)
            size = part.size / np.prod([part.shape[a] for a in range(part.ndim) if a not in axes])
            own = part.mean(axis=axes, keepdims=True)
            shift = own - mean
            count += size
            spread += ((part - own) ** 2).sum(axis=axes, keepdims=True)
            # Chan et al. 1983: merging parts this way loses no digits, unlike sums of squares.
            spread += shift**2 * size * (count - size) / count
            mean = mean + shift * size / count
        self.mean_ = mean
        scale = np.sqrt(spread / count)
        self.scale_ = np.where(scale > 10 * np.finfo(np.float32).eps * np.abs(mean), scale, 1.0)
        self.scale_[self.scale_ == 0] = 1.0
        return self

    def transform(self, X):
        """Normalize.

        Parameters
        ----------
        X : ndarray of shape (n_clips, ...)
            Features.

        Returns
        -------
        ndarray of the shape of X
        """
        check_is_fitted(self)
        X = self._checked(X, reset=False)
        mean, scale = self.mean_.astype(X.dtype), self.scale_.astype(X.dtype)
        out = X - mean
        out /= scale
        return out

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _checked(self, X, reset):
        X = validate_data(
            self, X, reset=reset, dtype=[np.float32, np.float64], allow_nd=True, copy=False
        )
        if not reset and X.ndim != self.mean_.ndim:
            raise ValueError(f"X has {X.ndim} dimensions, {self.mean_.ndim} were fitted")
        return X

    def _axes(self, ndim):
        """Return the axes that one mean is taken over."""
        kept = {
            "all": (),
            "channel": (ndim - 1,) if ndim >= 4 else (),
            "band": {2: (1,), 3: (1,), 4: (1, 3), 5: (2, 4)}[ndim],
        }[self.per]
        return tuple(a for a in range(ndim) if a not in kept)
