"""The compiled training step of a Keras network."""

import functools

import numpy as np

from skal.models._backend import compiled, keras, tf

__all__ = ["CompiledTraining", "logits_of"]

STEPS_PER_CALL = 16


def logits_of(model):
    """Make a network of the logarithms of class probabilities, up to a constant per sample.

    Parameters
    ----------
    model : keras.Model
        Network from samples to class probabilities.

    Returns
    -------
    keras.Model
        Network that shares the weights and ends in the layer ``"logits"`` or, where there is
        none, in the logarithm of the probabilities.
    """
    shape = model.outputs[0].shape
    if any(layer.name == "logits" and layer.output.shape == shape for layer in model.layers):
        return keras.Model(model.inputs[0], model.get_layer("logits").output)
    guarded = keras.ops.maximum(model.outputs[0], keras.config.epsilon())
    return keras.Model(model.inputs[0], keras.ops.log(guarded))


class CompiledTraining:
    """Training of one network, traced once, whatever the number of samples and steps.

    Parameters
    ----------
    model : keras.Model
        Network from samples to class probabilities, with a layer ``"logits"``.
    optimizer : object
        Optimizer of its trainable weights.
    augmentation : SpectrogramAugmentation or None
        What is done to each batch.

    Attributes
    ----------
    n_traces : int
        How often the step has been traced.
    """

    def __init__(self, model, optimizer, augmentation=None):
        self.optimizer = optimizer
        if augmentation is not None:
            augmentation.validate()
        self.augmentation = augmentation
        self.n_traces = 0
        self.dtype = model.inputs[0].dtype
        self._weights = model.trainable_variables
        self._logits = self._applied(logits_of(model))
        self._prepare(model)
        shape, n_classes = model.input_shape[1:], model.output_shape[-1]
        self._run = compiled(
            self._steps,
            (None, None, *shape),
            (None, None, n_classes),
            (None, None),
            tf.TensorSpec((None,), tf.float32),
            tf.TensorSpec((None, 2), tf.int32),
            (shape[-1],),
            (shape[-1],),
            dtype=self.dtype,
        )

    @staticmethod
    def _applied(logits):
        """Return the function that applies the network in training."""
        return functools.partial(logits, training=True)

    def _prepare(self, model):
        """Make what the steps need besides the weights."""
        self.optimizer.build(self._weights)

    def run(self, X, targets, weights, batches, rates, seed, mean, scale):
        """Train.

        Parameters
        ----------
        X : ndarray of shape (n_samples, ...)
            Samples; batches are copied out of it, nothing else.
        targets : ndarray of shape (n_samples, n_classes)
            Wanted probabilities.
        weights : ndarray of shape (n_samples,)
            Weight of each sample in the mean loss.
        batches : iterable of ndarray of int
            Positions of each step's batch, all of one size.
        rates : ndarray of shape (n_steps,)
            Learning rate of each step.
        seed : int
            Seed of the augmentation.
        mean, scale : ndarray of shape (n_channels,)
            Statistics of the data, for the augmentation.

        Yields
        ------
        ndarray of float
            Losses of the steps of one compiled call.
        """
        batches, done = iter(batches), 0
        while done < len(rates):
            now = rates[done : done + STEPS_PER_CALL]
            rows = np.stack([next(batches) for _ in now])
            steps = np.arange(done, done + len(now), dtype=np.int32)
            seeds = np.stack([np.full_like(steps, seed), steps], axis=1)
            x = np.asarray(X[rows], dtype=self.dtype)
            losses = self._run(
                x,
                targets[rows].astype(self.dtype, copy=False),
                weights[rows].astype(self.dtype, copy=False),
                now,
                seeds,
                mean.astype(self.dtype, copy=False),
                scale.astype(self.dtype, copy=False),
            )
            done += len(now)
            yield losses.numpy()

    def _steps(self, x, targets, weights, rates, seeds, mean, scale):
        self.n_traces += 1
        losses = tf.TensorArray(tf.float32, size=tf.shape(rates)[0])
        for i in tf.range(tf.shape(rates)[0]):
            loss = self._step(x[i], targets[i], weights[i], rates[i], seeds[i], mean, scale)
            losses = losses.write(i, tf.cast(loss, tf.float32))
        return losses.stack()

    def _step(self, x, targets, weights, rate, seed, mean, scale):
        if self.augmentation is not None:
            seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 2), num=2)
            x = self.augmentation.distort(x, seeds[0], mean, scale)
            x, targets = self.augmentation.mix(x, targets, seeds[1])
        return self._descend(x, targets, weights, rate)

    def _descend(self, x, targets, weights, rate):
        """Change the weights by one step on a batch, and return its loss."""
        with tf.GradientTape() as tape:
            loss = self._loss(x, targets, weights)
        gradients = tape.gradient(loss, self._weights)
        self.optimizer.learning_rate.assign(rate)
        self.optimizer.apply(gradients)
        return loss

    def _loss(self, x, targets, weights):
        losses = tf.nn.softmax_cross_entropy_with_logits(targets, self._logits(x))
        return tf.reduce_mean(losses * weights) + self._penalty()

    def _penalty(self):
        """Sum of what the layers' regularizers make of their weights."""
        penalized = [w for w in self._weights if w.regularizer is not None]
        return sum((w.regularizer(w) for w in penalized), start=0.0)
