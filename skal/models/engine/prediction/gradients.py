"""Lengths of per-example gradients over all trainable weights."""

import functools

import numpy as np

from skal.models._backend import compiled, keras, tf
from skal.models.engine.prediction.inference import in_batches
from skal.models.engine.prediction.tracing import layers_of, replaced
from skal.models.engine.training.steps import logits_of
from skal.models.networks._member_layers import MemberDense, MemberStem

__all__ = ["CompiledGradientLength"]


class CompiledGradientLength:
    """Expected gradient length of samples, for one network."""

    # Backpropagates the loss of each class once per block. The norm of each sample's gradient is
    # computed layer by layer from the layer's input and output gradient, so full gradients are
    # never stored.
    # Dense layers, one- and two-dimensional convolutions and batch normalizations, also in nested
    # models, are done in closed form; any other layer with weights makes all go through
    # TensorFlow's Jacobian, sample by sample.
    # Source: Goodfellow, Efficient per-example gradient computations, arXiv:1510.01799 (dense
    # layers).

    def __init__(self, model):
        logits = logits_of(model)
        layers = [layer for layer in layers_of(logits) if layer.trainable_variables]
        # Use TensorFlow's variables: it cannot make zero gradients for those of Keras.
        self._weights = [weight.value for weight in logits.trainable_variables]
        self._layers = layers
        self._logits = logits
        sizes = [_size(layer.output) for layer in layers_of(logits)[1:]]
        self._known = None not in sizes and all(_is_known(layer) for layer in layers)
        # If segments share a network, its layers have a row for each segment.
        counts = [layer.n_segments for layer in logits.layers if hasattr(layer, "n_segments")]
        self._n_segments = max(counts, default=1)
        self._dtype = model.inputs[0].dtype
        self._length = compiled(
            self._lengths if self._known else self._jacobian_lengths,
            model.inputs[0].shape,
            dtype=self._dtype,
        )
        cells = sum(size or 1 for size in sizes)
        self.batch_size = int(np.clip(2e7 // (cells * self._n_segments), 1, 256))

    def __call__(self, X):
        """Expected gradient length of each sample."""
        return in_batches(X, lambda x: (self._length(x),), self.batch_size, self._dtype)[0]

    def _lengths(self, x):
        with tf.GradientTape(persistent=True) as tape:
            probes = [_Probe(layer, tape) for layer in self._layers]
            with replaced({key: method for p in probes for key, method in p.methods.items()}):
                log_p = _log_p(self._logits(x, training=False))

        def length(target):
            back = tape.gradient(
                log_p,
                [probe.outputs for probe in probes],
                output_gradients=tf.broadcast_to(target, tf.shape(log_p)),
                unconnected_gradients="zero",
            )
            squares = [
                _squared_norm(
                    probe.layer,
                    [tf.cast(value, log_p.dtype) for value in probe.inputs],
                    [tf.cast(grad, log_p.dtype) for grad in grads],
                    self._n_segments,
                )
                for probe, grads in zip(probes, back, strict=True)
                if grads
            ]
            return tf.sqrt(tf.add_n(squares))

        norms = tf.map_fn(length, tf.eye(log_p.shape[-1], dtype=log_p.dtype))
        return tf.einsum("nc,cn->n", tf.exp(log_p), norms)

    def _jacobian_lengths(self, x):
        def length(sample):
            with tf.GradientTape(persistent=True) as tape:
                log_p = _log_p(self._logits(sample[None], training=False))[0]
            rows = tape.jacobian(
                log_p, self._weights, unconnected_gradients="zero", experimental_use_pfor=False
            )
            squares = [
                tf.reduce_sum(tf.reshape(tf.cast(r, log_p.dtype), (log_p.shape[0], -1)) ** 2, 1)
                for r in rows
            ]
            return tf.reduce_sum(tf.exp(log_p) * tf.sqrt(tf.add_n(squares)))

        dtype = self._logits.outputs[0].dtype
        return tf.map_fn(length, x, fn_output_signature=_at_least_float32(dtype))


class _Probe:
    """Inputs and pre-activation outputs of a layer, at each of its uses."""

    def __init__(self, layer, tape):
        self.layer = layer
        self._tape = tape
        self.inputs, self.outputs = [], []
        self.methods = {(layer, "call"): functools.partial(self._call, layer.call)}
        if hasattr(layer, "activation"):
            activation = functools.partial(self._activation, layer.activation)
            self.methods[layer, "activation"] = activation

    def _call(self, call, x, *args, **kwargs):
        self.inputs.append(x)
        y = call(x, *args, **kwargs)
        return y if hasattr(self.layer, "activation") else self._watched(y)

    def _activation(self, activation, y):
        return activation(self._watched(y))

    def _watched(self, y):
        # The tape does not watch tensors without trainable weights before them.
        self._tape.watch(y)
        self.outputs.append(y)
        return y


def _log_p(logits):
    return tf.nn.log_softmax(tf.cast(logits, _at_least_float32(logits.dtype)))


def _at_least_float32(dtype):
    return tf.float64 if tf.as_dtype(dtype) == tf.float64 else tf.float32


def _size(output):
    """Return the output size of a layer for one sample, or None if it is not fixed."""
    shapes = [x.shape[1:] for x in keras.tree.flatten(output)]
    return None if any(None in s for s in shapes) else sum(int(np.prod(s)) for s in shapes)


def _is_known(layer):
    if len(layer.trainable_variables) != len(layer._trainable_variables):
        return False  # It has an activation or another part with its own weights.
    if type(layer) is keras.layers.Dense:
        return not layer.lora_enabled
    if type(layer) is MemberDense:
        return True
    if type(layer) in (keras.layers.Conv1D, keras.layers.Conv2D, MemberStem):
        plain = layer.groups == 1 and layer.data_format == "channels_last"
        return plain and layer.padding in ("valid", "same") and not layer.lora_enabled
    return type(layer) is keras.layers.BatchNormalization and layer.axis in (
        -1,
        len(layer.input.shape) - 1,
    )


def _squared_norm(layer, values, backs, n_segments):
    """Return the squared norm of each sample's gradient of a layer's weights."""
    total = 0.0
    if isinstance(layer, keras.layers.BatchNormalization):
        if layer.scale:
            root = tf.sqrt(layer.moving_variance + layer.epsilon)
            normals = [
                back * (value - layer.moving_mean) / root
                for value, back in zip(values, backs, strict=True)
            ]
            total += _sum_squares(_over_positions(normals, n_segments))
        if layer.center:
            total += _sum_squares(_over_positions(backs, n_segments))
        return total
    if layer.use_bias:
        total += _sum_squares(_over_positions(backs, n_segments))
    return total + _kernel_square(layer, values, backs, n_segments)


def _kernel_square(layer, values, backs, n_segments):
    """Return the squared norm of each sample's gradient of a kernel."""
    if not isinstance(layer, (keras.layers.Dense, MemberDense)):
        values = [_patches(layer, value) for value in values]
    seen = tf.concat([_positions(value, n_segments) for value in values], 1)
    back = tf.concat([_positions(back, n_segments) for back in backs], 1)
    if not isinstance(layer, MemberDense):
        return _square_of_products(seen, back)
    n_members = layer.n_members
    squares = _square_of_products(_by_member(seen, n_members), _by_member(back, n_members))
    return tf.reduce_sum(tf.reshape(squares, (-1, n_members)), 1)


def _by_member(x, n_members):
    """Turn each member of each sample into a row, because members are independent."""
    n_positions, n_channels = x.shape[1], x.shape[2] // n_members
    x = tf.reshape(x, (-1, n_positions, n_members, n_channels))
    return tf.reshape(tf.transpose(x, (0, 2, 1, 3)), (-1, n_positions, n_channels))


def _square_of_products(seen, back):
    """Return the squared norm of the sum of outer products over the positions, for each row."""
    n_positions = seen.shape[1]
    if n_positions == 1:
        return _sum_squares(seen) * _sum_squares(back)
    if n_positions * n_positions < seen.shape[-1] * back.shape[-1]:
        # With few positions and many weights, products between positions avoid the full gradient.
        pairs = tf.matmul(seen, seen, transpose_b=True) * tf.matmul(back, back, transpose_b=True)
        return tf.reduce_sum(pairs, (1, 2))
    return _sum_squares(tf.matmul(seen, back, transpose_a=True))


def _patches(layer, value):
    """Return the input patch of each position of a convolution's output."""
    one = isinstance(layer, keras.layers.Conv1D)
    sizes = [
        (1, 1, *size, 1) if one else (1, *size, 1)
        for size in (layer.kernel_size, layer.strides, layer.dilation_rate)
    ]
    return tf.image.extract_patches(
        value[:, None] if one else value, *sizes, layer.padding.upper()
    )


def _positions(x, n_segments):
    """Shape activations into (samples, positions and segments, channels)."""
    return tf.reshape(x, (-1, n_segments * int(np.prod(x.shape[1:-1])), x.shape[-1]))


def _over_positions(parts, n_segments):
    """Sum over positions, segments, and uses for each sample."""
    return tf.add_n([tf.reduce_sum(_positions(x, n_segments), 1) for x in parts])


def _sum_squares(x):
    return tf.reduce_sum(x * x, axis=tuple(range(1, len(x.shape))))
