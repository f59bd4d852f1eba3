"""Optimizers made of TensorFlow's own update kernels, one operation for each variable."""

from skal.models._backend import tf

__all__ = ["OPTIMIZERS", "SGD", "Adam", "RMSProp"]


class _Optimizer:
    """Base of the optimizers: what :class:`~skal.models.training.CompiledTraining` needs.

    The update rules and constants are those of the Keras optimizers of the same names, decay
    of the weights included.

    Parameters
    ----------
    weight_decay : float
        Decoupled weight decay.
    """

    n_slots = 0

    def __init__(self, weight_decay):
        self.weight_decay = weight_decay
        self.learning_rate = tf.Variable(0.0, trainable=False)
        self.steps = tf.Variable(0, trainable=False, dtype=tf.int64)
        self._weights, self._slots = [], []

    @property
    def variables(self):
        """Learning rate, step counter and slots."""
        slots = [slot for group in self._slots for slot in group]
        return [self.learning_rate, self.steps, *slots]

    def build(self, weights):
        """Make the slots.

        Parameters
        ----------
        weights : list of keras.Variable
            What is going to be updated.
        """
        self._weights = [weight.value for weight in weights]
        self._slots = [
            [
                tf.Variable(tf.zeros(weight.shape, weight.dtype), trainable=False)
                for _ in range(self.n_slots)
            ]
            for weight in self._weights
        ]

    def apply(self, gradients):
        """Change the weights by one step.

        Parameters
        ----------
        gradients : list of tf.Tensor
            Gradient of each of the weights.
        """
        self.steps.assign_add(1)
        for weight, slots, gradient in zip(self._weights, self._slots, gradients, strict=True):
            rate = tf.cast(self.learning_rate, weight.dtype)
            if self.weight_decay:
                weight.assign_sub(weight * (self.weight_decay * rate))
            self._update(weight, slots, gradient, rate)


class Adam(_Optimizer):
    """Adam, with decoupled weight decay.

    Parameters
    ----------
    weight_decay : float
        Decoupled weight decay.

    References
    ----------
    Loshchilov and Hutter, Decoupled weight decay regularization, ICLR 2019, algorithm 2.
    """

    n_slots = 2

    def _update(self, weight, slots, gradient, rate):
        first, second = tf.constant(0.9, weight.dtype), tf.constant(0.999, weight.dtype)
        steps = tf.cast(self.steps, weight.dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=weight.handle,
            m=slots[0].handle,
            v=slots[1].handle,
            beta1_power=first**steps,
            beta2_power=second**steps,
            lr=rate,
            beta1=first,
            beta2=second,
            epsilon=tf.constant(1e-7, weight.dtype),
            grad=gradient,
        )


class SGD(_Optimizer):
    """Stochastic gradient descent without momentum.

    Parameters
    ----------
    weight_decay : float
        Decoupled weight decay.
    """

    def _update(self, weight, slots, gradient, rate):
        tf.raw_ops.ResourceApplyGradientDescent(var=weight.handle, alpha=rate, delta=gradient)


class RMSProp(_Optimizer):
    """RMSprop: the gradient over a running root mean square of itself.

    Parameters
    ----------
    weight_decay : float
        Decoupled weight decay.
    """

    n_slots = 2

    def _update(self, weight, slots, gradient, rate):
        tf.raw_ops.ResourceApplyRMSProp(
            var=weight.handle,
            ms=slots[0].handle,
            mom=slots[1].handle,
            lr=rate,
            rho=tf.constant(0.9, weight.dtype),
            momentum=tf.constant(0.0, weight.dtype),
            epsilon=tf.constant(1e-7, weight.dtype),
            grad=gradient,
        )


OPTIMIZERS = {"adam": Adam, "adamw": Adam, "sgd": SGD, "rmsprop": RMSProp}
