"""What the feature transformers share: reading in parallel, blocks, broken clips, shapes."""

import warnings
from numbers import Integral, Real

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _check_feature_names_in, validate_data

from skal._utils.sound.findings import HeaderWarning
from skal._utils.threads import one_blas_thread
from skal.audio._blocks import different_lengths, features_of_block
from skal.audio._clips import BrokenClipsError, as_float, clips_of, listed
from skal.audio._layout import column_name, cut_segments, normalized, segment_starts
from skal.audio.reading import fit_length
from skal.audio.spectral import delta, mel_filters, mel_spectrogram, n_frames_of

__all__ = ["AudioTransformer"]

# Clips per task: enough for a task to outweigh being sent, few enough to share the work out.
_CLIPS_PER_TASK = 32


class AudioTransformer(TransformerMixin, BaseEstimator):
    """Base of the transformers from clips to features.

    A subclass stores the parameters, names its number of bands in ``_n_bands`` and turns mel
    power spectrograms into features in ``_from_mel``.
    """

    _parameter_constraints = {
        "sr": [Interval(Integral, 1, None, closed="left")],
        "duration": [Interval(Real, 0, None, closed="neither"), None],
        "fill": [StrOptions({"silence", "repeat", "reflect"})],
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
        "on_error": [StrOptions({"raise", "warn"})],
        "n_jobs": [Integral, None],
    }

    def fit(self, X, y=None):
        """Check the parameters; nothing is learned.

        Parameters
        ----------
        X : sequence of paths or addresses, or waveforms
            See the class. Files are not read.
        y : None
            Ignored.

        Returns
        -------
        self
        """
        self._check_parameters()
        self._as_clips(X, reset=True)
        return self

    def transform(self, X):
        """Compute the features of every clip.

        Parameters
        ----------
        X : sequence of paths or addresses, or waveforms
            See the class.

        Returns
        -------
        ndarray, float32
            Of shape ``(n_clips, *feature_shape())``, or (n_clips, n_features) with `flatten`.

        Raises
        ------
        BrokenClipsError
            With ``on_error="raise"``, if clips cannot be read; it names them all.
        ValueError
            If the clips differ in length and `duration` is None.
        """
        features, broken = self._features_of(X)
        if broken and (self.on_error == "raise" or features is None):
            raise BrokenClipsError(broken)
        warn_of_broken(broken)
        return features

    def transform_readable(self, X):
        """Compute the features of the clips that can be read, and find those that cannot.

        This is how everything in skal learns what is broken, whatever `on_error` is. Nothing is
        kept in the transformer.

        Parameters
        ----------
        X : sequence of paths or addresses, or waveforms
            See the class.

        Returns
        -------
        features : ndarray, float32, or None
            As from `transform`, without rows for broken clips; None if all are broken.
        broken : dict of int to Broken
            The others, by position in X.
        """
        features, broken = self._features_of(X)
        if len(broken) == len(X):
            return None, broken
        if broken:
            features = np.delete(features, list(broken), axis=0)
        return features, broken

    @property
    def sets_aside(self):
        """Whether `transform` leaves rows of zeros for broken clips, instead of an error."""
        return self.on_error == "warn"

    def _features_of(self, X):
        self._check_parameters()
        return self._features_of_clips(self._as_clips(X, reset=False))

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
            Only compared with the names seen by `fit`, as everywhere in scikit-learn.

        Returns
        -------
        ndarray of str
            Such as ``logmel_b3_t10`` for band 3 of frame 10, ``logmel_b3_t10_d1`` for its
            slope, with ``s2_`` before for segment 2.
        """
        n_samples = getattr(self, "n_features_in_", None)
        if n_samples is not None:
            _check_feature_names_in(self, input_features)
        shape = self._shape(n_samples)
        prefix = type(self).__name__.lower()
        return np.array([column_name(prefix, i) for i in np.ndindex(shape)], dtype=object)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.transformer_tags.preserves_dtype = ["float32"]
        tags.input_tags.string = True
        tags.input_tags.allow_nan = False
        return tags

    def _shape(self, n_samples):
        if self.duration is not None:
            n_samples = max(1, round(self.duration * self.sr))
        if n_samples is None:
            raise ValueError("the shape depends on the clips: give duration=, in s")
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

    def _as_clips(self, X, reset):
        clips = clips_of(X)
        if clips is not None:
            return clips
        finite = self.on_error == "raise" or "allow-nan"
        integers = getattr(X, "dtype", None)
        if integers is not None and integers.kind in "iu":
            X = validate_data(self, X, reset=reset, dtype=integers)
            return as_float(X)
        return validate_data(self, X, reset=reset, dtype=np.float32, ensure_all_finite=finite)

    def _features_of_clips(self, clips):
        """Return the features of all clips, zeros for broken ones, and what is broken."""
        workers = effective_n_jobs(self.n_jobs)
        size = max(1, min(_CLIPS_PER_TASK, -(-len(clips) // (4 * workers))))
        starts = range(0, len(clips), size)
        out, broken, notes, length = None, {}, [], None
        # Threads by default: decoding, resampling and the transforms all release the lock. A
        # backend chosen with joblib.parallel_config (loky, Dask, Ray) takes precedence. Threads
        # of BLAS would wait for each other in products this small.
        with one_blas_thread(), Parallel(n_jobs=self.n_jobs, prefer="threads") as parallel:
            at_once = 16 * workers
            for first in range(0, len(starts), at_once):
                tasks = [(s, clips[s : s + size]) for s in starts[first : first + at_once]]
                for block in parallel(delayed(features_of_block)(self, *task) for task in tasks):
                    broken |= block.broken
                    notes += block.notes
                    if block.features is None:
                        continue
                    length = self._same_length(length, (block.n_samples, clips, block.good[0]))
                    if out is None:
                        shape = (len(clips), *block.features.shape[1:])
                        out = np.zeros(shape, dtype=np.float32)
                    out[block.good] = block.features
        for note in dict.fromkeys(notes):
            warnings.warn(note, HeaderWarning, stacklevel=4)
        return self._or_zeros(out, len(clips)), broken

    def _same_length(self, first, new):
        if first is None or first[0] == new[0]:
            return new
        raise ValueError(different_lengths(self.sr, first, new))

    def _or_zeros(self, out, n_clips):
        if out is not None:
            return out
        if self.duration is None:
            return None
        return np.zeros((n_clips, *self.feature_shape()), dtype=np.float32)

    def _least_samples(self):
        """Return the samples that one segment needs: shorter clips are padded to it."""
        if self.segment_frames is None:
            return 1
        samples = (self.segment_frames - 1) * self.hop_length
        return max(1, samples if self.center else samples + self.n_fft)

    def _features_of_waveforms(self, y):
        """Return the features of waveforms of one length."""
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


def warn_of_broken(broken):
    """Warn once of all clips that were set aside, if there are any."""
    if broken:
        shown = "\n".join(listed(broken))
        warnings.warn(
            f"{len(broken)} clips could not be read, and their rows are zeros "
            f"(transform_readable leaves them out and returns the reasons):\n{shown}",
            UserWarning,
            stacklevel=3,
        )
