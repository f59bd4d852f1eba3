"""Lengths of true per-example gradients over all trainable weights."""

import numpy as np

from skal.models._backend import compiled, keras, tf
from skal.models.inference import in_batches
from skal.models.training import logits_of

__all__ = ["CompiledGradientLength"]


class CompiledGradientLength:
    """Expected gradient length of samples, for one network.

    Backpropagates the loss of each class once for a block of samples and takes the norm of
    every sample's own gradient layer by layer, from what goes into the layer and what comes
    back to it: a gradient is never stored for longer than its norm takes.

    Parameters
    ----------
    model : keras.Model
        Network from samples to class probabilities.

    Notes
    -----
    Dense layers, two-dimensional convolutions and batch normalizations, in networks whose
    layers are used once, are done in closed form; any other layer with weights makes all go
    through TensorFlow's vectorized Jacobian.

    References
    ----------
    Goodfellow, Efficient per-example gradient computations, arXiv:1510.01799 (dense layers).
    """

    def __init__(self, model):
        logits = logits_of(model)
        layers = [layer for layer in logits.layers if layer.trainable_variables]
        # TensorFlow's own variables: it knows no zeros of the type of Keras's, for idle weights.
        self._weights = [weight.value for weight in logits.trainable_variables]
        self._layers = layers
        self._logits = logits
        self._known = all(_is_known(layer, logits) for layer in layers)
        # Where a network is shared over segments, its layers have a row for each of them.
        counts = [layer.n_segments for layer in logits.layers if hasattr(layer, "n_segments")]
        self._n_segments = max(counts, default=1)
        self._probe = (
            keras.Model(
                logits.inputs[0],
                [logits.outputs[0], [x.input for x in layers], [x.output for x in layers]],
            )
            if self._known
            else None
        )
        self._dtype = model.inputs[0].dtype
        self._length = compiled(
            self._lengths if self._known else self._jacobian_lengths,
            model.input_shape,
            dtype=self._dtype,
        )
        cells = sum(int(np.prod(layer.output.shape[1:])) for layer in logits.layers[1:])
        self.batch_size = int(np.clip(2e7 // (cells * self._n_segments), 1, 256))

    def __call__(self, X):
        """Expected gradient length of each sample.

        Parameters
        ----------
        X : ndarray of shape (n_samples, ...)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples,)
            Sum over the classes of probability times L2 norm of the gradient.
        """
        return in_batches(X, lambda x: (self._length(x),), self.batch_size, self._dtype)[0]

    def _lengths(self, x):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            logits, inputs, outputs = self._probe(x, training=False)
            log_p = tf.nn.log_softmax(logits)

        def length(target):
            back = tape.gradient(
                log_p,
                outputs,
                output_gradients=tf.broadcast_to(target, tf.shape(log_p)),
                unconnected_gradients="zero",
            )
            squares = [
                _squared_norm(layer, value, grad, self._n_segments)
                for layer, value, grad in zip(self._layers, inputs, back, strict=True)
            ]
            return tf.sqrt(tf.add_n(squares))

        norms = tf.map_fn(length, tf.eye(log_p.shape[-1], dtype=log_p.dtype))
        return tf.einsum("nc,cn->n", tf.exp(log_p), norms)

    def _jacobian_lengths(self, x):
        def length(sample):
            with tf.GradientTape(persistent=True) as tape:
                log_p = tf.nn.log_softmax(self._logits(sample[None], training=False))[0]
            rows = tape.jacobian(
                log_p, self._weights, unconnected_gradients="zero", experimental_use_pfor=False
            )
            squares = [tf.reduce_sum(tf.reshape(r, (log_p.shape[0], -1)) ** 2, 1) for r in rows]
            return tf.reduce_sum(tf.exp(log_p) * tf.sqrt(tf.add_n(squares)))

        return tf.map_fn(length, x, fn_output_signature=x.dtype)


def _is_known(layer, model):
    # Not all nodes of the layer: other networks, such as those that sample, may share it.
    nodes = [node for group in model._nodes_by_depth.values() for node in group]
    if sum(node.operation is layer for node in nodes) != 1 or isinstance(layer.input, list):
        return False
    linear = getattr(layer, "activation", keras.activations.linear) is keras.activations.linear
    if type(layer) is keras.layers.Dense:
        return linear and len(layer.input.shape) == 2
    if type(layer) is keras.layers.Conv2D:
        return linear and layer.groups == 1 and layer.data_format == "channels_last"
    return type(layer) is keras.layers.BatchNormalization and layer.axis in (
        -1,
        len(layer.input.shape) - 1,
    )


def _squared_norm(layer, value, back, n_segments):
    """Squared norm of each sample's gradient of the weights of one layer."""
    total = 0.0
    if isinstance(layer, keras.layers.BatchNormalization):
        if layer.scale:
            root = tf.sqrt(layer.moving_variance + layer.epsilon)
            normal = (value - layer.moving_mean) / root
            total += _sum_squares(_over_places(back * normal, n_segments))
        if layer.center:
            total += _sum_squares(_over_places(back, n_segments))
        return total
    if layer.use_bias:
        total += _sum_squares(_over_places(back, n_segments))
    return total + _kernel_square(layer, value, back, n_segments)


def _kernel_square(layer, value, back, n_segments):
    """Squared norm of each sample's gradient of a kernel: products of what it saw and gave."""
    n_places = n_segments * int(np.prod(layer.output.shape[1:-1]))
    if isinstance(layer, keras.layers.Conv2D):
        value = tf.image.extract_patches(
            value,
            (1, *layer.kernel_size, 1),
            (1, *layer.strides, 1),
            (1, *layer.dilation_rate, 1),
            layer.padding.upper(),
        )
    seen = tf.reshape(value, (-1, n_places, value.shape[-1]))
    back = tf.reshape(back, (-1, n_places, back.shape[-1]))
    if n_places == 1:
        return _sum_squares(seen) * _sum_squares(back)
    if n_places * n_places < seen.shape[-1] * back.shape[-1]:
        # Few places and many weights: compare places with places, and never see a weight.
        pairs = tf.matmul(seen, seen, transpose_b=True) * tf.matmul(back, back, transpose_b=True)
        return tf.reduce_sum(pairs, (1, 2))
    return _sum_squares(tf.matmul(seen, back, transpose_a=True))


def _over_places(x, n_segments):
    """Sum over the places and segments of each sample."""
    n_places = n_segments * int(np.prod(x.shape[1:-1]))
    return tf.reduce_sum(tf.reshape(x, (-1, n_places, x.shape[-1])), 1)


def _sum_squares(x):
    return tf.reduce_sum(x * x, axis=tuple(range(1, len(x.shape))))
