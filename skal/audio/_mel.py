"""Base class of mel transformers: parameters, shapes, and column names."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils.metaestimators import available_if

from skal._utils.private import Interval, StrOptions, _check_feature_names_in
from skal.audio._base import AudioTransformer
from skal.audio._layout import column_name, cut_segments, normalized, segment_starts
from skal.audio.reading import fit_length
from skal.audio.spectral import delta, mel_filters, mel_spectrogram, n_frames_of

__all__ = ["MelTransformer"]


class MelTransformer(AudioTransformer):
    """Base of the transformers that start from mel spectrograms."""

    # A subclass stores the parameters, sets its number of bands in ``_n_bands``, and computes
    # features of mel power spectrograms in ``_from_mel``.

    _parameter_constraints = {
        **AudioTransformer._parameter_constraints,
        "n_fft": [Interval(Integral, 2, None, closed="left")],
        "hop_length": [Interval(Integral, 1, None, closed="left")],
        "win_length": [Interval(Integral, 1, None, closed="left"), None],
        "window": [str, tuple],
        "center": ["boolean"],
        "pad_mode": [StrOptions({"constant", "reflect", "edge", "wrap", "symmetric"})],
        "n_mels": [Interval(Integral, 1, None, closed="left")],
        "fmin": [Interval(Real, 0, None, closed="left")],
        "fmax": [Interval(Real, 0, None, closed="neither"), None],
        "htk": ["boolean"],
        "power": [Interval(Real, 0, None, closed="neither")],
        "ref": [Interval(Real, 0, None, closed="neither"), StrOptions({"max"})],
        "amin": [Interval(Real, 0, None, closed="neither")],
        "top_db": [Interval(Real, 0, None, closed="left"), None],
        "deltas": [Interval(Integral, 0, 2, closed="both")],
        "delta_width": [Interval(Integral, 3, None, closed="left")],
        "normalize": [StrOptions({"clip", "band"}), None],
        "segment_frames": [Interval(Integral, 1, None, closed="left"), None],
        "overlap": [Interval(Real, 0, 1, closed="left")],
        "flatten": ["boolean"],
    }

    def feature_shape(self, n_samples=None):
        """Return the shape of the features of one clip.

        Parameters
        ----------
        n_samples : int, default=None
            Length of a waveform; None is `duration`.

        Returns
        -------
        tuple of int
            (bands, frames, channels); with `segment_frames` (segments, bands, frames,
            channels); with `flatten` the product of these.

        Raises
        ------
        ValueError
            If neither a length nor `duration` is given.
        """
        shape = self._shape(n_samples)
        return (int(np.prod(shape)),) if self.flatten else shape

    @available_if(lambda self: self.flatten)
    def get_feature_names_out(self, input_features=None):
        """Return the names of the columns, with ``flatten=True``.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Only compared with the names seen by `fit`, as in scikit-learn.

        Returns
        -------
        ndarray of str
            Such as ``logmel_b3_t10`` for band 3 of frame 10, ``logmel_b3_t10_d1`` for its slope;
            the prefix ``s2_`` means segment 2.
        """
        n_samples = getattr(self, "n_features_in_", None)
        if n_samples is not None:
            _check_feature_names_in(self, input_features)
        shape = self._shape(n_samples)
        prefix = type(self).__name__.lower()
        return np.array([column_name(prefix, i) for i in np.ndindex(shape)], dtype=object)

    def _shape(self, n_samples):
        if self.duration is not None:
            n_samples = max(1, round(self.duration * self.sr))
        if n_samples is None:
            raise ValueError("the shape depends on the length of the clips: give duration=, in s")
        n_samples = max(n_samples, self._least_samples())
        frames = n_frames_of(n_samples, self.n_fft, self.hop_length, self.center)
        shape = (self._n_bands(), frames, 1 + self.deltas)
        if self.segment_frames is not None:
            starts = segment_starts(frames, self.segment_frames, self.overlap)
            shape = (len(starts), shape[0], self.segment_frames, shape[2])
        return shape

    def _check_parameters(self):
        self._validate_params()
        if self.win_length is not None and self.win_length > self.n_fft:
            raise ValueError(f"win_length={self.win_length} is longer than n_fft={self.n_fft}")
        if self.fmax is not None and self.fmax <= self.fmin:
            raise ValueError(f"fmax={self.fmax} Hz is not above fmin={self.fmin} Hz")
        if self.delta_width % 2 == 0:
            raise ValueError(f"delta_width={self.delta_width} is even: use {self.delta_width + 1}")

    def _least_samples(self):
        """Return the minimum length of a clip in samples; shorter clips are padded."""
        if self.segment_frames is None:
            return 1
        samples = (self.segment_frames - 1) * self.hop_length
        return max(1, samples if self.center else samples + self.n_fft)

    def _features_of_waveforms(self, y):
        """Return the features of equally long waveforms."""
        y = fit_length(y, max(y.shape[1], self._least_samples()), self.fill)
        filters = mel_filters(self.sr, self.n_fft, self.n_mels, self.fmin, self.fmax, self.htk)
        mel = mel_spectrogram(
            y,
            filters,
            n_fft=self.n_fft,
            hop_length=self.hop_length,
            win_length=self.win_length,
            window=self.window,
            center=self.center,
            pad_mode=self.pad_mode,
            power=self.power,
        )
        static = self._from_mel(mel)
        channels = [static]
        channels += [delta(static, self.delta_width, k + 1) for k in range(self.deltas)]
        features = np.stack(channels, axis=-1)
        if self.normalize is not None:
            features = normalized(features, (2,) if self.normalize == "band" else (1, 2))
        if self.segment_frames is not None:
            features = cut_segments(features, self.segment_frames, self.overlap)
        return features.reshape(len(y), -1) if self.flatten else features
