"""CompactCNN: the default network for spectrograms."""

from numbers import Integral, Real

from skal._utils.private import Interval, StrOptions
from skal.models.networks.base import SpectrogramNetwork

__all__ = ["CompactCNN"]


class CompactCNN(SpectrogramNetwork):
    """Small convolutional network for spectrograms and few labels.

    A convolution with stride 2, then blocks of convolution and max-pooling, then a head and a
    dense embedding. Every block has batch normalization and ReLU, and halves bands and frames.

    Parameters
    ----------
    filters : tuple of int, default=(16, 32, 64)
        Filters of each block.
    stem_kernel_size : int, default=5
        Side of the square kernels of the first block.
    kernel_size : int, default=3
        Side of the square kernels of the other blocks.
    n_embedding : int, default=96
        Width of the embedding.
    dropout : float, default=0.3
        Share of the activations dropped before and after the embedding in training.
    head : {"pool", "flatten"}, default="pool"
        "pool" takes mean and maximum over time for each band, so the time of the sound does not
        matter; "flatten" keeps the position in time.

    Notes
    -----
    Input of shape (bands, frames) or (bands, frames, channels).
    """

    _parameter_constraints = {
        "filters": [tuple, list],
        "stem_kernel_size": [Interval(Integral, 1, None, closed="left")],
        "kernel_size": [Interval(Integral, 1, None, closed="left")],
        "n_embedding": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "head": [StrOptions({"flatten", "pool"})],
    }

    # High, because every layer before the last is normalized.
    default_learning_rate = 1.2e-2

    def __init__(
        self,
        filters=(16, 32, 64),
        stem_kernel_size=5,
        kernel_size=3,
        n_embedding=96,
        dropout=0.3,
        head="pool",
    ):
        self.filters = filters
        self.stem_kernel_size = stem_kernel_size
        self.kernel_size = kernel_size
        self.n_embedding = n_embedding
        self.dropout = dropout
        self.head = head

    def body(self, x, layers, seeds):
        """Compute the embedding; see :meth:`Network.body`."""
        for i, n_filters in enumerate(self.filters, start=1):
            window = tuple(min(2, length) for length in x.shape[1:3])
            # Pooling the first block at full resolution would cost more than all other layers.
            x = layers.Conv2D(
                n_filters,
                self.stem_kernel_size if i == 1 else self.kernel_size,
                strides=window if i == 1 else 1,
                padding="same",
                use_bias=False,
                kernel_initializer=seeds.he(),
                name=f"conv{i}",
            )(x)
            if i > 1:
                x = layers.MaxPooling2D(window, name=f"pool{i}")(x)
            x = layers.BatchNormalization(momentum=0.9, name=f"norm{i}")(x)
            x = layers.Activation("relu", name=f"relu{i}")(x)
        if self.head == "pool":
            x = layers.Concatenate(name="over_time")(
                [_over_time(x, layers, "mean"), _over_time(x, layers, "max")]
            )
        x = layers.Flatten(name="flatten")(x)
        if self.dropout:
            x = layers.Dropout(self.dropout, seed=seeds.next(), name="body_dropout")(x)
        x = layers.Dense(
            self.n_embedding, use_bias=False, kernel_initializer=seeds.he(), name="dense"
        )(x)
        x = layers.BatchNormalization(momentum=0.9, name="dense_norm")(x)
        return layers.Activation("relu", name=self.embedding_layer)(x)


def _over_time(x, layers, how):
    """Mean or maximum over the frames; bands keep their position."""
    layer = layers.AveragePooling2D if how == "mean" else layers.MaxPooling2D
    return layer((1, x.shape[2]), name=f"{how}_over_time")(x)
