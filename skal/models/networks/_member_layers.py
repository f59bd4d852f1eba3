"""Keras layers for several networks trained side by side."""

import contextlib
import contextvars
import math

from skal.models._backend import keras

__all__ = ["MemberDense", "MemberFlatten", "MemberLayers", "MemberStem", "MemberVote", "dealing"]

_DEALT = contextvars.ContextVar("dealt", default=None)


@contextlib.contextmanager
def dealing(rows, n_samples):
    """In this context, give each member its own samples: rows of shape (samples, members)."""
    token = _DEALT.set((rows, n_samples))
    try:
        yield
    finally:
        _DEALT.reset(token)


class _OfMembers(keras.layers.Layer):
    """Base of layers for a number of members."""

    def __init__(self, n_members, **kwargs):
        super().__init__(**kwargs)
        self.n_members = n_members

    def get_config(self):
        """Return the configuration for saving."""
        return super().get_config() | {"n_members": self.n_members}


@keras.saving.register_keras_serializable("skal")
class MemberStem(keras.layers.Conv2D):
    """The first convolution of all members, of the same samples or of those dealt to each."""

    # All members predict the same samples, so their kernels are one convolution. In training, each
    # member gets `n_own` samples of a batch, or a quarter of them if that is more.

    def __init__(self, n_members, filters, kernel_size, n_own=16, **kwargs):
        super().__init__(filters, kernel_size, **kwargs)
        self.n_members, self.n_own = n_members, n_own

    def call(self, x):
        """Apply the kernels; the outputs of the members are concatenated."""
        dealt = _DEALT.get()
        if dealt is None:
            return super().call(x)
        kernels = keras.ops.split(self.kernel, self.n_members, axis=-1)
        outputs = [
            keras.ops.conv(
                _of_samples(x, *dealt, member), kernel, self.strides, padding=self.padding
            )
            for member, kernel in enumerate(kernels)
        ]
        return keras.ops.concatenate(outputs, axis=-1)

    def get_config(self):
        """Return the configuration for saving."""
        return super().get_config() | {"n_members": self.n_members, "n_own": self.n_own}


@keras.saving.register_keras_serializable("skal")
class MemberFlatten(_OfMembers):
    """Flatten each member's channels: (n, ..., channels) becomes (n, members * inputs)."""

    def call(self, x):
        """Flatten a batch, first member first."""
        n_places, n_channels = math.prod(x.shape[1:-1]), x.shape[-1] // self.n_members
        x = keras.ops.reshape(x, (-1, n_places, self.n_members, n_channels))
        x = keras.ops.transpose(x, (0, 2, 1, 3))
        return keras.ops.reshape(x, (-1, n_places * self.n_members * n_channels))

    def compute_output_shape(self, input_shape):
        """Shape of the flat batch."""
        return (input_shape[0], math.prod(input_shape[1:]))


@keras.saving.register_keras_serializable("skal")
class MemberDense(_OfMembers):
    """A dense layer for each member: (n, members * inputs) becomes (n, members * units)."""

    def __init__(self, n_members, units, *, use_bias=True, kernel_initializer="glorot_uniform",
                 kernel_regularizer=None, **kwargs):  # fmt: skip
        super().__init__(n_members, **kwargs)
        self.units = units
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)

    def build(self, input_shape):
        """Create the weights; each member's kernel is a range of columns."""
        shape = (input_shape[-1] // self.n_members, self.n_members * self.units)
        self.kernel = self.add_weight(
            shape=shape,
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            name="kernel",
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(shape=shape[1:], initializer="zeros", name="bias")

    def call(self, x):
        """Apply each member's kernel to its part of a batch."""
        x = keras.ops.reshape(x, (-1, self.n_members, self.kernel.shape[0]))
        kernel = keras.ops.reshape(self.kernel, (-1, self.n_members, self.units))
        x = keras.ops.einsum("nmi,imu->nmu", x, kernel)
        x = keras.ops.reshape(x, (-1, self.n_members * self.units))
        return x if self.bias is None else x + self.bias

    def compute_output_shape(self, input_shape):
        """Shape of the members' outputs."""
        return (input_shape[0], self.n_members * self.units)

    def get_config(self):
        """Return the configuration for saving."""
        return super().get_config() | {
            "units": self.units,
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
        }


@keras.saving.register_keras_serializable("skal")
class MemberVote(_OfMembers):
    """Logarithm of the mean probabilities over members, from their logits."""

    # Training computes the loss of each member from the input of this layer.

    def call(self, logits):
        """Average the probabilities of logits of shape (n, members, classes)."""
        log_p = keras.ops.log_softmax(logits, axis=-1)
        return keras.ops.logsumexp(log_p, axis=1) - math.log(self.n_members)

    def compute_output_shape(self, input_shape):
        """Shape of the votes."""
        return (input_shape[0], input_shape[2])


def _of_samples(x, rows, n_samples, member):
    """Return a member's samples, each with all its segments."""
    x = keras.ops.reshape(x, (n_samples, -1, *x.shape[1:]))
    x = keras.ops.take(x, rows[:, member], axis=0)
    return keras.ops.reshape(x, (-1, *x.shape[2:]))


class MemberLayers:
    """Factory of layers for members; Keras's own layers for a single network."""

    def __init__(self, layers, n_members):
        self._layers = layers
        self._n = n_members

    def stem(self, filters, kernel_size, n_own, **kwargs):
        """Return a first convolution with this number of filters for each member."""
        if self._n == 1:
            return self._layers.Conv2D(filters, kernel_size, **kwargs)
        kwargs |= {"dtype": self._layers.dtype, "n_own": n_own}
        return MemberStem(self._n, self._n * filters, kernel_size, **kwargs)

    def flatten(self, name):
        """Return a layer that flattens."""
        if self._n == 1:
            return self._layers.Flatten(name=name)
        return MemberFlatten(self._n, dtype=self._layers.dtype, name=name)

    def dense(self, units, **kwargs):
        """Return a dense layer with this number of units for each member."""
        if self._n == 1:
            return self._layers.Dense(units, **kwargs)
        return MemberDense(self._n, units, dtype=self._layers.dtype, **kwargs)
