"""Weights of a saved classifier, from which another one starts."""

import os
from dataclasses import dataclass

import numpy as np
from sklearn.pipeline import Pipeline

from skal._utils.private import _clone_parametrized
from skal._utils.saved_models import ModelError, find_model, read_model

__all__ = ["Donor", "StartsPretrained", "find_classifier", "read_donor"]

NORMALIZATION = "normalization"

# Where the classifier is inside what was saved: a campaign, a search, a frozen classifier.
_INSIDE = ("estimator_", "best_estimator_", "estimator")


@dataclass
class Donor:
    """The weights of a fitted classifier, and what they belong to.

    Attributes
    ----------
    weights : dict of (str, str) to ndarray
        By the names of layer and weight; without the normalization of the input.
    head : str
        Name of the last layer with weights, whose outputs are the classes.
    classes : ndarray of shape (n_classes,)
        Those classes.
    input_shape : tuple of int
        Shape of a sample.
    mean, variance : ndarray of shape (n_channels,)
        What the network normalizes its input with.
    network : str
        The network as text.
    """

    weights: dict
    head: str
    classes: np.ndarray
    input_shape: tuple
    mean: np.ndarray
    variance: np.ndarray
    network: str

    def give(self, engine, classes):
        """Copy the weights into another network.

        The body is copied where the shapes are the same. Where they are not because the
        samples have another size, the layer keeps its weights; so does the head where the
        classes are others.

        Parameters
        ----------
        engine : Engine
            Holds the network, which is changed in place, its normalization included.
        classes : ndarray of shape (n_classes,)
            Its classes.

        Returns
        -------
        tuple (mean, variance) or None
            What the network now normalizes its input with; None where the samples have
            another number of channels, and the normalization is left as it is.

        Raises
        ------
        ValueError
            If the networks are not the same.
        """
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
        """Raise an error unless this network is the donor's, save for the size of samples."""
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
            # Samples of another size change what goes into a layer, never what comes out.
            by_size = name == "kernel" and theirs[-1] == ours[-1]
            if theirs != ours and not (by_size and self.input_shape != tuple(input_shape)):
                raise ValueError(
                    f"pretrained: the weights are of another network, {self.network}: "
                    f"{name} of layer {layer} has shape {theirs} there and {ours} here. Give "
                    "the classifier that network"
                )


class StartsPretrained:
    """The parameter ``pretrained`` of a classifier: a path, or a fitted classifier.

    A class that inherits calls :meth:`_start_pretrained` once the weights are drawn.
    """

    def _start_pretrained(self, engine, classes):
        """Copy the weights that ``pretrained`` names into an engine; see `Donor.give`."""
        if not isinstance(self.pretrained, (str, os.PathLike)):
            return read_donor(self.pretrained).give(engine, classes)
        # A campaign trains anew in every round: read a file once, as long as it is the same.
        path = _named(find_model, self.pretrained)
        stamp = (path, path.stat().st_mtime_ns if path.exists() else None)
        if getattr(self, "_donor", (None,))[0] != stamp:
            self._donor = stamp, read_donor(path)
        return self._donor[1].give(engine, classes)

    def get_params(self, deep=True):
        """Get the parameters; those of a pretrained classifier are not among them.

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
        """Copy the parameters; a pretrained classifier stays as fitted as it is."""
        copy = _clone_parametrized(self)
        copy.pretrained = self.pretrained
        return copy


def read_donor(source):
    """Read the weights of a saved or fitted classifier.

    Parameters
    ----------
    source : path-like or estimator
        See :func:`find_classifier`.

    Returns
    -------
    Donor
    """
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
    """Find the fitted network classifier in what a caller names as pretrained.

    Parameters
    ----------
    source : path-like or estimator
        A fitted :class:`CNNClassifier`, or a Pipeline, campaign or search that holds one; or
        a file in which a recognizer or joblib has saved one of these; or a run folder or
        project folder, for its model. A file is unpickled: name only those that you trust.

    Returns
    -------
    CNNClassifier
        The classifier itself, not a copy.

    Raises
    ------
    ValueError
        If the file is no model, or there is no fitted network classifier in it.
    """
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
                f"pretrained: {where}there is no fitted CNNClassifier in a "
                f"{type(found).__name__}; save one with joblib.dump(classifier, path)"
            )
        found = inner[0]
    if not hasattr(found, "classes_"):
        raise ValueError(f"pretrained: {where}this {type(found).__name__} is not fitted")
    return found


def _named(function, path):
    """Call a function that opens what `path` means, and name the parameter in its errors."""
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
