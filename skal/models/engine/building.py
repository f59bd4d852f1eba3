"""Building of Keras models from network objects, functions, or models."""

import contextlib
import functools
import inspect
import threading
import warnings
import weakref

import numpy as np
from sklearn.base import clone

from skal.models._backend import KerasClassifier, keras, seeded_globally
from skal.models.networks.base import Network

__all__ = ["build_model", "claim_weights"]

LOSSES = ("categorical_crossentropy", "sparse_categorical_crossentropy", "binary_crossentropy")
ADVICE = "end the network in Dense({n_classes}, activation='softmax')"

_LOCK = threading.RLock()
# Trainable weights of all networks in use, by id.
_TRAINED: weakref.WeakValueDictionary[int, object] = weakref.WeakValueDictionary()


def build_model(network, input_shape, n_classes, optimizer, weight_decay):
    """Build a network and check that it can be trained as a classifier."""
    # Weights that are not drawn again must not depend on the time of building.
    with seeded_globally(0), _recorded_initializers() as initializers:
        if isinstance(network, Network):
            model = clone(network).build(input_shape, n_classes)
        else:
            model = _call(network, input_shape, n_classes, optimizer, weight_decay)
            model = _as_functional(model, input_shape)
            model = _check_output(model, n_classes)
    if not model.trainable_variables:
        raise ValueError("the network has no trainable weights: unfreeze a layer")
    return model, initializers


@contextlib.contextmanager
def _recorded_initializers():
    """Collect the initializers of the weights that layers create in this context."""
    # Keras does not store them, and layers store them under various names, or not at all.
    initializers = {}

    def add_weight(layer, *args, initializer=None, **kwargs):
        if initializer is None:  # These are Keras's defaults, made explicit.
            is_float = "float" in str(kwargs.get("dtype") or layer.variable_dtype)
            initializer = "glorot_uniform" if is_float else "zeros"
        initializer = keras.initializers.get(initializer)
        variable = original(layer, *args, initializer=initializer, **kwargs)
        initializers[id(variable)] = initializer
        return variable

    with _LOCK:
        original = keras.Layer.add_weight
        keras.Layer.add_weight = add_weight
        try:
            yield initializers
        finally:
            keras.Layer.add_weight = original


def _call(network, input_shape, n_classes, optimizer, weight_decay):
    """Call a network function through SciKeras, with the arguments that it may have."""
    if isinstance(network, keras.Model):
        model = keras.models.clone_model(network)  # A fit must not change the user's object.
        model.set_weights(network.get_weights())
        return model
    # SciKeras takes functions and partial functions, but no other callables.
    network = network if inspect.isfunction(network) else functools.partial(network)
    classifier = KerasClassifier(
        model=network,
        optimizer=optimizer,
        optimizer__weight_decay=weight_decay,
        loss="categorical_crossentropy",
        verbose=0,
    )
    rows = max(n_classes, 2)
    X = np.zeros((rows, *input_shape), dtype=np.float32)
    model = classifier.initialize(X, np.arange(rows) % n_classes).model_
    if not isinstance(model, keras.Model):
        raise ValueError(
            f"the network function must return a keras.Model, but it returned {model!r}"
        )
    if model.compiled:
        _warn_of_loss(model.loss)
    return model


def _warn_of_loss(loss):
    name = getattr(loss, "name", None) or getattr(loss, "__name__", loss)
    if isinstance(name, str) and name not in LOSSES:
        warnings.warn(
            f"the network is compiled with the loss {name}, but skal trains with categorical "
            "cross-entropy; put other terms of the loss into the network with add_loss",
            stacklevel=2,
        )


def _as_functional(model, input_shape):
    """Convert any Keras model to a functional one for samples of one shape."""
    if isinstance(model, keras.Sequential) and not model.built:
        model.build((None, *input_shape))
    given = getattr(model, "inputs", None)
    if not given:  # A subclassed model has its layers only after a call.
        x = keras.Input(input_shape)
        model, given = keras.Model(x, _single(model(x))), [x]
    if len(given) > 1:
        raise ValueError(
            f"the network takes {len(given)} inputs, but X is one array; give it one input and "
            "split it inside"
        )
    wanted = tuple(given[0].shape)
    if wanted[0] is not None:
        raise ValueError(
            f"the network takes batches of {wanted[0]} samples only; build it without a batch size"
        )
    if wanted[1:] == input_shape:
        return keras.Model(given[0], _single(model.outputs))
    return _reshaped(model, wanted[1:], input_shape)


def _reshaped(model, wanted, input_shape):
    """Wrap a network whose input has unknown dimensions, or another last axis of length 1."""
    for shape in (input_shape, input_shape[:-1], (*input_shape, 1)):
        fits = len(shape) == len(wanted) and all(
            a in (None, b) for a, b in zip(wanted, shape, strict=True)
        )
        if fits and np.prod(shape) == np.prod(input_shape):
            x = keras.Input(input_shape, dtype=model.inputs[0].dtype)
            inner = x if shape == input_shape else keras.layers.Reshape(shape, dtype=x.dtype)(x)
            return keras.Model(x, _single(model(inner)))
    raise ValueError(
        f"the network takes samples of shape {wanted}, but those of X have shape {input_shape}; "
        "read the shape from meta['X_shape_'][1:]"
    )


def _single(outputs):
    """Return the single output of a network."""
    outputs = keras.tree.flatten(outputs)
    if len(outputs) > 1:
        raise ValueError(
            f"the network has {len(outputs)} outputs; give it one, with a probability for each "
            "class"
        )
    return outputs[0]


def _check_output(model, n_classes):
    """Refuse outputs other than probabilities of the classes."""
    shape, advice = model.output_shape, ADVICE.format(n_classes=n_classes)
    if shape != (None, n_classes):
        raise ValueError(
            f"the network must give one probability for each of the {n_classes} classes, but its "
            f"output has shape {shape}: {advice}. If the labels lack some classes, name all "
            "classes with classes=[...]"
        )
    if n_classes == 1:  # With a single class, its probability is always 1.
        output = keras.layers.Rescaling(0.0, offset=1.0)(model.outputs[0])
        return keras.Model(model.inputs[0], output)
    last, name = model.operations[-1], None
    if isinstance(last, (keras.layers.Dense, keras.layers.Activation)):
        name = getattr(last.activation, "__name__", None)
    if name == "softmax":
        return model
    if name in ("linear", "sigmoid") or not np.allclose(_probe(model).sum(axis=1), 1, atol=1e-2):
        ends = f"; its last layer {last.name} has the activation {name}" if name else ""
        raise ValueError(
            "the outputs of the network are not probabilities, which sum to 1 over the classes"
            f"{ends}: {advice}"
        )
    return model


def _probe(model):
    """Apply a network to a few samples; negative outputs become NaN."""
    x = np.random.RandomState(0).uniform(size=(4, *model.input_shape[1:]))
    outputs = keras.ops.convert_to_numpy(model(x.astype(model.inputs[0].dtype), training=False))
    return np.where(outputs >= 0, outputs.astype(np.float64), np.nan)


def claim_weights(model):
    """Refuse networks with weights that another classifier trains."""
    trained = model.trainable_variables
    shared = [variable.path for variable in trained if id(variable) in _TRAINED]
    if shared:
        raise ValueError(
            f"another classifier already trains these weights: {shared[:4]}; make new layers at "
            "every call of the network function, or freeze the shared layers"
        )
    _TRAINED.update((id(variable), variable) for variable in trained)
