"""The compiled training step of a Keras network."""

import functools

import numpy as np

from skal.models._backend import compiled, drawing_from, keras, tf
from skal.models.engine.training.members import dealt_rows
from skal.models.engine.training.precision import LossScale
from skal.models.networks._member_layers import MemberStem, MemberVote, dealing

__all__ = ["CompiledTraining", "log_odds", "logits_of", "precise"]

STEPS_PER_CALL = 16


def logits_of(model):
    """Make a network that returns log-probabilities, up to a constant per sample."""
    logits = _logits_layer(model)
    if logits is not None:
        return keras.Model(model.inputs[0], logits.output)
    outputs = model.outputs[0]
    if outputs.dtype != "float64":
        outputs = keras.ops.cast(outputs, "float32")
    guarded = keras.ops.maximum(outputs, keras.config.epsilon())
    return keras.Model(model.inputs[0], keras.ops.log(guarded))


def _logits_layer(model):
    """Return the layer ``"logits"`` if only a softmax follows it."""
    names = [layer.name for layer in model.layers]
    if "logits" in names and names[-1] == "probabilities":
        logits = model.get_layer("logits")
        return logits if model.layers[-1].input is logits.output else None
    return None


def log_odds(probabilities):
    """Return the logarithms of traced probabilities, up to a constant per sample."""
    if probabilities.op.type == "Softmax":
        return precise(probabilities.op.inputs[0])
    return tf.math.log(tf.maximum(precise(probabilities), keras.config.epsilon()))


def precise(x):
    """Cast floats to at least 32 bits."""
    return x if x.dtype == tf.float64 else tf.cast(x, tf.float32)


