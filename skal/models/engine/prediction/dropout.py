"""Forward passes with dropout; everything else is as in prediction."""

# The masks here are for sampling a trained network. In training, the dropout layers of Keras draw
# their own, from seeds that `skal.models.engine.drawing` sets.

import functools
import math

import numpy as np

from skal.models._backend import compiled, keras, tf
from skal.models.engine.prediction.inference import in_batches
from skal.models.engine.prediction.tracing import as_graph, replaced, uses

__all__ = ["NO_DROPOUT", "CompiledSampling", "has_dropout"]

NO_DROPOUT = (
    "sample_proba needs dropout, but the network has none: add some, for example "
    "network__dropout=0.2 or a layer keras.layers.Dropout(0.2)"
)
SPATIAL = (
    keras.layers.SpatialDropout1D,
    keras.layers.SpatialDropout2D,
    keras.layers.SpatialDropout3D,
)
# Slope and scale of SELU: AlphaDropout sets activations to its lowest value.
SELU = (1.6732632423543772, 1.0507009873554805)


class CompiledSampling:
    """Probabilities of a network with dropout, in several passes."""

    # A pass is one model: all samples share its masks, which depend only on the seed of the pass.
    # Layers before the first dropout run once for all passes, unless a connection bypasses that
    # dropout.
    # Supports ``Dropout`` and its spatial variants, ``GaussianDropout``, ``AlphaDropout``, and the
    # ``dropout`` and ``recurrent_dropout`` of recurrent layers, including nested models and
    # wrappers. ``GaussianNoise`` and custom random layers stay as in prediction.

    def __init__(self, model):
        if not has_dropout(model):
            raise ValueError(NO_DROPOUT)
        graph = as_graph(model)
        cut, self._head = _split(graph)
        body = keras.Model(graph.inputs[0], cut)
        self._dtype, self._output_dtype = graph.inputs[0].dtype, graph.outputs[0].dtype
        self._start = compiled(
            lambda x: body(x, training=False), graph.inputs[0].shape, dtype=self._dtype
        )
        self._finish = compiled(
            self._passes, tf.TensorSpec(cut.shape, cut.dtype), tf.TensorSpec((None, 2), tf.int32)
        )

    def __call__(self, X, n_passes, random_state):
        """Probabilities of every pass."""
        seeds = random_state.randint(2**31 - 1, size=(n_passes, 2), dtype=np.int32)
        sampled = in_batches(
            X, lambda x: (self._finish(self._start(x), seeds),), dtype=self._dtype
        )[0]
        return np.ascontiguousarray(np.moveaxis(sampled, 1, 0))

    def _passes(self, x, seeds):
        # One pass at a time: activations of several passes may not fit in memory.
        passes = tf.map_fn(
            functools.partial(_with_masks, self._head, x),
            seeds,
            fn_output_signature=self._output_dtype,
            parallel_iterations=1,
        )
        return tf.transpose(passes, (1, 0, 2))


def has_dropout(model):
    """Return whether a network has supported dropout at a rate above zero."""
    return any(_is_dropout(layer) or _is_dropout_cell(layer) for layer in _all_layers(model))


def _all_layers(model):
    return list(model._flatten_layers())


def _is_dropout(layer):
    kinds = (keras.layers.Dropout, keras.layers.GaussianDropout, keras.layers.AlphaDropout)
    return isinstance(layer, kinds) and layer.rate > 0


def _is_dropout_cell(layer):
    is_cell = hasattr(layer, "get_recurrent_dropout_mask")
    return is_cell and (layer.dropout > 0 or layer.recurrent_dropout > 0)


def _split(graph):
    """Split a network at its first dropout: return the tensor before it and the rest."""
    first = next(layer for layer in graph.layers if has_dropout(layer))
    given = uses(graph, first)
    if len(given) == 1 and len(given[0]) == 1:
        try:
            return given[0][0], keras.Model(given[0][0], graph.outputs[0])
        except ValueError:  # The output also depends on connections around the layer.
            pass
    return graph.inputs[0], graph


def _with_masks(network, x, seed):
    """Run a network with one row of masks; other layers are as in prediction."""
    masks, methods = _Masks(seed), {}
    for layer in _all_layers(network):
        if _is_dropout(layer):
            methods[layer, "call"] = functools.partial(_dropped, layer, masks)
        elif _is_dropout_cell(layer):
            methods[layer, "_create_dropout_mask"] = functools.partial(_cell_mask, layer, masks)
        elif isinstance(layer, keras.layers.RNN) and has_dropout(layer):
            methods[layer, "call"] = functools.partial(_in_training, layer.call)
    with replaced(methods):
        return network(x, training=False)


class _Masks:
    """Random numbers of one pass, a new stream for every use of a layer."""

    def __init__(self, seed):
        self._seed = seed
        self._n_drawn = 0

    def next_seed(self):
        self._n_drawn += 1
        return tf.random.experimental.stateless_fold_in(self._seed, self._n_drawn)

    def dropout(self, shape, rate, dtype):
        """Return a mask of zeros and equal values with mean 1."""
        return tf.nn.experimental.stateless_dropout(
            tf.ones(shape, dtype), rate=rate, seed=self.next_seed()
        )


def _dropped(layer, masks, x, *args, **kwargs):
    """Apply a dropout layer as in training, with one mask for all rows."""
    shape = _mask_shape(layer, x)
    if isinstance(layer, keras.layers.GaussianDropout):
        spread = math.sqrt(layer.rate / (1 - layer.rate))
        return x * tf.random.stateless_normal(shape, masks.next_seed(), 1.0, spread, x.dtype)
    if not isinstance(layer, keras.layers.AlphaDropout):
        return x * masks.dropout(shape, layer.rate, x.dtype)
    kept = masks.dropout(shape, layer.rate, x.dtype) * (1 - layer.rate)
    lowest = -SELU[0] * SELU[1]
    factor = ((1 - layer.rate) * (1 + layer.rate * lowest**2)) ** -0.5
    return factor * (x * kept + lowest * (1 - kept) - lowest * layer.rate)


def _mask_shape(layer, x):
    """Shape of the noise of a layer for one row."""
    sizes = [tf.shape(x)[axis] if size is None else size for axis, size in enumerate(x.shape)]
    if isinstance(layer, SPATIAL):
        first = getattr(layer, "data_format", "channels_last") == "channels_first"
        channels = 1 if first else len(sizes) - 1
        sizes = [size if axis == channels else 1 for axis, size in enumerate(sizes)]
    elif getattr(layer, "noise_shape", None) is not None:
        wanted = (1,) * (len(sizes) - len(layer.noise_shape)) + tuple(layer.noise_shape)
        sizes = [size if w is None else w for w, size in zip(wanted, sizes, strict=True)]
    return [1, *sizes[1:]]


def _cell_mask(cell, masks, x, rate):
    """Make the mask of a recurrent cell, or of each of its gates, for one row."""
    shape = [1, *x.shape[1:]]
    count = getattr(cell, "dropout_mask_count", None)
    if count is None:
        return masks.dropout(shape, rate, x.dtype)
    return [masks.dropout(shape, rate, x.dtype) for _ in range(count)]


def _in_training(call, *args, **kwargs):
    return call(*args, **{**kwargs, "training": True})
