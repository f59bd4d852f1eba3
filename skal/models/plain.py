"""The engine without Keras's training: one vector of weights, fused operations."""

import numpy as np

from skal.models._backend import keras, random_kept, tf
from skal.models.engine import Engine, check_weights
from skal.models.optimizers import OPTIMIZERS
from skal.models.training import CompiledTraining

__all__ = ["FlatTraining", "TensorFlowEngine", "fused"]


class TensorFlowEngine(Engine):
    """A network of Keras layers, trained by TensorFlow alone.

    Parameters
    ----------
    network : Network
        Parameter object of the network.
    input_shape : tuple of int
        Shape of one sample.
    n_classes : int
        Number of classes.
    augmentation : SpectrogramAugmentation or None
        What training does to the batches.
    optimizer : {"adamw", "adam", "sgd", "rmsprop"}
        Name of the optimizer.
    weight_decay : float
        Decoupled weight decay.

    Raises
    ------
    TypeError
        If the network is a function, which only SciKeras knows how to call.
    """

    def __init__(self, network, input_shape, n_classes, augmentation, optimizer, weight_decay):
        if not hasattr(network, "build"):
            raise TypeError(
                "TensorFlowClassifier takes a parameter object such as CompactCNN() as its "
                f"network, not {network!r}; for a function use CNNClassifier"
            )
        with random_kept():
            model = network.build(input_shape, n_classes)
        check_weights(model)
        optimizer = OPTIMIZERS[optimizer](weight_decay)
        super().__init__(network, model, optimizer, augmentation, FlatTraining)


class FlatTraining(CompiledTraining):
    """Training of all weights as one vector: one gradient, one update.

    A small network has a dozen variables, and an operation for each costs more than its
    arithmetic. The vector is filled from the network before some steps and given back after
    them. What changes besides the weights, such as running statistics and the states of
    random number generators, is changed in place.

    Parameters
    ----------
    model : keras.Model
        Network from samples to class probabilities.
    optimizer : object
        One of :mod:`skal.models.optimizers`.
    augmentation : SpectrogramAugmentation or None
        What is done to each batch.
    """

    @staticmethod
    def _applied(logits):
        return fused(logits)

    def _prepare(self, model):
        self._others = model.non_trainable_variables
        self._sizes = [int(np.prod(weight.shape)) for weight in self._weights]
        self._flat = tf.Variable(tf.zeros(sum(self._sizes), self.dtype), trainable=False)
        self.optimizer.build(self._flat)

    def _steps(self, x, targets, weights, rates, seeds, mean, scale):
        self._flat.assign(tf.concat([tf.reshape(w.value, (-1,)) for w in self._weights], 0))
        losses = super()._steps(x, targets, weights, rates, seeds, mean, scale)
        for weight, value in zip(self._weights, self._shaped(self._flat), strict=True):
            weight.assign(value)
        return losses

    def _descend(self, x, targets, weights, rate):
        flat = self._flat.read_value()
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(flat)
            values = zip(self._weights, self._shaped(flat), strict=True)
            with keras.StatelessScope(list(values)) as scope:
                loss = self._loss(x, targets, weights)
        for variable in self._others:
            value = scope.get_current_value(variable)
            if value is not None:
                variable.assign(value)
        self.optimizer.apply(self._flat, tape.gradient(loss, flat), rate)
        return loss

    def _shaped(self, flat):
        """Return each weight's part of the vector in the weight's shape."""
        parts = tf.split(flat, self._sizes)
        return [tf.reshape(p, w.shape) for p, w in zip(parts, self._weights, strict=True)]


def fused(model):
    """Return a function that applies a network in training, normalizing in one operation.

    Keras computes moments and the normalization from them step by step, and so their
    gradients. TensorFlow has one operation for both, for four-dimensional float32.

    Parameters
    ----------
    model : keras.Model
        Functional network.

    Returns
    -------
    callable
        From a batch to the network's output; updates the running statistics.
    """

    def _faster(layer):
        if isinstance(layer, keras.layers.BatchNormalization) and _can_fuse(layer):
            return lambda x, **_: _normalize(layer, x)
        if isinstance(layer, keras.Layer) and layer._call_has_training_arg:
            return lambda *args, **kwargs: layer(*args, **{**kwargs, "training": True})
        return layer

    return lambda x: model._run_through_graph(x, operation_fn=_faster)


def _can_fuse(layer):
    return (
        layer.trainable
        and layer.scale
        and layer.center
        and not getattr(layer, "renorm", False)
        and layer.axis in (-1, 3)
        and len(layer.input.shape) == 4
        and layer.compute_dtype == "float32"
    )


def _normalize(layer, x):
    """Normalize a batch and take its statistics into the running ones, as Keras does."""
    y, mean, variance = tf.compat.v1.nn.fused_batch_norm(
        x, layer.gamma.value, layer.beta.value, epsilon=layer.epsilon, is_training=True
    )
    # The operation gives the variance of the population, Keras keeps that of the sample.
    n_values = tf.cast(tf.reduce_prod(tf.shape(x)[:-1]), tf.float32)
    variance *= (n_values - 1) / n_values
    for running, now in [(layer.moving_mean, mean), (layer.moving_variance, variance)]:
        running.assign(running.value * layer.momentum + now * (1 - layer.momentum))
    return y
