"""Base classes of networks: parameter objects that build a Keras model when called."""

# The objects are plain scikit-learn estimators, so that ``network__dropout`` is a parameter of a
# grid search. TensorFlow is imported only when a network is called.

import functools
from abc import ABCMeta, abstractmethod

from sklearn.base import BaseEstimator, clone
from sklearn.utils import check_random_state

from skal._utils.private import validate_parameter_constraints

__all__ = ["Network", "SpectrogramNetwork"]


def _called_by_scikeras(meta, compile_kwargs=None):
    """Provide the signature that SciKeras reads; :meth:`Network.__call__` does the work."""
    raise TypeError("only a signature for SciKeras: call the Network object instead")


class _AcceptedBySciKeras(functools.partial):
    # ``KerasClassifier._check_model_param`` of SciKeras 0.13, the last version, takes a Keras
    # model, a function, or a functools.partial, and no other callable. Functions cannot be
    # subclassed, partial has no ABC registration, and a Keras model is a single network, not
    # parameters of networks. Without this base, ``KerasClassifier(model=CompactCNN())`` is a
    # TypeError.
    def __new__(cls, *args, **kwargs):
        return super().__new__(cls, _called_by_scikeras)

    def __reduce_ex__(self, protocol):
        """Pickle as an estimator, not as a partial function."""
        return _restore, (type(self), self.get_params(deep=False))


class Network(BaseEstimator, _AcceptedBySciKeras, metaclass=ABCMeta):
    """Base of the parameter objects that build networks.

    A subclass stores its parameters in the constructor and implements :meth:`body`, which computes
    the embedding from the normalized input. The base adds the common parts: an input layer
    ``"normalization"``, the ``"embedding"`` layer's name, :meth:`tail`, and the ``"logits"`` and
    ``"probabilities"`` layers. A parameter ``dropout`` of a subclass applies to the embedding, and
    a parameter ``l2`` to the kernel of the logits.

    Calling an object, as SciKeras does with ``KerasClassifier(model=CompactCNN())``, builds
    and compiles the network.

    See Also
    --------
    SpectrogramNetwork : Adds the channel axis of spectrograms.
    CNNClassifier : Trains a network.

    Examples
    --------
    A network with one hidden layer, whose width can be searched for:

    >>> import numpy as np
    >>> from skal.models import CNNClassifier, Network
    >>> class OneLayer(Network):
    ...     def __init__(self, units=8):
    ...         self.units = units
    ...
    ...     def body(self, x, layers, seeds):
    ...         x = layers.Dense(self.units, kernel_initializer=seeds.he())(x)
    ...         return layers.Activation("relu", name=self.embedding_layer)(x)
    >>> model = CNNClassifier(OneLayer(), steps=200, learning_rate=0.02, random_state=0)
    >>> X = np.array([[0.0, 1.0], [0.1, 0.9], [1.0, 0.0], [0.9, 0.1]])
    >>> model = model.set_params(network__units=16).fit(X, ["cat", "cat", "dog", "dog"])
    >>> model.predict(X).tolist()
    ['cat', 'cat', 'dog', 'dog']
    >>> model.embed(X).shape
    (4, 16)
    """

    embedding_layer = "embedding"
    default_learning_rate = 2e-3
    # Samples in a training step, if they are not rows of features.
    default_batch_size = 32
    # Floating point type of the network; None: Keras's policy.
    dtype: str | None = None
    # Number of networks side by side; `body` concatenates their embeddings.
    n_members = 1

    @abstractmethod
    def body(self, x, layers, seeds):
        """Compute the embedding from the normalized input.

        Parameters
        ----------
        x : KerasTensor
            Normalized input.
        layers : object
            Holds the layers of ``keras.layers``.
        seeds : _Seeds
            Provides seeds for random layers.

        Returns
        -------
        KerasTensor of shape (n_samples, n_embedding)
            Output of a layer named ``"embedding"``.
        """

    def tail(self, x, layers, seeds):
        """Compute the input of the logits from the embedding.

        Parameters
        ----------
        x : KerasTensor
            Embedding.
        layers : object
            Holds the layers of ``keras.layers``.
        seeds : _Seeds
            Provides seeds for random layers.

        Returns
        -------
        KerasTensor of shape (n_samples, n_units)
            The embedding after dropout, if any.
        """
        dropout = getattr(self, "dropout", 0.0)
        return layers.Dropout(dropout, seed=seeds.next(), name="dropout")(x) if dropout else x

    def build(self, input_shape, n_classes, random_state=None):
        """Build the network without compiling it.

        Parameters
        ----------
        input_shape : tuple of int
            Shape of one sample.
        n_classes : int
            Number of outputs.
        random_state : RandomState instance, default=None
            Source of the seeds of weights and dropout; None: Keras draws them.

        Returns
        -------
        keras.Model
            Network from samples to class probabilities.
        """
        from skal.models._backend import keras

        self._validate()
        layers = _Layers(keras.layers, self.dtype or keras.config.dtype_policy())
        seeds = _Seeds(random_state)
        inputs = keras.Input(tuple(input_shape), dtype=layers.precise.dtype, name="samples")
        logits = self._graph(inputs, n_classes, layers, seeds)
        if n_classes == 1:  # A softmax over one class is 1, and Keras warns of it.
            outputs = layers.precise.Rescaling(0.0, offset=1.0, name="probabilities")(logits)
        else:
            outputs = layers.precise.Softmax(name="probabilities")(logits)
        return keras.Model(inputs, outputs, name=type(self).__name__.lower())

    def __call__(self, meta, compile_kwargs=None, **parameters):
        """Build and compile the network for SciKeras."""
        network = clone(self).set_params(**parameters)
        model = network.build(meta["X_shape_"][1:], meta["n_classes_"])
        kwargs = {k: v for k, v in (compile_kwargs or {}).items() if v is not None}
        kwargs.setdefault("loss", "sparse_categorical_crossentropy")
        model.compile(**kwargs)
        return model

    def _graph(self, inputs, n_classes, layers, seeds):
        """Connect the layers from the input to the logits."""
        x = self.body(self._normalized(inputs, layers), layers, seeds)
        return self._vote(self._logits(x, n_classes, layers, seeds, name="logits"), layers)

    def _normalized(self, inputs, layers):
        # Use a batch normalization without scale and offset: in a plain Keras fit it learns the
        # statistics, and CNNClassifier sets and freezes them.
        return layers.precise.BatchNormalization(
            momentum=0.9, epsilon=1e-8, center=False, scale=False, name="normalization"
        )(self._with_channels(inputs, layers))

    def _logits(self, embedding, n_classes, layers, seeds, name):
        """Return the logits; those of members have the shape (n_samples, n_members, n_classes)."""
        from skal.models.networks._member_layers import MemberLayers

        dense = MemberLayers(layers.precise, self.n_members).dense(
            n_classes,
            kernel_initializer=seeds.glorot(),
            kernel_regularizer=self._penalty(),
            name=name if self.n_members == 1 else f"member_{name}",
        )
        x = dense(self.tail(embedding, layers, seeds))
        if self.n_members == 1:
            return x
        return layers.precise.Reshape((self.n_members, n_classes), name=f"each_{name}")(x)

    def _vote(self, logits, layers):
        """Return the logits of the mean probabilities, if there are several members."""
        from skal.models.networks._member_layers import MemberVote

        if self.n_members == 1:
            return logits
        return MemberVote(self.n_members, dtype=layers.precise.dtype, name="logits")(logits)

    def _penalty(self):
        """Return the regularizer of kernels, if the network has a parameter ``l2``."""
        from skal.models._backend import keras

        l2 = getattr(self, "l2", 0.0)
        return keras.regularizers.L2(l2) if l2 else None

    def _with_channels(self, x, layers):
        return x

    def _validate(self):
        constraints = getattr(self, "_parameter_constraints", {})
        validate_parameter_constraints(
            constraints, self.get_params(deep=False), caller_name=type(self).__name__
        )


