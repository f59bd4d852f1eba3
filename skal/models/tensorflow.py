"""TensorFlowClassifier: the same classifier on TensorFlow's own operations."""

from skal.models.keras import CNNClassifier

__all__ = ["TensorFlowClassifier"]


class TensorFlowClassifier(CNNClassifier):
    """Network for sounds that learns from few labels, without Keras's training.

    The parameters, the attributes and the results are those of :class:`CNNClassifier`, up to
    rounding. What differs is the engine: the network is built without SciKeras, its batch
    normalizations run as one operation each, and the optimizer is TensorFlow's own kernels
    instead of Keras's. A step costs less, most of all for small networks.

    Notes
    -----
    `network` must be a parameter object of skal, not a function for SciKeras.
    """

    @staticmethod
    def _make_engine(*args):
        from skal.models.plain import TensorFlowEngine

        return TensorFlowEngine(*args)
