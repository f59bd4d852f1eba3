"""CompactCNN: the default network for spectrograms."""

from numbers import Integral, Real

from skal._utils.private import Interval, StrOptions
from skal.models.networks.base import SpectrogramNetwork

__all__ = ["CompactCNN"]

# From this number of frames on, the first block divides them by four.
_MANY_FRAMES = 100
# Least number of samples of a batch for each member; more with a time stride of four, which saves
# the time that they take.
_OWN, _MORE_OWN = 16, 32


class CompactCNN(SpectrogramNetwork):
    """Small convolutional network for spectrograms and few labels.

    A strided convolution, then blocks of convolution and max-pooling, then a head and a dense
    embedding. Every block has batch normalization and ReLU, and halves bands and frames.

    What one network learns from few labels depends on its first weights and on the order of the
    samples. So several narrow networks, the members, are trained side by side, and their
    probabilities are averaged: the mean depends less on both.

    Parameters
    ----------
    filters : tuple of int, default=(8, 16, 32)
        Filters of each block, in each member.
    stem_kernel_size : int, default=5
        Side of the square kernels of the first block.
    kernel_size : int, default=3
        Side of the square kernels of the other blocks.
    n_embedding : int, default=48
        Width of each member's embedding.
    dropout : float, default=0.1
        Share of the activations dropped before and after the embedding in training.
    head : {"pool", "flatten"}, default="pool"
        "pool" takes mean and maximum over time for each band, so the time of the sound does not
        matter; "flatten" keeps the position in time.
    n_members : int, default=5
        Number of networks. Each has its own first weights, dropout and samples. A single network
        should be wider, for example ``filters=(16, 32, 64)``, ``n_embedding=96`` and
        ``dropout=0.3``.
    time_stride : int or "auto", default="auto"
        Stride of the first convolution over the frames; "auto" is 4 for 100 frames or more, else
        2.

    See Also
    --------
    ResNet : Deeper, for more labels.
    SegmentVoting : Applies a network to the segments of long clips.
    DenseNet : For rows of features.

    Notes
    -----
    Input of shape (bands, frames) or (bands, frames, channels). The embedding has
    ``n_members * n_embedding`` numbers, the first member's first.

    :class:`~skal.models.CNNClassifier` trains each member on its own loss and on its own part of
    every batch: a quarter of it (half with two members, a third with three), or 16 samples if that
    is more, 32 with a time stride of 4 or more. A plain ``KerasClassifier`` trains all members as
    one network, on the mean probabilities.

    References
    ----------
    Lakshminarayanan, Pritzel and Blundell, Simple and scalable predictive uncertainty
    estimation using deep ensembles, NeurIPS 2017, section 2.

    Examples
    --------
    The embedding of 60 bands x 44 frames joins those of five members:

    >>> from skal.models import CompactCNN
    >>> model = CompactCNN().build((60, 44), n_classes=10)
    >>> model.output_shape, model.get_layer("embedding").output.shape
    ((None, 10), (None, 240))

    The parameters are those of a grid search over the classifier:

    >>> from skal.models import CNNClassifier
    >>> CNNClassifier(CompactCNN()).set_params(network__dropout=0.5).network.dropout
    0.5
    """

    _parameter_constraints = {
        "filters": [tuple, list],
        "stem_kernel_size": [Interval(Integral, 1, None, closed="left")],
        "kernel_size": [Interval(Integral, 1, None, closed="left")],
        "n_embedding": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "head": [StrOptions({"flatten", "pool"})],
        "n_members": [Interval(Integral, 1, None, closed="left")],
        "time_stride": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
    }

    # High, because every layer before the last is normalized.
    default_learning_rate = 1.2e-2
    # Pickles from before these parameters hold a network that works like this.
    _before = {"n_members": 1, "time_stride": 2}

    @property
    def default_batch_size(self):
        """The number of samples in a step, which members share."""
        return 32 if self.n_members == 1 else 64

    def __init__(
        self,
        filters=(8, 16, 32),
        stem_kernel_size=5,
        kernel_size=3,
        n_embedding=48,
        dropout=0.1,
        head="pool",
        n_members=5,
        time_stride="auto",
    ):
        self.filters = filters
        self.stem_kernel_size = stem_kernel_size
        self.kernel_size = kernel_size
        self.n_embedding = n_embedding
        self.dropout = dropout
        self.head = head
        self.n_members = n_members
        self.time_stride = time_stride

    def body(self, x, layers, seeds):
        """Compute the embedding; see :meth:`Network.body`."""
        from skal.models.networks._member_layers import MemberLayers

        member_layers = MemberLayers(layers, self.n_members)
        x = self._convolved(x, layers, seeds, member_layers)
        x = member_layers.flatten(name="flatten")(x)
        if self.dropout:
            x = layers.Dropout(self.dropout, seed=seeds.next(), name="body_dropout")(x)
        x = member_layers.dense(
            self.n_embedding, use_bias=False, kernel_initializer=seeds.he(), name="dense"
        )(x)
        x = layers.BatchNormalization(momentum=0.9, name="dense_norm")(x)
        return layers.Activation("relu", name=self.embedding_layer)(x)

    def _convolved(self, x, layers, seeds, member_layers):
        """Apply the blocks; the channels of the members are concatenated between them."""
        for i, n_filters in enumerate(self.filters, start=1):
            window = tuple(min(2, length) for length in x.shape[1:3])
            if i == 1:
                # Pooling at full resolution would cost more than all other layers.
                stride = self._time_stride(x.shape[2])
                x = member_layers.stem(
                    n_filters,
                    self.stem_kernel_size,
                    n_own=_MORE_OWN if stride >= 4 else _OWN,
                    strides=(window[0], stride),
                    name="conv1",
                    **_without_bias(seeds),
                )(x)
            else:
                x = self._block(x, i, n_filters, window, layers, seeds)
            x = layers.BatchNormalization(momentum=0.9, name=f"norm{i}")(x)
            x = layers.Activation("relu", name=f"relu{i}")(x)
        if self.head == "flatten":
            return x
        return layers.Concatenate(axis=2, name="over_time")(
            [_over_time(x, layers, "mean"), _over_time(x, layers, "max")]
        )

    def _time_stride(self, n_frames):
        stride = self.time_stride
        if stride == "auto":
            stride = 4 if n_frames >= _MANY_FRAMES else 2
        return min(stride, n_frames)

    def _block(self, x, i, n_filters, window, layers, seeds):
        """Apply the convolution and the pooling of a block to each member."""
        from skal.models._backend import keras

        several = self.n_members > 1
        outputs = []
        parts = keras.ops.split(x, self.n_members, axis=-1) if several else [x]
        for j, part in enumerate(parts, start=1):
            name = f"{i}_{j}" if several else f"{i}"
            y = layers.Conv2D(
                n_filters, self.kernel_size, name=f"conv{name}", **_without_bias(seeds)
            )(part)
            outputs.append(layers.MaxPooling2D(window, name=f"pool{name}")(y))
        # Concatenate after pooling, when there is less to copy.
        return layers.Concatenate(name=f"members{i}")(outputs) if several else outputs[0]


def _without_bias(seeds):
    """Return the arguments of a convolution before a normalization, which has a bias."""
    return {"padding": "same", "use_bias": False, "kernel_initializer": seeds.he()}


def _over_time(x, layers, how):
    """Mean or maximum over the frames; bands keep their position."""
    layer = layers.AveragePooling2D if how == "mean" else layers.MaxPooling2D
    return layer((1, x.shape[2]), name=f"{how}_over_time")(x)
