"""PiczakCNN: a network with filters nearly as high as the spectrogram."""

from numbers import Real

from skal._utils.private import Interval
from skal.models.networks.base import SpectrogramNetwork

__all__ = ["PiczakCNN"]


class PiczakCNN(SpectrogramNetwork):
    """Network of Piczak (2015) for environmental sounds.

    Filters nearly as high as the spectrogram, which capture timbre and can shift by a few bands
    only; then convolutions over time and two wide dense layers; the second is the
    embedding.

    Parameters
    ----------
    filters : tuple of two int, default=(80, 80)
        Filters of the two convolutions.
    units : tuple of int, default=(1000, 1000)
        Width of each dense layer; (5000, 5000) in the paper, 26 million weights.
    dropout : float, default=0.5
        Share of the activations dropped in training, after the first pooling and every dense
        layer.
    l2 : float, default=1e-3
        Factor of the sum of all squared kernel weights in the training loss, as in Keras, without
        a factor of one half.

    See Also
    --------
    CompactCNN : Smaller, for few labels.

    Notes
    -----
    The kernels are those of the paper on 60 bands: 57 x 6, pooled 4 x 3 with a step of 1 x 3, then
    1 x 3, pooled 1 x 3. With other numbers of bands, the first kernel also leaves 3 bands; windows
    shrink for small spectrograms. Weights have He initialization (in the paper: small random
    numbers, which need many more steps).

    References
    ----------
    Piczak, Environmental sound classification with convolutional neural networks, MLSP 2015,
    section 3.2.

    Examples
    --------
    >>> from skal.models import PiczakCNN
    >>> model = PiczakCNN(filters=(16, 16), units=(100, 50)).build((60, 41, 2), n_classes=10)
    >>> model.output_shape, model.get_layer("embedding").output.shape
    ((None, 10), (None, 50))
    """

    _parameter_constraints = {
        "filters": [tuple, list],
        "units": [tuple, list],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "l2": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(self, filters=(80, 80), units=(1000, 1000), dropout=0.5, l2=1e-3):
        self.filters = filters
        self.units = units
        self.dropout = dropout
        self.l2 = l2

    def body(self, x, layers, seeds):
        """Compute the embedding; see :meth:`Network.body`."""
        bands, frames = x.shape[1:3]
        kernel = max(1, bands - 3), min(6, frames)
        x = self._convolution(x, 1, kernel, (4, 3), layers, seeds)
        if self.dropout:
            x = layers.Dropout(self.dropout, seed=seeds.next(), name="conv_dropout")(x)
        x = self._convolution(x, 2, (1, min(3, x.shape[2])), (1, 3), layers, seeds)
        x = layers.Flatten(name="flatten")(x)
        for i, units in enumerate(self.units, start=1):
            last = i == len(self.units)
            x = layers.Dense(
                units,
                kernel_initializer=seeds.he(),
                kernel_regularizer=self._penalty(),
                name=f"dense{i}",
            )(x)
            name = self.embedding_layer if last else f"dense_relu{i}"
            x = layers.Activation("relu", name=name)(x)
            if self.dropout and not last:
                rate, seed = self.dropout, seeds.next()
                x = layers.Dropout(rate, seed=seed, name=f"dense_dropout{i}")(x)
        return x

    def _convolution(self, x, i, kernel, pool, layers, seeds):
        x = layers.Conv2D(
            self.filters[i - 1],
            kernel,
            kernel_initializer=seeds.he(),
            kernel_regularizer=self._penalty(),
            name=f"conv{i}",
        )(x)
        x = layers.Activation("relu", name=f"relu{i}")(x)
        pool = tuple(min(pair) for pair in zip(pool, x.shape[1:3], strict=True))
        return layers.MaxPooling2D(pool, strides=(1, pool[1]), name=f"pool{i}")(x)

    def _validate(self):
        super()._validate()
        if len(self.filters) != 2:
            raise ValueError(
                f"PiczakCNN has two convolutions: filters must have two numbers, got "
                f"{self.filters!r}"
            )
        if not self.units:
            raise ValueError(
                "PiczakCNN: units is empty, but its last entry is the width of the embedding"
            )
