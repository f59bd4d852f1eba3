"""Networks as parameter objects: called, they build a Keras model.

The objects are plain scikit-learn estimators, so that ``network__dropout`` is a parameter of
a grid search. TensorFlow is imported when one is called, not before.
"""

import functools
from abc import ABCMeta, abstractmethod
from numbers import Integral, Real

from sklearn.base import BaseEstimator, clone
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions, validate_parameter_constraints

__all__ = ["CompactCNN", "DenseNet", "Network"]


def _called_by_scikeras(meta, compile_kwargs=None):
    """Carry the signature that SciKeras reads; :meth:`Network.__call__` does the work."""
    raise TypeError("a network is called as an object")


class Network(BaseEstimator, functools.partial, metaclass=ABCMeta):
    """Base of the parameter objects that build networks.

    A subclass stores its parameters in the constructor and writes :meth:`body`, which turns
    the normalized input into the embedding. The base adds what all networks share: an input
    layer ``"normalization"``, the ``"embedding"`` layer's name, and the ``"logits"`` and
    ``"probabilities"`` layers.

    Calling an object, as SciKeras does with ``KerasClassifier(model=CompactCNN())``, builds
    and compiles the network.

    Notes
    -----
    SciKeras accepts functions and ``functools.partial`` objects only, hence the second base.
    """

    embedding_layer = "embedding"
    dtype = "float32"

    def __new__(cls, *args, **kwargs):
        return super().__new__(cls, _called_by_scikeras)

    def __reduce_ex__(self, protocol):
        """Pickle as an estimator, not as a partial function."""
        return _restore, (type(self), self.get_params(deep=False))

    @abstractmethod
    def body(self, x, layers, seeds):
        """Turn the normalized input into the embedding.

        Parameters
        ----------
        x : KerasTensor
            Normalized input.
        layers : object
            Holds the layers of ``keras.layers``.
        seeds : _Seeds
            Gives every layer that draws numbers its own seed.

        Returns
        -------
        KerasTensor of shape (n_samples, n_embedding)
            Output of a layer named ``"embedding"``.
        """

    def build(self, input_shape, n_classes, random_state=None):
        """Build the network without compiling it.

        Parameters
        ----------
        input_shape : tuple of int
            Shape of one sample.
        n_classes : int
            Number of outputs.
        random_state : RandomState instance, default=None
            Source of the seeds of weights and dropout; with None, Keras draws them.

        Returns
        -------
        keras.Model
            Network from samples to class probabilities.
        """
        from skal.models._backend import keras

        self._validate()
        layers, seeds = _Layers(keras.layers, self.dtype), _Seeds(random_state)
        inputs = keras.Input(tuple(input_shape), dtype=self.dtype, name="samples")
        # As a batch normalization without weights of its own the layer learns the statistics
        # by itself in a plain Keras fit; CNNClassifier sets them from the data and freezes it.
        x = layers.BatchNormalization(
            momentum=0.9, epsilon=1e-8, center=False, scale=False, name="normalization"
        )(self._with_channels(inputs, layers))
        x = self.body(x, layers, seeds)
        dropout = getattr(self, "dropout", 0.0)
        if dropout:
            x = layers.Dropout(dropout, seed=seeds.next(), name="dropout")(x)
        logits = layers.Dense(n_classes, kernel_initializer=seeds.glorot(), name="logits")(x)
        if n_classes == 1:  # A softmax over one class is 1, and Keras warns of it.
            outputs = layers.Rescaling(0.0, offset=1.0, name="probabilities")(logits)
        else:
            outputs = layers.Softmax(name="probabilities")(logits)
        return keras.Model(inputs, outputs, name=type(self).__name__.lower())

    def __call__(self, meta, compile_kwargs=None, **parameters):
        """Build and compile the network for SciKeras.

        Parameters
        ----------
        meta : dict
            SciKeras's metadata; ``X_shape_`` and ``n_classes_`` are used.
        compile_kwargs : dict, default=None
            Arguments of ``keras.Model.compile``. Without a loss among them the sparse
            categorical cross-entropy is taken.
        **parameters : dict
            Parameters of this object to replace, as SciKeras routes ``model__dropout``.

        Returns
        -------
        keras.Model
            Compiled network.
        """
        network = clone(self).set_params(**parameters)
        model = network.build(meta["X_shape_"][1:], meta["n_classes_"])
        kwargs = {k: v for k, v in (compile_kwargs or {}).items() if v is not None}
        kwargs.setdefault("loss", "sparse_categorical_crossentropy")
        model.compile(**kwargs)
        return model

    def _with_channels(self, x, layers):
        return x

    def _validate(self):
        constraints = getattr(self, "_parameter_constraints", {})
        validate_parameter_constraints(
            constraints, self.get_params(deep=False), caller_name=type(self).__name__
        )