class CompiledTraining:
    """Training of a network, traced once for all numbers of samples and steps."""

    def __init__(self, model, optimizer, augmentation=None):
        self.optimizer = optimizer
        if augmentation is not None:
            augmentation.validate()
        self.augmentation = augmentation
        self.n_traces = 0
        self._input_dtype = model.inputs[0].dtype
        # Samples may be integers, but computations use floats.
        self.dtype = "float64" if self._input_dtype == "float64" else "float32"
        self.generator = keras.random.SeedGenerator(0)
        self._weights = model.trainable_variables
        self._variables = [*model.variables, self.generator.state]
        self._loss_scale = LossScale() if _computes_in_half(model) else None
        self._n_members = 1
        self._logits = self._applied(model)
        self._prepare()
        shape, n_classes = model.input_shape[1:], model.output_shape[-1]
        self._run = compiled(
            self._steps,
            tf.TensorSpec((None, None, *shape), self._fed_dtype),
            (None, None, n_classes),
            (None, None),
            tf.TensorSpec((None,), tf.float32),
            tf.TensorSpec((None, 2), tf.int32),
            (shape[-1],),
            (shape[-1],),
            dtype=self.dtype,
        )

    @property
    def _fed_dtype(self):
        is_float = tf.as_dtype(self._input_dtype).is_floating
        return self.dtype if is_float else self._input_dtype

    def _applied(self, model):
        """Return the function from samples to logits in training, for each member if any."""
        votes = [layer for layer in model.layers if isinstance(layer, MemberVote)]
        if votes:
            self._n_members = votes[0].n_members
            stems = [layer for layer in model.layers if isinstance(layer, MemberStem)]
            self._n_own = stems[0].n_own if stems else None
            return self._in_training(keras.Model(model.inputs[0], votes[0].input))
        if _logits_layer(model) is not None:
            return self._in_training(logits_of(model))
        network = self._in_training(model)
        return lambda x: log_odds(network(x))

    @staticmethod
    def _in_training(model):
        """Return the function that applies a network in training."""
        return functools.partial(model, training=True)

    def _prepare(self):
        """Create the state of the steps besides the weights."""
        self.optimizer.build(self._weights)

    def begin(self, seed):
        """Reset the state of earlier steps, except weights and optimizer."""
        self.generator.state.assign([seed, 0])
        if self._loss_scale is not None:
            self._loss_scale.begin()

    def run(self, X, targets, weights, batches, rates, seed, mean, scale):
        """Train."""
        batches, done = iter(batches), 0
        while done < len(rates):
            now = rates[done : done + STEPS_PER_CALL]
            rows = np.stack([next(batches) for _ in now])
            steps = np.arange(done, done + len(now), dtype=np.int32)
            seeds = np.stack([np.full_like(steps, seed), steps], axis=1)
            losses = self._run(
                np.asarray(X[rows], dtype=self._fed_dtype),
                targets[rows].astype(self.dtype, copy=False),
                weights[rows].astype(self.dtype, copy=False),
                now,
                seeds,
                mean.astype(self.dtype, copy=False),
                scale.astype(self.dtype, copy=False),
            )
            losses = losses.numpy()
            _check_finite(losses, done, rates)
            done += len(now)
            yield losses

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
            x = tf.cast(x, self.dtype)
            x = self.augmentation.distort(x, seeds[0], mean, scale)
            x, targets = self.augmentation.mix(x, targets, seeds[1])
        if x.dtype != self._input_dtype:
            x = x if tf.as_dtype(self._input_dtype).is_floating else tf.round(x)
            x = tf.saturate_cast(x, self._input_dtype)
        with drawing_from(self.generator):
            return self._descend(x, targets, weights, rate)

    def _descend(self, x, targets, weights, rate):
        """Run one step on a batch, and return its loss."""
        with tf.GradientTape() as tape:
            loss, changed = self._loss(x, targets, weights)
            goal = self._scaled(loss)
        # Use TensorFlow's variables: it cannot make zero gradients for Keras's.
        sources = [weight.value for weight in self._weights]
        gradients = tape.gradient(goal, sources, unconnected_gradients="zero")
        for variable, value in changed:
            variable.assign(value)
        self.optimizer.learning_rate.assign(rate)
        self._apply(gradients, self.optimizer.apply)
        return loss

    def _scaled(self, loss):
        # The loss is the mean over the members; each gets the gradient of its own loss.
        loss *= self._n_members
        return loss if self._loss_scale is None else self._loss_scale.scale(loss)

    def _apply(self, gradients, function):
        if self._loss_scale is None:
            function(gradients)
        else:
            self._loss_scale.apply(gradients, function)

    def _loss(self, x, targets, weights, mapping=()):
        """Return the loss of a batch, and the variable updates of the network."""
        # Updates of statistics, seeds, and weights are collected, not applied.
        with keras.StatelessScope(mapping, collect_losses=True) as scope:
            before = [scope.get_current_value(variable) for variable in self._variables]
            logits, rows = self._logits_of_rows(x)
            if rows is not None:
                targets, weights = tf.gather(targets, rows), tf.gather(weights, rows)
            targets = tf.cast(targets, logits.dtype)
            losses = tf.nn.softmax_cross_entropy_with_logits(targets, logits)
            loss = tf.reduce_mean(losses * tf.cast(weights, losses.dtype))
            for added in [*scope.losses, self._penalty()]:
                loss += tf.cast(added, loss.dtype) / self._n_members
            after = [scope.get_current_value(variable) for variable in self._variables]
        changed = zip(self._variables, before, after, strict=True)
        return loss, [(variable, new) for variable, old, new in changed if new is not old]

    def _logits_of_rows(self, x):
        """Return logits, and with members the sample that each of them belongs to."""
        if self._n_members == 1:
            return self._logits(x), None
        n_samples = tf.shape(x)[0]
        if self._n_own is None:
            everything = tf.range(n_samples)[:, None]
            return self._logits(x), tf.repeat(everything, self._n_members, axis=1)
        rows = dealt_rows(n_samples, self._n_members, self._n_own)
        with dealing(rows, n_samples):
            return self._logits(x), rows

    def _penalty(self):
        """Return the sum of the layers' weight penalties."""
        penalized = [w for w in self._weights if w.regularizer is not None]
        return sum((w.regularizer(w) for w in penalized), start=0.0)


def _computes_in_half(model):
    layers = model._flatten_layers()
    return any(getattr(layer, "compute_dtype", None) == "float16" for layer in layers)


def _check_finite(losses, n_before, rates):
    """Raise an error if a loss is not finite."""
    wrong = np.flatnonzero(~np.isfinite(losses))
    if len(wrong):
        raise FloatingPointError(
            f"the loss is {losses[wrong[0]]} in step {n_before + wrong[0] + 1} of {len(rates)}: "
            f"lower learning_rate, which rises to {rates.max():.2g}, or scale X"
        )
