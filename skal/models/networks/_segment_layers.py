"""Keras layers for networks shared by the segments of a sample."""

import math

from skal.models._backend import keras

__all__ = ["FoldSegments", "SegmentMean", "SegmentVote"]


@keras.saving.register_keras_serializable("skal")
class FoldSegments(keras.layers.Layer):
    """Make a row of each segment: (n, segments, ...) becomes (n * segments, ...)."""

    def call(self, x):
        """Fold a batch."""
        return keras.ops.reshape(x, (-1, *x.shape[2:]))

    def compute_output_shape(self, input_shape):
        """Shape of the folded batch."""
        n, segments = input_shape[:2]
        return (None if n is None else n * segments, *input_shape[2:])


class _OverSegments(keras.layers.Layer):
    """Base of layers from (n * segments, ...) to (n, ...)."""

    def __init__(self, n_segments, **kwargs):
        super().__init__(**kwargs)
        self.n_segments = n_segments

    def get_config(self):
        """Return the configuration for saving."""
        return super().get_config() | {"n_segments": self.n_segments}

    def _unfold(self, x):
        return keras.ops.reshape(x, (-1, self.n_segments, *x.shape[1:]))

    def _n_samples(self, n_rows):
        return None if n_rows is None else n_rows // self.n_segments


@keras.saving.register_keras_serializable("skal")
class SegmentMean(_OverSegments):
    """Mean over the segments of each sample."""

    def call(self, x):
        """Average a batch."""
        return keras.ops.mean(self._unfold(x), axis=1)

    def compute_output_shape(self, input_shape):
        """Shape of the averages."""
        return (self._n_samples(input_shape[0]), *input_shape[1:])


@keras.saving.register_keras_serializable("skal")
class SegmentVote(_OverSegments):
    """Logarithm of the mean probabilities over segments, from their logits."""

    # The mean embedding is an input only to keep the embedding layer in the graph.

    def call(self, inputs):
        """Average the probabilities of the segments."""
        logits, _ = inputs
        log_p = keras.ops.log_softmax(self._unfold(logits), axis=-1)
        return keras.ops.logsumexp(log_p, axis=1) - math.log(self.n_segments)

    def compute_output_shape(self, input_shape):
        """Shape of the votes."""
        return (self._n_samples(input_shape[0][0]), *input_shape[0][1:])
