"""Initial weights from a fitted classifier."""

import os
from dataclasses import dataclass

import numpy as np
from sklearn.pipeline import Pipeline

from skal._utils.files.saved_models import ModelError, find_model, read_model
from skal._utils.private import _clone_parametrized

__all__ = ["Donor", "StartsPretrained", "find_classifier", "read_donor"]

NORMALIZATION = "normalization"

# Attributes that contain the classifier in a campaign, a search, or a frozen classifier.
_INSIDE = ("estimator_", "best_estimator_", "estimator")


@dataclass
class Donor:
    """The weights of a fitted classifier, with their network and classes."""

    weights: dict  # by the names of layer and weight; without the normalization of the input
    head: str  # name of the last layer with weights, whose outputs are the classes
    classes: np.ndarray  # those classes
    input_shape: tuple  # shape of a sample
    # mean, variance: What the network normalizes its input with.
    mean: np.ndarray
    variance: np.ndarray
    network: str  # the network as text

    def give(self, engine, classes):
        """Copy the weights into another network."""
        # Copies weights of the same shape. A layer keeps its own weights if its shape differs
        # because of the sample size, and so does the head if the classes differ.
        variables, head = _named_weights(engine.model)
        self._check_same(variables, head, engine.model.input_shape[1:])
        same_classes = np.array_equal(self.classes, classes)
        for (layer, name), variable in variables.items():
            if layer == head and not same_classes:
                continue
            value = self.weights[self.head if layer == head else layer, name]
            if value.shape == tuple(variable.shape):
                variable.assign(value)
        channels = engine.model.input_shape[-1:]
        if engine.normalization is None or self.mean.shape != channels:
            return None
        engine.normalize(self.mean, self.variance)
        return self.mean, self.variance

    def _check_same(self, variables, head, input_shape):
        """Raise an error unless this network is the donor's, apart from the sample size."""
        there = {layer for layer, _ in self.weights} - {self.head}
        here = {layer for layer, _ in variables} - {head}
        if there != here:
            raise ValueError(
                f"pretrained: the weights are of another network, {self.network}: "
                + "; ".join(_only(there - here, "there") + _only(here - there, "here"))
                + ". Give the classifier that network"
            )
        for (layer, name), variable in variables.items():
            if layer == head:
                continue
            theirs, ours = self.weights[layer, name].shape, tuple(variable.shape)
            # The sample size changes only the input sizes of layers, never their output sizes.
            by_size = name == "kernel" and theirs[-1] == ours[-1]
            if theirs != ours and not (by_size and self.input_shape != tuple(input_shape)):
                raise ValueError(
                    f"pretrained: the weights are of another network, {self.network}: "
                    f"{name} of layer {layer} has shape {theirs} there and {ours} here. Give "
                    "the classifier that network"
                )


class StartsPretrained:
    """Mixin for the parameter ``pretrained``: a path, or a fitted classifier."""

    # Subclasses call :meth:`_start_pretrained` after drawing weights.

    def _start_pretrained(self, engine, classes):
        """Copy the weights that ``pretrained`` names into an engine; see `Donor.give`."""
        if not isinstance(self.pretrained, (str, os.PathLike)):
            return read_donor(self.pretrained).give(engine, classes)
        # A campaign trains from scratch in every round, so cache the file until it changes.
        path = _named(find_model, self.pretrained)
        stamp = (path, path.stat().st_mtime_ns if path.exists() else None)
        if getattr(self, "_donor", (None,))[0] != stamp:
            self._donor = stamp, read_donor(path)
        return self._donor[1].give(engine, classes)

    def get_params(self, deep=True):
        """Get the parameters, without those of a pretrained classifier.

        Parameters
        ----------
        deep : bool, default=True
            Whether to add the parameters of objects that are parameters.

        Returns
        -------
        dict
            Names and values.
        """
        params = super().get_params(deep)
        return {k: v for k, v in params.items() if not k.startswith("pretrained__")}

    def __sklearn_clone__(self):
        """Copy the parameters; a pretrained classifier stays fitted."""
        copy = _clone_parametrized(self)
        copy.pretrained = self.pretrained
        return copy


def read_donor(source):
    """Read the weights of a saved or fitted classifier."""
    classifier = find_classifier(source)
    engine = classifier._ready_engine()
    variables, head = _named_weights(engine.model)
    return Donor(
        {key: variable.numpy() for key, variable in variables.items()},
        head,
        classifier.classes_,
        tuple(engine.model.input_shape[1:]),
        classifier._mean,
        classifier._variance,
        " ".join(repr(classifier.network_).split()),
    )


def find_classifier(source):
    """Find the fitted network classifier in the value of ``pretrained``."""
    found, where = source, ""
    if isinstance(source, (str, os.PathLike)):
        path, found, _ = _named(read_model, source)
        where = f"{path}: "
    while not hasattr(found, "_ready_engine"):
        inner = [getattr(found, name) for name in _INSIDE if hasattr(found, name)]
        if isinstance(found, Pipeline):
            inner = [found.steps[-1][1]]
        if not inner:
            raise ValueError(
                f"pretrained: {where}found no fitted CNNClassifier in a "
                f"{type(found).__name__}; save one with joblib.dump(classifier, path)"
            )
        found = inner[0]
    if not hasattr(found, "classes_"):
        raise ValueError(f"pretrained: {where}this {type(found).__name__} is not fitted")
    return found


def _named(function, path):
    """Open a model file, and name the parameter in errors."""
    try:
        return function(path)
    except ModelError as error:
        raise ValueError(f"pretrained: {error}") from error


def _named_weights(model):
    """Return the variables of a network by layer and name, and the name of the last layer."""
    layers = [x for x in model.layers if x.weights and x.name != NORMALIZATION]
    named = {(x.name, variable.name): variable for x in layers for variable in x.weights}
    return named, layers[-1].name


def _only(layers, where):
    if not layers:
        return []
    names = sorted(layers)
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    plural = "layers" if len(names) > 1 else "layer"
    return [f"{plural} {', '.join(names[:4])}{more} only {where}"]
