"""Compiled forward passes of a Keras network."""

import numpy as np

from skal.models._backend import compiled, keras, tf
from skal.models.engine.prediction.tracing import as_graph, last_dense, recording, replaced
from skal.models.engine.training.steps import log_odds, precise

__all__ = ["CompiledForward", "in_batches"]

BATCH_SIZE = 256
MULTIPLE = 16


def in_batches(X, function, batch_size=BATCH_SIZE, dtype="float32"):
    """Apply a function to blocks of rows and concatenate its outputs."""
    outputs = None
    for start in range(0, len(X), batch_size):
        rows = slice(start, start + batch_size)
        block = _padded(X[rows], dtype)
        block = [t.numpy()[: len(X[rows])] for t in function(block)]
        if outputs is None:
            outputs = [np.empty((len(X), *b.shape[1:]), b.dtype) for b in block]
        for output, part in zip(outputs, block, strict=True):
            output[rows] = part
    return outputs


def _padded(rows, dtype):
    """Convert rows and pad with zeros to a multiple of the vector width."""
    # Without padding, rows at the end of an odd block round differently, so a sample's probability
    # would depend on its position.
    n_padded = -(-len(rows) // MULTIPLE) * MULTIPLE
    if n_padded == len(rows):
        return np.asarray(rows, dtype=dtype)
    block = np.zeros((n_padded, *rows.shape[1:]), dtype=dtype)
    block[: len(rows)] = rows
    return block


class CompiledForward:
    """Probabilities and embeddings of a network in one pass, traced once."""

    def __init__(self, model, embedding_layer):
        self.model = model
        self._dense = None if embedding_layer is not None else last_dense(model)
        if self._dense is not None:
            self._network = as_graph(model)
        else:
            embedding = _embedding(model, embedding_layer)
            self._network = keras.Model(model.inputs[0], [model.outputs[0], embedding])
        self.n_traces = 0
        self._dtype = model.inputs[0].dtype
        self._forward = compiled(self._pass, model.input_shape, dtype=self._dtype)

    def __call__(self, X):
        """Probabilities and embeddings of samples."""
        return in_batches(X, self._forward, dtype=self._dtype)

    def _pass(self, x):
        self.n_traces += 1
        if self._dense is None:
            probabilities, embedding = self._network(x, training=False)
        else:
            seen = []
            with replaced({(self._dense, "call"): recording(self._dense, "call", seen)}):
                probabilities = self._network(x, training=False)
            embedding = seen[-1]
        if probabilities.dtype.size < 4:  # In 16 bits, probabilities would not sum to 1.
            probabilities = tf.nn.softmax(log_odds(probabilities))
        return probabilities, precise(tf.reshape(embedding, (tf.shape(x)[0], -1)))


def _embedding(model, name):
    """Return the output of a named layer, or else the input of the last layer."""
    if name is not None:
        return model.get_layer(name).output
    return next(x.input for x in reversed(model.layers) if not isinstance(x.input, list))
