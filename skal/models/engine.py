"""A built network with its compiled functions, reused by fit after fit."""

import numpy as np
from sklearn.base import clone

from skal.models import weights as _weights
from skal.models._backend import KerasClassifier, random_kept
from skal.models.augmentation import CompiledDistortion, SpectrogramAugmentation
from skal.models.gradients import CompiledGradientLength
from skal.models.inference import CompiledForward
from skal.models.recipe import cosine_schedule, draw_batches
from skal.models.sampling import CompiledSampling
from skal.models.training import CompiledTraining

__all__ = ["Engine", "KerasEngine", "check_weights"]

NORMALIZATION = "normalization"


class Engine:
    """A network and its compiled functions, built once and used by fit after fit.

    Parameters
    ----------
    network : callable
        Parameter object of the network.
    model : keras.Model
        What it has built.
    optimizer : object
        Optimizer of the model's trainable weights.
    augmentation : SpectrogramAugmentation or None
        What training does to the batches.
    training : type, default=CompiledTraining
        What trains the model with them.
    """

    def __init__(self, network, model, optimizer, augmentation, training=CompiledTraining):
        self.model = model
        names = [layer.name for layer in model.layers]
        self.normalization = None
        if NORMALIZATION in names:
            self.normalization = model.get_layer(NORMALIZATION)
            self.normalization.trainable = False
        embedding = getattr(network, "embedding_layer", "embedding")
        self.training = training(model, optimizer, augmentation)
        self._draws = _weights.CompiledDraws(model, optimizer, skip=(NORMALIZATION,))
        self.forward = CompiledForward(model, embedding if embedding in names else None)

        self._distortion = None
        self._gradient_length = None
        self._sampling = None

    @property
    def distortion(self):
        """Augmented copies of samples, compiled at the first use."""
        if self._distortion is None:
            augmentation = self.training.augmentation or SpectrogramAugmentation()
            self._distortion = CompiledDistortion(augmentation, self.model.input_shape[1:])
        return self._distortion

    @property
    def gradient_length(self):
        """Expected gradient length, compiled at the first use."""
        if self._gradient_length is None:
            self._gradient_length = CompiledGradientLength(self.model)
        return self._gradient_length

    @property
    def sampling(self):
        """Sampling passes with dropout, compiled at the first use."""
        if self._sampling is None:
            self._sampling = CompiledSampling(self.model)
        return self._sampling

    def normalize(self, mean, variance):
        """Set the statistics that the network normalizes its input with.

        Parameters
        ----------
        mean, variance : ndarray of shape (n_channels,)
            Statistics of the training data.
        """
        if self.normalization is not None:
            self.normalization.moving_mean.assign(mean)
            self.normalization.moving_variance.assign(variance)

    def reset(self, random_state):
        """Draw all weights anew, in place.

        Parameters
        ----------
        random_state : RandomState instance
            Source of the weights.
        """
        self._draws.reset(random_state)

    def shrink_perturb(self, shrink, noise, random_state):
        """Shrink the trainable weights and add freshly drawn ones.

        Parameters
        ----------
        shrink, noise : float
            Factors of the present and of the fresh weights.
        random_state : RandomState instance
            Source of the fresh weights.
        """
        self._draws.shrink_perturb(shrink, noise, random_state)

    def train(self, X, targets, weights, *, n_steps, batch_size, learning_rate, random_state,
              mean, scale):  # fmt: skip
        """Train for a number of steps from the present weights, with a fresh optimizer.

        Parameters
        ----------
        X : ndarray of shape (n_samples, ...)
            Samples.
        targets : ndarray of shape (n_samples, n_classes)
            Wanted probabilities.
        weights : ndarray of shape (n_samples,)
            Weights with mean 1.
        n_steps, batch_size : int
            Number of steps and samples in each.
        learning_rate : float
            Highest learning rate.
        random_state : RandomState instance
            Source of batches, augmentation and dropout.
        mean, scale : ndarray of shape (n_channels,)
            Statistics of the data, for the augmentation.

        Yields
        ------
        ndarray of float
            Losses of the last few steps.
        """
        self._draws.begin(random_state)
        seed = random_state.randint(2**31 - 1)
        yield from self.training.run(
            X,
            targets,
            weights,
            draw_batches(len(X), batch_size, n_steps, random_state),
            cosine_schedule(n_steps, learning_rate),
            seed,
            mean,
            scale,
        )


class KerasEngine(Engine):
    """A Keras network that SciKeras builds and compiles, with its Keras optimizer.

    Parameters
    ----------
    network : callable
        Parameter object of the network, or a function as SciKeras takes it.
    input_shape : tuple of int
        Shape of one sample.
    n_classes : int
        Number of classes.
    augmentation : SpectrogramAugmentation or None
        What training does to the batches.
    optimizer : str
        Name of the Keras optimizer.
    weight_decay : float
        Decoupled weight decay.
    """

    def __init__(self, network, input_shape, n_classes, augmentation, optimizer, weight_decay):
        model = _build(network, input_shape, n_classes, optimizer, weight_decay)
        super().__init__(network, model, model.optimizer, augmentation)


def _build(network, input_shape, n_classes, optimizer, weight_decay):
    """Let SciKeras build and compile a network."""
    classifier = KerasClassifier(
        model=network if not hasattr(network, "get_params") else clone(network),
        optimizer=optimizer,
        optimizer__weight_decay=weight_decay,
        loss="categorical_crossentropy",
        verbose=0,
    )
    rows = max(n_classes, 2)
    with random_kept():
        classifier.initialize(
            np.zeros((rows, *input_shape), dtype=np.float32), np.arange(rows) % n_classes
        )
    model = classifier.model_
    if model.output_shape != (None, n_classes):
        raise ValueError(
            f"the network must give one probability for each of the {n_classes} classes; its "
            f"output has shape {model.output_shape}"
        )
    check_weights(model)
    return model


def check_weights(model):
    """Refuse a network with weights that cannot be drawn anew.

    Parameters
    ----------
    model : keras.Model
        Network.

    Raises
    ------
    ValueError
        If a layer does not say how its weights are drawn.
    """
    missing = _weights.untouched_weights(model)
    if missing:
        raise ValueError(
            f"cannot draw these weights anew: {missing}; give their layer an attribute "
            "<name>_initializer that holds the Keras initializer of the weight <name>"
        )
