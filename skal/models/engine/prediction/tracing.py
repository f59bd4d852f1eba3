"""Replacement of layer methods while a network is traced."""

import contextlib
import functools
import threading

from skal.models._backend import keras

__all__ = ["as_graph", "last_dense", "layers_of", "recording", "replaced", "uses"]

# Threads may trace networks with shared layers at the same time.
_LOCK = threading.RLock()


@contextlib.contextmanager
def replaced(methods):
    """Replace methods of layers while a network is traced.

    Reaches layers wherever a network calls them: in nested models, in wrappers such as
    ``Bidirectional``, and inside custom layers.

    Parameters
    ----------
    methods : dict of (layer, str) to callable
        What the method of this name of a layer does meanwhile.
    """
    with _LOCK:
        kept = {(id(layer), name): vars(layer).get(name) for layer, name in methods}
        # Bypass Keras's __setattr__, which would track the functions as parts of the layer.
        for (layer, name), function in methods.items():
            vars(layer)[name] = function
        try:
            yield
        finally:
            for layer, name in methods:
                del vars(layer)[name]
                if kept[id(layer), name] is not None:
                    vars(layer)[name] = kept[id(layer), name]


def recording(layer, name, seen):
    """Make a replacement method that records the inputs of a layer's method.

    Parameters
    ----------
    layer : keras.Layer
        Layer.
    name : str
        Name of the method, or of an attribute that is called.
    seen : list
        Gets the first argument of every call.

    Returns
    -------
    callable
        For :func:`replaced`.
    """
    return functools.partial(_record, getattr(layer, name), seen)


def _record(method, seen, x, *args, **kwargs):
    seen.append(x)
    return method(x, *args, **kwargs)


def layers_of(model):
    """List the layers of a network and its nested models, from input to output.

    Parameters
    ----------
    model : keras.Model
        Functional or sequential model.

    Returns
    -------
    list of keras.Layer
        Layers that are no models, each once. What a wrapper or a layer of the user's own holds
        is not among them: it may compute inside a loop, out of reach.
    """
    found = {}
    for layer in model.layers:
        found |= dict.fromkeys(layers_of(layer) if isinstance(layer, keras.Model) else [layer])
    return list(found)


def last_dense(model):
    """Return the last dense layer, or None.

    Parameters
    ----------
    model : keras.Model
        Functional or sequential model.

    Returns
    -------
    keras.layers.Dense or None
        None where :func:`layers_of` finds no dense layer.
    """
    dense = [layer for layer in layers_of(model) if isinstance(layer, keras.layers.Dense)]
    return dense[-1] if dense else None


def as_graph(model):
    """Convert a functional or sequential model to a functional one.

    Parameters
    ----------
    model : keras.Model
        Network with one input and one output.

    Returns
    -------
    keras.Model
        Functional model of the same layers.
    """
    return keras.Model(model.inputs[0], model.outputs[0])


def uses(graph, layer):
    """Return the inputs of a layer for each call in a functional model.

    Parameters
    ----------
    graph : keras.Model
        Functional model.
    layer : keras.Layer
        One of its layers.

    Returns
    -------
    list of list of KerasTensor
        What goes into the layer, for each time that the model calls it. Other models may use
        the layer too, and a nested model's own ``input`` is not a tensor of the outer one.
    """
    nodes = [node for group in graph._nodes_by_depth.values() for node in group]
    return [list(node.input_tensors) for node in nodes if node.operation is layer]
