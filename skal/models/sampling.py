"""Stochastic forward passes: dropout switched on, everything else as in prediction."""

import numpy as np

from skal.models._backend import compiled, keras
from skal.models.inference import BATCH_SIZE
from skal.models.weights import reseed, seed_generators

__all__ = ["CompiledSampling"]

NAMES = ("Dropout", "SpatialDropout1D", "SpatialDropout2D", "GaussianDropout", "AlphaDropout")


class CompiledSampling:
    """Probabilities of one network with dropout on, several passes over each block.

    What lies before the first dropout is computed once for all passes, unless a connection
    leads around that dropout.

    Parameters
    ----------
    model : keras.Model
        Network from samples to class probabilities.

    Raises
    ------
    ValueError
        If the network has no dropout.
    """

    def __init__(self, model):
        self.model = model
        dropouts = [layer for layer in model.layers if is_dropout(layer)]
        if not dropouts:
            raise ValueError(
                "sample_proba needs dropout, and the network has none: give it some, with "
                "network__dropout=0.2 for example"
            )
        cut, head = _after(model, dropouts[0])
        body = keras.Model(model.inputs[0], cut)
        self._dtype = model.inputs[0].dtype
        self._start = compiled(
            lambda x: body(x, training=False), model.input_shape, dtype=self._dtype
        )
        self._finish = compiled(lambda x: _through(head, x), cut.shape, dtype=self._dtype)

    def __call__(self, X, n_passes, random_state):
        """Probabilities of every pass.

        Parameters
        ----------
        X : ndarray of shape (n_samples, ...)
            Samples.
        n_passes : int
            Number of passes.
        random_state : RandomState instance
            Source of the dropout.

        Returns
        -------
        ndarray of shape (n_passes, n_samples, n_classes)
            Probabilities.
        """
        kept = [generator.state.numpy() for generator in seed_generators(self.model)]
        reseed(self.model, random_state)
        sampled = np.empty((n_passes, len(X), self.model.output_shape[-1]), dtype=self._dtype)
        for start in range(0, len(X), BATCH_SIZE):
            rows = slice(start, start + BATCH_SIZE)
            block = self._start(np.asarray(X[rows], dtype=self._dtype))
            for i in range(n_passes):
                sampled[i, rows] = self._finish(block).numpy()
        for generator, state in zip(seed_generators(self.model), kept, strict=True):
            generator.state.assign(state)
        return sampled


def is_dropout(layer):
    """Whether a layer drops activations at random in training.

    Parameters
    ----------
    layer : keras.Layer
        Layer.

    Returns
    -------
    bool
        True for dropout layers with a rate above zero.
    """
    return type(layer).__name__ in NAMES and layer.rate > 0


def _after(model, layer):
    """Part of a network from a layer on, and what goes into it."""
    try:
        return layer.input, keras.Model(layer.input, model.outputs[0])
    except ValueError:  # The output also depends on what leads around the layer.
        return model.inputs[0], model


def _through(network, x):
    """Run a network with its dropout on and every other layer as in prediction."""

    def switched(layer):
        if is_dropout(layer):
            return lambda *args, **kwargs: layer(*args, **{**kwargs, "training": True})
        return layer

    return network._run_through_graph(x, operation_fn=switched)
