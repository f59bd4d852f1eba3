"""Augmentation of spectrogram batches during training."""

from numbers import Real

import numpy as np
from sklearn.base import BaseEstimator

from skal._utils.private import Interval, validate_parameter_constraints

__all__ = ["CompiledDistortion", "SpectrogramAugmentation"]

_SHARE = [Interval(Real, 0, 1, closed="both")]
_AMOUNT = [Interval(Real, 0, None, closed="left")]


class SpectrogramAugmentation(BaseEstimator):
    """Random changes of spectrograms in training, independent for each sample.

    Parameters
    ----------
    time_shift : float, default=0.1
        Largest shift in time, as a share of the frames; the edge is repeated.
    mel_shift : float, default=0.018
        Largest shift in frequency, as a share of the bands; the edge is repeated.
    gain : float, default=0.2
        Standard deviation of a level added to whole samples, in standard deviations of the data.
    noise : float, default=0.1
        Standard deviation of noise added to every cell, in standard deviations of the data.
    time_mask : float, default=0.1
        Longest run of frames set to the mean, as a share of the frames.
    mel_mask : float, default=0.0
        Highest run of bands set to the mean, as a share of the bands.
    mixup : float, default=0.15
        Largest share of another sample mixed into a sample and its label.

    See Also
    --------
    CNNClassifier : Trains with it.
    skal.strategies.AugmentationDisagreement : Asks where predictions of copies differ.

    References
    ----------
    Zhang et al., mixup: beyond empirical risk minimization, ICLR 2018. Park et al.,
    SpecAugment, Interspeech 2019, section 2 (masks).

    Examples
    --------
    Masks in time and frequency, and nothing else:

    >>> import numpy as np
    >>> from skal.models import CNNClassifier, CompactCNN, SpectrogramAugmentation
    >>> augmentation = SpectrogramAugmentation(
    ...     time_shift=0, mel_shift=0, gain=0, noise=0, time_mask=0.3, mel_mask=0.2, mixup=0
    ... )
    >>> model = CNNClassifier(CompactCNN(filters=(4,)), steps=1, augmentation=augmentation)
    >>> X = np.random.RandomState(0).normal(size=(4, 20, 30)).astype("float32")
    >>> copies = model.fit(X, ["cat", "cat", "dog", "dog"]).augment(X, random_state=0)
    >>> copies.shape, bool((copies == X).mean() > 0.4)
    ((4, 20, 30), True)
    """

    _parameter_constraints = {
        "time_shift": _SHARE,
        "mel_shift": _SHARE,
        "gain": _AMOUNT,
        "noise": _AMOUNT,
        "time_mask": _SHARE,
        "mel_mask": _SHARE,
        "mixup": _SHARE,
    }

    def __init__(
        self,
        time_shift=0.1,
        mel_shift=0.018,
        gain=0.2,
        noise=0.1,
        time_mask=0.1,
        mel_mask=0.0,
        mixup=0.15,
    ):
        self.time_shift = time_shift
        self.mel_shift = mel_shift
        self.gain = gain
        self.noise = noise
        self.time_mask = time_mask
        self.mel_mask = mel_mask
        self.mixup = mixup

    def distort(self, x, seed, mean, scale):
        """Shift and mask a batch, and add level changes and noise.

        Parameters
        ----------
        x : tf.Tensor of shape (n_samples, bands, frames, channels)
            Batch. Segments, (n_samples, segments, bands, frames, channels), change independently;
            samples of other shapes only get noise.
        seed : tf.Tensor of shape (2,)
            Seed; the same seed gives the same batch.
        mean, scale : tf.Tensor of shape (channels,)
            Mean and standard deviation of the data.

        Returns
        -------
        tf.Tensor of the shape of `x`
            Distorted batch.
        """
        from skal.models._backend import tf

        if len(x.shape) == 5:
            segments = tf.reshape(x, (-1, *x.shape[2:]))
            return tf.reshape(self.distort(segments, seed, mean, scale), tf.shape(x))
        seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 6), num=6)
        if self.noise:
            x += tf.random.stateless_normal(tf.shape(x), seeds[3], dtype=x.dtype) * (
                self.noise * scale
            )
        if len(x.shape) != 4:
            return x
        x = _shift(x, 2, self.time_shift, seeds[0])
        x = _shift(x, 1, self.mel_shift, seeds[1])
        if self.gain:
            shape = (tf.shape(x)[0], 1, 1, 1)
            x += tf.random.stateless_normal(shape, seeds[2], dtype=x.dtype) * (self.gain * scale)
        x = _mask(x, 2, self.time_mask, seeds[4], mean)
        return _mask(x, 1, self.mel_mask, seeds[5], mean)

    def mix(self, x, targets, seed):
        """Mix every sample of a batch, and its target, with another sample.

        Parameters
        ----------
        x : tf.Tensor of shape (n_samples, ...)
            Batch.
        targets : tf.Tensor of shape (n_samples, n_classes)
            Wanted probabilities.
        seed : tf.Tensor of shape (2,)
            Seed; the same seed gives the same batch.

        Returns
        -------
        x, targets : tf.Tensor
            Mixed batch and its targets.
        """
        from skal.models._backend import tf

        if not self.mixup:
            return x, targets
        seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 2), num=2)
        n = tf.shape(x)[0]
        share = tf.random.stateless_uniform((n,), seeds[0], maxval=self.mixup, dtype=x.dtype)
        other = tf.argsort(tf.random.stateless_uniform((n,), seeds[1]))
        wide = tf.reshape(share, (n,) + (1,) * (len(x.shape) - 1))
        share = share[:, None]
        return (
            x + wide * (tf.gather(x, other) - x),
            targets + share * (tf.gather(targets, other) - targets),
        )

    def validate(self):
        """Check the parameters.

        Raises
        ------
        ValueError
            If a parameter is not allowed; it names the parameter and its allowed values.
        """
        validate_parameter_constraints(
            self._parameter_constraints, self.get_params(), caller_name=type(self).__name__
        )


