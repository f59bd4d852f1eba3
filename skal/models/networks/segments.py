"""SegmentVoting: a network shared by the segments of a recording, with averaged probabilities."""

from skal._utils.estimators.nested_parameters import NestedParameters
from skal.models.networks.base import Network, SpectrogramNetwork
from skal.models.networks.compact import CompactCNN
from skal.models.networks.dense import DenseNet

__all__ = ["SegmentVoting", "suit_network"]


class SegmentVoting(NestedParameters, Network):
    """Apply one network to every segment of a sample, and average the probabilities.

    The embedding of a sample is the mean of the embeddings of its segments. Training uses only the
    averaged probabilities, so a segment without the sound need not predict it.

    Parameters
    ----------
    network : Network, default=None
        The network of a segment, with nested parameters (``network__dropout``); None:
        :class:`CompactCNN`.

    See Also
    --------
    skal.audio.LogMelSpectrogram : Cuts spectrograms into segments.
    CompactCNN : The default network of a segment.

    Notes
    -----
    Input of shape (segments, bands, frames, channels), as returned by
    ``LogMelSpectrogram(segment_frames=...)``, or (segments, ...) if `network` takes other samples
    than spectrograms. All samples have the same number of segments.

    References
    ----------
    Piczak, Environmental sound classification with convolutional neural networks, MLSP 2015,
    section 4 (probability voting).

    Examples
    --------
    Clips of 2 s have 32 frames: three segments of 16 frames, of which neighbors share half:

    >>> from skal.audio import LogMelSpectrogram
    >>> from skal.datasets import make_sounds
    >>> from skal.models import CompactCNN, SegmentVoting
    >>> sounds = make_sounds(6, 2, duration=2.0, random_state=0)
    >>> X = LogMelSpectrogram(sr=8000, n_mels=20, segment_frames=16).transform(sounds.data)
    >>> X.shape
    (6, 3, 20, 16, 1)
    >>> network = SegmentVoting(CompactCNN(filters=(8, 16)))
    >>> network.build(X.shape[1:], n_classes=2).output_shape
    (None, 2)
    """

    _objects = {"network": "CompactCNN({}=...)"}

    _parameter_constraints = {"network": [None, Network]}

    def __init__(self, network=None):
        self.network = network

    @property
    def default_learning_rate(self):
        """The default learning rate of the shared network."""
        return self._shared().default_learning_rate

    @property
    def default_batch_size(self):
        """The default batch size of the shared network."""
        return self._shared().default_batch_size

    @property
    def dtype(self):
        """Floating point type of the shared network."""
        return self._shared().dtype

    def body(self, x, layers, seeds):
        """Compute the embeddings of segments; see :meth:`Network.body`.

        Parameters
        ----------
        x : KerasTensor
            Normalized segments, a row for each.
        layers : object
            Holds the layers of ``keras.layers``.
        seeds : _Seeds
            Gives every layer that draws numbers its own seed.

        Returns
        -------
        KerasTensor of shape (n_samples * n_segments, n_embedding)
            Embeddings of the segments.
        """
        network = self._shared()
        renamed = _Renamed(layers, {network.embedding_layer: "segment_embedding"})
        return network.body(x, renamed, seeds)

    def _shared(self):
        return CompactCNN() if self.network is None else self.network

    def _validate(self):
        super()._validate()
        self._shared()._validate()

    def _graph(self, inputs, n_classes, layers, seeds):
        from skal.models.networks._segment_layers import FoldSegments, SegmentMean, SegmentVote

        network, n_segments = self._shared(), inputs.shape[1]
        self._check_shape(inputs.shape)
        x = FoldSegments(dtype=layers.precise.dtype, name="segments")(inputs)
        embeddings = self.body(network._normalized(x, layers), layers, seeds)
        logits = network._logits(embeddings, n_classes, layers, seeds, name="segment_logits")
        mean = SegmentMean(n_segments, dtype=layers.dtype, name=self.embedding_layer)(embeddings)
        name = "logits" if network.n_members == 1 else "member_votes"
        vote = SegmentVote(n_segments, dtype=layers.precise.dtype, name=name)
        return network._vote(vote([logits, mean]), layers)

    def _check_shape(self, shape):
        spectrograms = isinstance(self._shared(), SpectrogramNetwork)
        if len(shape) != 5 if spectrograms else len(shape) < 3:
            wanted = "bands, frames, channels" if spectrograms else "..."
            raise ValueError(
                f"SegmentVoting takes samples of shape (segments, {wanted}), as returned by "
                "LogMelSpectrogram(segment_frames=41); got samples of shape "
                f"{tuple(shape[1:])}"
            )


class _Renamed:
    """Keras layers, some of them renamed."""

    def __init__(self, layers, names):
        self._layers = layers
        self._names = names
        self.dtype = layers.dtype

    def __getattr__(self, kind):
        make = getattr(self._layers, kind)

        def named(*args, name=None, **kwargs):
            return make(*args, name=self._names.get(name, name), **kwargs)

        return named


def suit_network(network, n_dims):
    """Return a network for samples of a number of dimensions."""
    if network is None:
        network = DenseNet() if n_dims == 2 else CompactCNN()
    if n_dims == 5 and isinstance(network, SpectrogramNetwork):
        return SegmentVoting(network)
    return network
