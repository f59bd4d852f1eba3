"""The learner methods of any Keras network, whether skal trained it or not."""

import functools

import numpy as np

from skal.models._backend import keras
from skal.models.engine.prediction.dropout import NO_DROPOUT, CompiledSampling, has_dropout
from skal.models.engine.prediction.gradients import CompiledGradientLength
from skal.models.engine.prediction.inference import CompiledForward
from skal.models.engine.prediction.tracing import last_dense

__all__ = ["NetworkMethods", "check_probabilities", "network_methods", "why_not"]

# Tolerance for the sum of a row of probabilities.
TOLERANCE = 1e-2


class NetworkMethods:
    """A network and its compiled functions, each traced at its first use."""

    def __init__(self, model, n_classes, embedding_layer):
        self.model = _as_probabilities(model, n_classes)
        self._embedding_layer = embedding_layer

    @functools.cached_property
    def forward(self):
        """Compiled pass for probabilities and embeddings, :class:`CompiledForward`."""
        return CompiledForward(self.model, self._embedding_layer)

    @functools.cached_property
    def sampling(self):
        """Compiled passes with dropout, :class:`CompiledSampling`."""
        return CompiledSampling(self.model)

    @functools.cached_property
    def gradient_length(self):
        """Compiled expected gradient lengths, :class:`CompiledGradientLength`."""
        return CompiledGradientLength(self.model)


def network_methods(model, n_classes, embedding_layer):
    """Return the methods of a network, cached from the last call."""
    # Store them on the network, bypassing Keras's tracking: they live as long as the network, but
    # are not in its copies or saved files.
    key = n_classes, embedding_layer
    known = vars(model).get("_skal_methods", (None, None))
    if known[0] != key:
        known = key, NetworkMethods(model, n_classes, embedding_layer)
        vars(model)["_skal_methods"] = known
    return known[1]


def why_not(method, model, n_classes, embedding_layer):
    """Return why a network does not support a method, or return None."""
    if not model.built or not getattr(model, "inputs", None):
        return (
            f"{method} needs a functional or sequential Keras model with an Input layer, not "
            f"{type(model).__name__}, whose layers cannot be followed"
        )
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        return (
            f"{method} needs a network with one input and one output, not "
            f"{len(model.inputs)} and {len(model.outputs)}"
        )
    shape = tuple(model.outputs[0].shape)
    if len(shape) != 2 or (shape[1] != n_classes and (shape[1], n_classes) != (1, 2)):
        return (
            f"{method} needs a network with an output for each of the {n_classes} classes; "
            f"the shape of its output is {shape}"
        )
    if method == "sample_proba" and not has_dropout(model):
        return NO_DROPOUT
    if method in ("embed", "predict_proba_embed") and not _embeds(model, embedding_layer):
        return (
            f"{method} takes the input of the last Dense layer, but the network has none: end "
            "it with keras.layers.Dense(n_classes), and a softmax"
        )
    return None


def _embeds(model, embedding_layer):
    return embedding_layer is not None or last_dense(model) is not None


def _as_probabilities(model, n_classes):
    """Extend a network to return the probability of each class."""
    outputs = model.outputs[0]
    logits = _gives_logits(model)
    if outputs.shape[1] == n_classes:
        outputs = keras.ops.softmax(outputs) if logits else outputs
    else:
        second = keras.ops.sigmoid(outputs) if logits else outputs
        outputs = keras.ops.concatenate([1 - second, second], axis=1)
    return keras.Model(model.inputs[0], outputs)


def _gives_logits(model):
    """Return whether the loss that a network was compiled with takes logits."""
    loss = getattr(model, "loss", None)
    given = getattr(loss, "_fn_kwargs", None) or {}
    return bool(getattr(loss, "from_logits", False) or given.get("from_logits", False))


def check_probabilities(probabilities, name):
    """Raise a ValueError if outputs are not probabilities."""
    sums = probabilities.sum(axis=1, dtype=np.float64)
    wrong = (np.abs(sums - 1) > TOLERANCE) | (probabilities.min(axis=1) < 0)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(
            f"the network of {name} does not return probabilities: row {row} is "
            f"{probabilities[row][:5].tolist()}. End it with a softmax (or a sigmoid for one "
            "output), or compile it with a loss with from_logits=True"
        )
