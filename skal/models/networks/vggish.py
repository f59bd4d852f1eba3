"""VGGish: ALFramework's network, with blocks of convolutions and two dense layers."""

from numbers import Integral, Real

from skal._utils.private import Interval
from skal.models.networks.base import SpectrogramNetwork

__all__ = ["VGGish"]


class VGGish(SpectrogramNetwork):
    """VGG-like network of ALFramework: two blocks of 3x3 convolutions, two dense layers.

    Each block has convolutions, normalization, ReLU, and max-pooling, which halves bands and
    frames. A dense layer is the embedding; a narrow layer follows before the logits.

    Parameters
    ----------
    filters : tuple of int, default=(64, 128)
        Filters of each block.
    kernel_size : int, default=3
        Side of the square kernels.
    n_embedding : int, default=128
        Width of the embedding.
    n_hidden : int, default=32
        Width of the layer between embedding and logits.
    dropout : float, default=0.5
        Share of the embedding dropped in training. There is no dropout after the blocks, where it
        slows learning from few labels.
    l2 : float, default=1e-4
        Factor of the sum of all squared kernel weights in the training loss.

    See Also
    --------
    CompactCNN : Smaller, for few labels.
    skal.audio.PretrainedEmbedding : Embeddings of Google's pretrained network of that name.

    Notes
    -----
    Made for 60 bands x 41 frames x 2 channels (2.5 million weights); other sizes also work, with
    or without a channel axis. The number of weights grows with the number of frames: cut long
    recordings into segments, see :class:`SegmentVoting`.

    References
    ----------
    Simonyan and Zisserman, Very deep convolutional networks for large-scale image
    recognition, ICLR 2015, section 2 (stacks of 3x3 convolutions).

    Examples
    --------
    >>> from skal.models import VGGish
    >>> model = VGGish(filters=(8, 16), n_embedding=32).build((60, 41, 2), n_classes=10)
    >>> model.output_shape, model.get_layer("embedding").output.shape
    ((None, 10), (None, 32))
    """

    _parameter_constraints = {
        "filters": [tuple, list],
        "kernel_size": [Interval(Integral, 1, None, closed="left")],
        "n_embedding": [Interval(Integral, 1, None, closed="left")],
        "n_hidden": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "l2": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        filters=(64, 128),
        kernel_size=3,
        n_embedding=128,
        n_hidden=32,
        dropout=0.5,
        l2=1e-4,
    ):
        self.filters = filters
        self.kernel_size = kernel_size
        self.n_embedding = n_embedding
        self.n_hidden = n_hidden
        self.dropout = dropout
        self.l2 = l2

    def body(self, x, layers, seeds):
        """Compute the embedding; see :meth:`Network.body`."""
        for i, n_filters in enumerate(self.filters, start=1):
            x = layers.Conv2D(
                n_filters,
                self.kernel_size,
                padding="same",
                use_bias=False,
                kernel_initializer=seeds.he(),
                kernel_regularizer=self._penalty(),
                name=f"conv{i}",
            )(x)
            x = layers.BatchNormalization(momentum=0.9, name=f"norm{i}")(x)
            x = layers.Activation("relu", name=f"relu{i}")(x)
            window = tuple(min(2, length) for length in x.shape[1:3])
            x = layers.MaxPooling2D(window, name=f"pool{i}")(x)
        x = layers.Flatten(name="flatten")(x)
        return self._dense(x, self.n_embedding, layers, seeds, "dense", self.embedding_layer)

    def tail(self, x, layers, seeds):
        """Compute the input of the logits; see :meth:`Network.tail`."""
        x = super().tail(x, layers, seeds)
        return self._dense(x, self.n_hidden, layers, seeds, "hidden", "hidden_relu")

    def _dense(self, x, units, layers, seeds, name, output_name):
        x = layers.Dense(
            units,
            use_bias=False,
            kernel_initializer=seeds.he(),
            kernel_regularizer=self._penalty(),
            name=name,
        )(x)
        x = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)
        return layers.Activation("relu", name=output_name)(x)
