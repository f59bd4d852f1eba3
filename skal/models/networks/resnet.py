"""ResNet: residual networks with up to 32 or with 50 layers."""

from numbers import Integral, Real

from skal._utils.private import Interval, Options
from skal.models.networks.base import SpectrogramNetwork

__all__ = ["ResNet"]

# Blocks in each stage, and default filters of the stages.
_BLOCKS = {depth: ((depth - 2) // 6,) * 3 for depth in (8, 14, 20, 26, 32)} | {50: (3, 4, 6, 3)}
_FILTERS = {3: (32, 64, 128), 4: (64, 128, 256, 512)}


class ResNet(SpectrogramNetwork):
    """Residual network: every block adds its output to its input.

    Up to 32 layers: a convolution with stride 2, then three stages of blocks with two 3x3
    convolutions. With 50 layers: the paper's network for large images, with four stages of blocks
    with 1x1, 3x3 and 1x1 convolutions. Every stage after the first halves bands and frames; the
    mean over both is the embedding.

    Parameters
    ----------
    depth : {8, 14, 20, 26, 32, 50}, default=14
        Layers with weights.
    filters : tuple of int, default=None
        Filters of each stage, four numbers with 50 layers, else three; None: (32, 64, 128),
        and (64, 128, 256, 512) with 50 layers.
    dropout : float, default=0.2
        Share of the embedding dropped in training.
    l2 : float, default=0.0
        Factor of the sum of all squared kernel weights in the training loss.

    See Also
    --------
    CompactCNN : Smaller, for few labels.

    Notes
    -----
    Input of shape (bands, frames) or (bands, frames, channels), of any size. The embedding has the
    width of the last stage, times four with 50 layers. The defaults have 0.7 million weights, 50
    layers have 24 million. With 50 layers, the 3x3 convolution of a block halves the size, as in
    later implementations: a 1x1 convolution would skip three of four cells.

    References
    ----------
    He et al., Deep residual learning for image recognition, CVPR 2016, sections 4.1 (50
    layers) and 4.2 (small ones).

    Examples
    --------
    >>> from skal.models import ResNet
    >>> model = ResNet(depth=8, filters=(8, 16, 32)).build((60, 44), n_classes=10)
    >>> model.output_shape, model.get_layer("embedding").output.shape
    ((None, 10), (None, 32))
    """

    _parameter_constraints = {
        "depth": [Options(Integral, set(_BLOCKS))],
        "filters": [None, tuple, list],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "l2": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(self, depth=14, filters=None, dropout=0.2, l2=0.0):
        self.depth = depth
        self.filters = filters
        self.dropout = dropout
        self.l2 = l2

    def body(self, x, layers, seeds):
        """Compute the embedding; see :meth:`Network.body`."""
        blocks = _BLOCKS[self.depth]
        filters = _FILTERS[len(blocks)] if self.filters is None else self.filters
        bottleneck = self.depth == 50
        x = self._unit(x, filters[0], 7 if bottleneck else 3, 2, layers, seeds, "stem")
        if bottleneck:
            x = layers.MaxPooling2D(3, 2, padding="same", name="stem_pool")(x)
        build = self._bottleneck if bottleneck else self._pair
        for stage, (n_blocks, n_filters) in enumerate(zip(blocks, filters, strict=True), 1):
            for block in range(1, n_blocks + 1):
                step = 2 if stage > 1 and block == 1 else 1
                x = self._block(build, x, n_filters, step, layers, seeds, f"s{stage}b{block}")
        return layers.GlobalAveragePooling2D(name=self.embedding_layer)(x)

    def _block(self, build, x, filters, step, layers, seeds, name):
        """Add a stack of convolutions of x to x, which is projected if sizes differ."""
        new = build(x, filters, step, layers, seeds, name)
        if step > 1 or x.shape[-1] != new.shape[-1]:
            x = self._unit(x, new.shape[-1], 1, step, layers, seeds, f"{name}_skip", relu=False)
        x = layers.Add(name=f"{name}_add")([x, new])
        return layers.Activation("relu", name=f"{name}_relu")(x)

    def _pair(self, x, filters, step, layers, seeds, name):
        x = self._unit(x, filters, 3, step, layers, seeds, f"{name}_1")
        return self._unit(x, filters, 3, 1, layers, seeds, f"{name}_2", relu=False)

    def _bottleneck(self, x, filters, step, layers, seeds, name):
        x = self._unit(x, filters, 1, 1, layers, seeds, f"{name}_1")
        x = self._unit(x, filters, 3, step, layers, seeds, f"{name}_2")
        return self._unit(x, 4 * filters, 1, 1, layers, seeds, f"{name}_3", relu=False)

    def _unit(self, x, filters, kernel, step, layers, seeds, name, relu=True):
        """Apply convolution, normalization, and ReLU."""
        x = layers.Conv2D(
            filters,
            kernel,
            strides=step,
            padding="same",
            use_bias=False,
            kernel_initializer=seeds.he(),
            kernel_regularizer=self._penalty(),
            name=f"{name}_conv",
        )(x)
        x = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)
        return layers.Activation("relu", name=f"{name}_relu")(x) if relu else x

    def _validate(self):
        super()._validate()
        n_stages = len(_BLOCKS[self.depth])
        if self.filters is not None and len(self.filters) != n_stages:
            raise ValueError(
                f"ResNet(depth={self.depth}) has {n_stages} stages: filters must have {n_stages} "
                f"numbers, got {self.filters!r}"
            )
