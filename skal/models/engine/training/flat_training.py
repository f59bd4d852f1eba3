"""Training without Keras's optimizers: one vector of weights, and fused operations."""

import numpy as np

from skal.models._backend import keras, tf
from skal.models.engine.training.steps import CompiledTraining

__all__ = ["FlatTraining", "fused"]


class FlatTraining(CompiledTraining):
    """Training of all weights as one vector: one gradient, one update."""

    # In a small network, an operation per variable costs more than its arithmetic. The vector is
    # filled from the network before a group of steps and written back after it. Running statistics
    # and generator states change in place.

    @staticmethod
    def _in_training(model):
        return fused(model)

    def _prepare(self):
        self._sizes = [int(np.prod(weight.shape)) for weight in self._weights]
        is_double = any(weight.dtype == "float64" for weight in self._weights)
        flat = tf.zeros(sum(self._sizes), "float64" if is_double else "float32")
        self._flat = tf.Variable(flat, trainable=False)
        self.optimizer.build(self._flat)

    def _steps(self, x, targets, weights, rates, seeds, mean, scale):
        self._flat.assign(self._flattened([weight.value for weight in self._weights]))
        losses = super()._steps(x, targets, weights, rates, seeds, mean, scale)
        for weight, value in zip(self._weights, self._shaped(self._flat), strict=True):
            weight.assign(value)
        return losses

    def _descend(self, x, targets, weights, rate):
        flat = self._flat.read_value()
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(flat)
            values = zip(self._weights, self._shaped(flat), strict=True)
            loss, changed = self._loss(x, targets, weights, list(values))
            goal = self._scaled(loss)
        gradient = tape.gradient(goal, flat)
        self._take_over(changed)
        self._apply([gradient], lambda given: self.optimizer.apply(self._flat, given[0], rate))
        if any(weight.constraint is not None for weight in self._weights):
            self._constrain()
        return loss

    def _take_over(self, changed):
        """Apply the variable updates that the network collected."""
        new = {id(variable): value for variable, value in changed}
        for variable, value in changed:
            if not any(variable is weight for weight in self._weights):
                variable.assign(value)
        if any(id(weight) in new for weight in self._weights):
            parts = zip(self._weights, self._shaped(self._flat), strict=True)
            self._flat.assign(self._flattened([new.get(id(w), part) for w, part in parts]))

    def _constrain(self):
        """Apply the constraints of the layers after each step."""
        parts = zip(self._weights, self._shaped(self._flat), strict=True)
        self._flat.assign(
            self._flattened(
                [part if w.constraint is None else w.constraint(part) for w, part in parts]
            )
        )

    def _flattened(self, values):
        """Concatenate all weights into one vector."""
        return tf.concat([tf.cast(tf.reshape(v, (-1,)), self._flat.dtype) for v in values], 0)

    def _shaped(self, flat):
        """Split the vector into weights of their shapes."""
        parts = tf.split(flat, self._sizes)
        return [
            tf.cast(tf.reshape(part, weight.shape), weight.dtype)
            for part, weight in zip(parts, self._weights, strict=True)
        ]


def fused(model):
    """Return a function that applies a network in training, with fused batch normalization."""
    # Keras computes moments, normalization, and their gradients in separate operations. TensorFlow
    # has a fused operation for four-dimensional float32.

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
        and layer.activity_regularizer is None
    )


def _normalize(layer, x):
    """Normalize a batch and update the running statistics, as Keras does."""
    x = tf.cast(x, tf.float32)
    y, mean, variance = tf.compat.v1.nn.fused_batch_norm(
        x, layer.gamma.value, layer.beta.value, epsilon=layer.epsilon, is_training=True
    )
    # The operation and Keras differ in Bessel's correction of the variance.
    n_values = tf.cast(tf.reduce_prod(tf.shape(x)[:-1]), tf.float32)
    variance *= (n_values - 1) / n_values
    for running, now in [(layer.moving_mean, mean), (layer.moving_variance, variance)]:
        running.assign(running.value * layer.momentum + now * (1 - layer.momentum))
    return y