class CompactCNN(Network):
    """Small convolutional network for spectrograms, good with few labels.

    A convolution that steps over every other band and frame, then blocks of convolution and
    max-pooling, all with batch normalization and ReLU and each halving bands and frames, then
    a head and a dense embedding.

    Parameters
    ----------
    filters : tuple of int, default=(24, 48, 96)
        Filters of each block.
    stem_kernel_size : int, default=5
        Side of the square kernels of the first block.
    kernel_size : int, default=3
        Side of the square kernels of the other blocks.
    n_embedding : int, default=64
        Width of the embedding.
    dropout : float, default=0.3
        Share of the activations dropped before and after the embedding in training.
    head : {"auto", "flatten", "pool"}, default="auto"
        "flatten" keeps the position in time of what was heard, as short inputs want it;
        "pool" takes mean and maximum over time (bands keep their position), as sounds want
        it whose event may be anywhere. "auto" flattens up to `max_flatten_frames` frames.
    max_flatten_frames : int, default=128
        Longest input, in frames, that ``head="auto"`` flattens.

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
        "head": [StrOptions({"auto", "flatten", "pool"})],
        "max_flatten_frames": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        filters=(24, 48, 96),
        stem_kernel_size=5,
        kernel_size=3,
        n_embedding=64,
        dropout=0.3,
        head="auto",
        max_flatten_frames=128,
    ):
        self.filters = filters
        self.stem_kernel_size = stem_kernel_size
        self.kernel_size = kernel_size
        self.n_embedding = n_embedding
        self.dropout = dropout
        self.head = head
        self.max_flatten_frames = max_flatten_frames

    def body(self, x, layers, seeds):
        """Turn the normalized input into the embedding; see :meth:`Network.body`."""
        head = self.head
        if head == "auto":
            head = "flatten" if x.shape[2] <= self.max_flatten_frames else "pool"
        for i, n_filters in enumerate(self.filters, start=1):
            window = tuple(min(2, length) for length in x.shape[1:3])
            # Pooling the first block at full resolution would cost more than all the rest.
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
        if head == "pool":
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

    def _with_channels(self, x, layers):
        if len(x.shape) == 3:
            x = layers.Reshape((*x.shape[1:], 1), name="channels")(x)
        if len(x.shape) != 4:
            raise ValueError(
                f"{type(self).__name__} takes spectrograms of shape (bands, frames) or (bands, "
                f"frames, channels); got samples of shape {tuple(x.shape[1:])}"
            )
        return x


class DenseNet(Network):
    """Fully connected network for rows of features.

    Parameters
    ----------
    units : tuple of int, default=(64, 64)
        Width of each hidden layer; the last one is the embedding.
    dropout : float, default=0.0
        Share of the embedding dropped in training.

    Notes
    -----
    Inputs of more than one dimension are flattened. Computes in 64 bits, as scikit-learn's own
    models do: rows of features are cheap, and weighting a row twice is then the same as giving
    it twice, to all digits.
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
        """Turn the normalized input into the embedding; see :meth:`Network.body`."""
        x = layers.Flatten(name="flatten")(x)
        for i, units in enumerate(self.units, start=1):
            x = layers.Dense(units, kernel_initializer=seeds.he(), name=f"dense{i}")(x)
            name = self.embedding_layer if i == len(self.units) else f"relu{i}"
            x = layers.Activation("relu", name=name)(x)
        return x


def _restore(cls, parameters):
    """Make a network from its pickle."""
    return cls(**parameters)


class _Layers:
    """Layers of Keras, all of one type of numbers."""

    def __init__(self, layers, dtype):
        self._layers = layers
        self._dtype = dtype

    def __getattr__(self, name):
        return functools.partial(getattr(self._layers, name), dtype=self._dtype)


class _Seeds:
    """Seeds for the layers of a network, from a RandomState or, with None, from Keras."""

    def __init__(self, random_state):
        self._random_state = None if random_state is None else check_random_state(random_state)

    def next(self):
        """One seed."""
        if self._random_state is None:
            return None
        return int(self._random_state.randint(1, 2**31 - 1))

    def he(self):
        """Initializer for layers followed by a ReLU."""
        from skal.models._backend import keras

        return keras.initializers.HeNormal(seed=self.next())

    def glorot(self):
        """Initializer for linear layers."""
        from skal.models._backend import keras

        return keras.initializers.GlorotUniform(seed=self.next())


def _over_time(x, layers, how):
    """Mean or maximum over the frames; bands keep their position."""
    layer = layers.AveragePooling2D if how == "mean" else layers.MaxPooling2D
    return layer((1, x.shape[2]), name=f"{how}_over_time")(x)
