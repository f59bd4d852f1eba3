"""DenseNet: the default network for rows of features."""

from numbers import Real

from skal._utils.private import Interval
from skal.models.networks.base import Network

__all__ = ["DenseNet"]


class DenseNet(Network):
    """Fully connected network for rows of features.

    Parameters
    ----------
    units : tuple of int, default=(64, 64)
        Width of each hidden layer; the last one is the embedding.
    dropout : float, default=0.0
        Share of the embedding dropped in training.

    See Also
    --------
    CompactCNN : For spectrograms.
    make_embedding_classifier : For embeddings of a pretrained network, without Keras.

    Notes
    -----
    Inputs of more than one dimension are flattened. Computes in 64 bits, as scikit-learn does:
    rows of features are cheap, and a sample weight of 2 then gives exactly the result of repeating
    the row.

    Examples
    --------
    >>> from skal.models import DenseNet
    >>> model = DenseNet(units=(32, 16), dropout=0.2).build((128,), n_classes=4)
    >>> model.output_shape, model.get_layer("embedding").output.shape
    ((None, 4), (None, 16))
    """

    dtype = "float64"

    _parameter_constraints = {
        "units": [tuple, list],
        "dropout": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(self, units=(64, 64), dropout=0.0):
        self.units = units
        self.dropout = dropout

    def body(self, x, layers, seeds):
        """Compute the embedding; see :meth:`Network.body`."""
        x = layers.Flatten(name="flatten")(x)
        for i, units in enumerate(self.units, start=1):
            x = layers.Dense(units, kernel_initializer=seeds.he(), name=f"dense{i}")(x)
            name = self.embedding_layer if i == len(self.units) else f"relu{i}"
            x = layers.Activation("relu", name=name)(x)
        return x