class CompiledDistortion:
    """A function, traced once, that makes augmented copies of samples of one shape."""

    def __init__(self, augmentation, shape):
        from skal.models._backend import compiled, tf

        augmentation.validate()
        self.n_traces = 0

        def distort(x, seed, mean, scale):
            self.n_traces += 1
            return augmentation.distort(x, seed, mean, scale)

        self._distort = compiled(
            distort, (None, *shape), tf.TensorSpec((2,), "int32"), (shape[-1],), (shape[-1],)
        )

    def __call__(self, X, seed, mean, scale, batch_size=256):
        """Distort samples block by block."""
        mean, scale = np.float32(mean), np.float32(scale)
        changed = np.empty(X.shape, dtype=np.float32)
        for i, start in enumerate(range(0, len(X), batch_size)):
            rows = slice(start, start + batch_size)
            block = np.asarray(X[rows], dtype=np.float32)
            changed[rows] = self._distort(block, np.int32([seed, i]), mean, scale).numpy()
        return changed


def _shift(x, axis, share, seed):
    """Shift each sample along an axis by a random whole number of cells."""
    from skal.models._backend import tf

    length = x.shape[axis]
    largest = round(share * length)
    if not largest:
        return x
    n = tf.shape(x)[0]
    by = tf.random.stateless_uniform((n, 1), seed, -largest, largest + 1, dtype=tf.int32)
    source = tf.clip_by_value(tf.range(length)[None] + by, 0, length - 1)
    return tf.gather(x, source, axis=axis, batch_dims=1)


def _mask(x, axis, share, seed, mean):
    """Set a random run of cells along an axis to the mean, in each sample."""
    from skal.models._backend import tf

    length = x.shape[axis]
    longest = share * length
    if longest < 1:
        return x
    seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 2), num=2)
    n = tf.shape(x)[0]
    width = tf.random.stateless_uniform((n, 1), seeds[0], maxval=longest)
    start = tf.random.stateless_uniform((n, 1), seeds[1]) * (length - width)
    cell = tf.range(length, dtype=tf.float32)[None]
    hidden = (cell >= start) & (cell < start + width)
    shape = [n, 1, 1, 1]
    shape[axis] = length
    return tf.where(tf.reshape(hidden, shape), mean, x)
