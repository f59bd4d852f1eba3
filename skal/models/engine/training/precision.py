"""Loss scaling, because small gradients of 16-bit activations would be zero."""

from skal.models._backend import tf

__all__ = ["LossScale"]

FIRST, GROWTH = 2.0**15, 500


class LossScale:
    """Factor of the loss for training with 16-bit floats."""

    # It halves when a gradient overflows, which skips the step, and doubles after `GROWTH` steps
    # without overflow.
    # Source: Micikevicius et al., Mixed precision training, ICLR 2018, section 3.2.

    def __init__(self):
        self._scale = tf.Variable(FIRST, trainable=False)
        self._good = tf.Variable(0, trainable=False)

    def begin(self):
        """Reset the factor."""
        self._scale.assign(FIRST)
        self._good.assign(0)

    def scale(self, loss):
        """Multiply a loss."""
        return loss * tf.cast(self._scale, loss.dtype)

    def apply(self, gradients, function):
        """Call a function with unscaled gradients, unless a gradient has overflowed."""
        gradients = [
            g / tf.cast(self._scale, g.dtype) for g in map(tf.convert_to_tensor, gradients)
        ]
        finite = tf.reduce_all([tf.reduce_all(tf.math.is_finite(g)) for g in gradients])

        def _good():
            function(gradients)
            self._good.assign_add(1)
            grown = self._good % GROWTH == 0
            self._scale.assign(tf.where(grown, 2 * self._scale, self._scale))

        def _overflown():
            self._good.assign(0)
            self._scale.assign(self._scale / 2)

        tf.cond(finite, _good, _overflown)
