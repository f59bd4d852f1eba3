"""Base class of the feature transformers: parallel reading, blocks, and broken clips."""

import warnings
from numbers import Integral, Real

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import validate_data

from skal._utils.private import Interval, StrOptions
from skal._utils.sound.broken import HeaderWarning
from skal._utils.threads import one_blas_thread
from skal.audio._blocks import different_lengths, features_of_block
from skal.audio._inputs import BrokenClipsError, as_float, clips_of, listed

__all__ = ["AudioTransformer"]

# Clips per task: enough to outweigh the cost of a task, few enough to balance the load.
_CLIPS_PER_TASK = 32


class AudioTransformer(TransformerMixin, BaseEstimator):
    """Base of the transformers from clips to features."""

    # A subclass stores the parameters, returns its output shape in ``feature_shape``, and computes
    # features of equally long waveforms in ``_features_of_waveforms``.

    _parameter_constraints = {
        "sr": [Interval(Integral, 1, None, closed="left")],
        "duration": [Interval(Real, 0, None, closed="neither"), None],
        "fill": [StrOptions({"silence", "repeat", "reflect"})],
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
            With ``on_error="raise"``, if clips cannot be read; the error names all of them.
        ValueError
            If the clips differ in length and `duration` is None.
        """
        features, broken = self._features_of(X)
        if broken and self.on_error == "raise":
            raise BrokenClipsError(broken)
        if features is None:
            raise BrokenClipsError(broken, advice="")
        warn_of_broken(broken)
        return features

    def transform_readable(self, X):
        """Compute the features of the readable clips, and report the broken clips.

        All of skal finds broken clips with this method. It ignores `on_error` and stores nothing
        in the transformer.

        Parameters
        ----------
        X : sequence of paths or addresses, or waveforms
            See the class.

        Returns
        -------
        features : ndarray, float32, or None
            As from `transform`, without rows for broken clips; None if all are broken.
        broken : dict of int to Broken
            Broken clips, by position in X.
        """
        features, broken = self._features_of(X)
        if len(broken) == len(X):
            return None, broken
        if broken:
            features = np.delete(features, list(broken), axis=0)
        return features, broken

    @property
    def sets_aside(self):
        """Return whether `transform` returns rows of zeros for broken clips."""
        return self.on_error == "warn"

    @property
    def _rate(self):
        return self.sr

    def _value_parameters(self):
        """Return the parameters for the key of a store of features."""
        return self.get_params()

    def _features_of(self, X):
        self._check_parameters()
        return self._features_of_clips(self._as_clips(X, reset=False))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.transformer_tags.preserves_dtype = ["float32"]
        tags.input_tags.string = True
        tags.input_tags.allow_nan = False
        return tags

    def _check_parameters(self):
        self._validate_params()

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
        """Return the features of all clips (zeros for broken ones), and the broken clips."""
        workers = effective_n_jobs(self.n_jobs)
        size = max(1, min(_CLIPS_PER_TASK, -(-len(clips) // (4 * workers))))
        starts = range(0, len(clips), size)
        out, broken, notes, length = None, {}, [], None
        # Threads by default: decoding, resampling and the transforms all release the lock. A
        # backend chosen with joblib.parallel_config (loky, Dask, Ray) takes precedence. At these
        # sizes BLAS threads cost more than they save.
        with one_blas_thread(), Parallel(n_jobs=self.n_jobs, prefer="threads") as parallel:
            at_once = 16 * workers
            for first in range(0, len(starts), at_once):
                tasks = [(s, clips[s : s + size]) for s in starts[first : first + at_once]]
                for block in parallel(delayed(self._features_of_block)(*task) for task in tasks):
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

    def _features_of_block(self, start, clips):
        return features_of_block(self, start, clips)

    def _same_length(self, first, new):
        if first is None or first[0] == new[0]:
            return new
        raise ValueError(different_lengths(self._rate, first, new))

    def _or_zeros(self, out, n_clips):
        if out is not None:
            return out
        if self.duration is None:
            return None
        return np.zeros((n_clips, *self.feature_shape()), dtype=np.float32)


def warn_of_broken(broken):
    """Issue one warning for all clips that were set aside."""
    if broken:
        shown = "\n".join(listed(broken))
        warnings.warn(
            f"{len(broken)} clips could not be read; their feature rows are all zeros "
            f"(transform_readable leaves them out and returns the reasons):\n{shown}",
            UserWarning,
            stacklevel=3,
        )