class SpectrogramNetwork(Network):
    """Base of networks for spectrograms, (bands, frames) or (bands, frames, channels).

    See Also
    --------
    Network : Base of networks for samples of any shape.
    CompactCNN : A network to compare with.

    Examples
    --------
    A network that ignores when a sound is, for spectrograms with or without a channel axis:

    >>> from skal.models import SpectrogramNetwork
    >>> class BandsOnly(SpectrogramNetwork):
    ...     def __init__(self, filters=8):
    ...         self.filters = filters
    ...
    ...     def body(self, x, layers, seeds):
    ...         x = layers.Conv2D(self.filters, 3, kernel_initializer=seeds.he())(x)
    ...         return layers.GlobalMaxPooling2D(name=self.embedding_layer)(x)
    >>> BandsOnly().build((40, 44), n_classes=3).output_shape
    (None, 3)
    >>> BandsOnly().build((40, 44, 2), n_classes=3).output_shape
    (None, 3)
    """

    def _with_channels(self, x, layers):
        if len(x.shape) == 3:
            x = layers.precise.Reshape((*x.shape[1:], 1), name="channels")(x)
        if len(x.shape) != 4:
            raise ValueError(
                f"{type(self).__name__} takes spectrograms of shape (bands, frames) or (bands, "
                f"frames, channels); got samples of shape {tuple(x.shape[1:])}"
            )
        return x


def _restore(cls, parameters):
    """Restore a network from its pickle."""
    return cls(**getattr(cls, "_before", {}) | parameters)


class _Layers:
    """Keras layers with a common floating point type."""

    # Precise layers use 32 bits under Keras's 16-bit policies: raw samples, logits, and
    # probabilities need them.

    def __init__(self, layers, dtype):
        self._layers = layers
        self.dtype = dtype

    @property
    def precise(self):
        is_double = getattr(self.dtype, "variable_dtype", self.dtype) == "float64"
        return _Layers(self._layers, "float64" if is_double else "float32")

    def __getattr__(self, name):
        return functools.partial(getattr(self._layers, name), dtype=self.dtype)


class _Seeds:
    """Seeds for the layers of a network, from a RandomState or, with None, from Keras."""

    def __init__(self, random_state):
        self._random_state = None if random_state is None else check_random_state(random_state)

    def next(self):
        """Return a seed."""
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
