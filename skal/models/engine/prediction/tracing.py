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
    """Replace methods of layers while a network is traced."""
    # Reaches layers wherever a network calls them: in nested models, in wrappers such as
    # ``Bidirectional``, and inside custom layers.
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
    """Make a replacement method that records the inputs of a layer's method."""
    return functools.partial(_record, getattr(layer, name), seen)


def _record(method, seen, x, *args, **kwargs):
    seen.append(x)
    return method(x, *args, **kwargs)


def layers_of(model):
    """List the layers of a network and its nested models, from input to output."""
    found = {}
    for layer in model.layers:
        found |= dict.fromkeys(layers_of(layer) if isinstance(layer, keras.Model) else [layer])
    return list(found)


def last_dense(model):
    """Return the last dense layer, or None."""
    dense = [layer for layer in layers_of(model) if isinstance(layer, keras.layers.Dense)]
    return dense[-1] if dense else None


def as_graph(model):
    """Convert a functional or sequential model to a functional one."""
    return keras.Model(model.inputs[0], model.outputs[0])


def uses(graph, layer):
    """Return the inputs of a layer for each call in a functional model."""
    nodes = [node for group in graph._nodes_by_depth.values() for node in group]
    return [list(node.input_tensors) for node in nodes if node.operation is layer]
