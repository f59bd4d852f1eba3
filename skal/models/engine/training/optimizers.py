"""Optimizers from TensorFlow's update kernels, for all weights in one vector."""

from skal.models._backend import tf

__all__ = ["OPTIMIZERS", "SGD", "Adam", "RMSProp"]


class _Optimizer:
    """Base of the optimizers of FlatTraining."""

    # Update rules, constants, and weight decay equal those of the Keras optimizers of the same
    # names.

    n_slots = 0
    learning_rate = None

    def __init__(self, weight_decay):
        self.weight_decay = weight_decay
        self.variables = []

    def build(self, weights):
        """Make step counter and slots."""
        self.variables = [tf.Variable(0, trainable=False, dtype=tf.int64)]
        for _ in range(self.n_slots):
            self.variables.append(tf.Variable(tf.zeros_like(weights), trainable=False))

    def apply(self, weights, gradient, rate):
        """Change the weights by one step."""
        steps, *slots = self.variables
        steps.assign_add(1)
        rate = tf.cast(rate, weights.dtype)
        if self.weight_decay:
            weights.assign(weights * (1 - self.weight_decay * rate))
        self._update(weights, slots, gradient, rate, tf.cast(steps, weights.dtype))


class Adam(_Optimizer):
    """Adam, with decoupled weight decay."""

    # Source: Loshchilov and Hutter, Decoupled weight decay regularization, ICLR 2019, algorithm 2.

    n_slots = 2

    def _update(self, weights, slots, gradient, rate, steps):
        first, second = tf.constant(0.9, weights.dtype), tf.constant(0.999, weights.dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=weights.handle,
            m=slots[0].handle,
            v=slots[1].handle,
            beta1_power=first**steps,
            beta2_power=second**steps,
            lr=rate,
            beta1=first,
            beta2=second,
            epsilon=tf.constant(1e-7, weights.dtype),
            grad=gradient,
        )


class SGD(_Optimizer):
    """Stochastic gradient descent without momentum."""

    def _update(self, weights, slots, gradient, rate, steps):
        tf.raw_ops.ResourceApplyGradientDescent(var=weights.handle, alpha=rate, delta=gradient)


class RMSProp(_Optimizer):
    """RMSprop: the gradient over a running root mean square of itself."""

    n_slots = 2

    def _update(self, weights, slots, gradient, rate, steps):
        tf.raw_ops.ResourceApplyRMSProp(
            var=weights.handle,
            ms=slots[0].handle,
            mom=slots[1].handle,
            lr=rate,
            rho=tf.constant(0.9, weights.dtype),
            momentum=tf.constant(0.0, weights.dtype),
            epsilon=tf.constant(1e-7, weights.dtype),
            grad=gradient,
        )


OPTIMIZERS = {"adam": Adam, "adamw": Adam, "sgd": SGD, "rmsprop": RMSProp}
