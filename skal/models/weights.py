"""Weights of a Keras network, drawn anew in place."""

import numpy as np

from skal.models._backend import keras

__all__ = ["reset_optimizer", "reset_weights", "seed_generators", "untouched_weights"]


def reset_weights(model, random_state, skip=()):
    """Draw the weights of a network anew without rebuilding it.

    Every variable is drawn by its layer's own initializer with a new seed, and every seed
    generator gets a new state.

    Parameters
    ----------
    model : keras.Model
        Network, changed in place.
    random_state : RandomState instance
        Source of the seeds.
    skip : tuple of str, default=()
        Names of layers to leave alone.
    """
    for layer in _leaves(model):
        if layer.name in skip:
            continue
        for variable in layer.variables:
            initializer = _initializer(layer, variable)
            if initializer is not None:
                seed = int(random_state.randint(1, 2**31 - 1))
                variable.assign(_seeded(initializer, seed)(variable.shape, variable.dtype))
    reseed(model, random_state)


def reseed(model, random_state):
    """Give every seed generator of a network (of its dropout layers) a new state.

    Parameters
    ----------
    model : keras.Model
        Network, changed in place.
    random_state : RandomState instance
        Source of the seeds.
    """
    for generator in seed_generators(model):
        generator.state.assign(random_state.randint(1, 2**31 - 1, size=2).astype(np.uint32))


def seed_generators(model):
    """Seed generators of the layers of a network.

    Parameters
    ----------
    model : keras.Model
        Network.

    Returns
    -------
    list of keras.random.SeedGenerator
        Generators in the order of the layers.
    """
    found = []
    for layer in _leaves(model):
        for value in vars(layer).values():
            if isinstance(value, keras.random.SeedGenerator):
                found.append(value)
    return found


def untouched_weights(model):
    """Trainable weights that :func:`reset_weights` cannot draw anew.

    Parameters
    ----------
    model : keras.Model
        Network.

    Returns
    -------
    list of str
        Paths of trainable variables whose layer does not say how they were drawn.
    """
    return [
        variable.path
        for layer in _leaves(model)
        for variable in layer.trainable_variables
        if _initializer(layer, variable) is None
    ]


def reset_optimizer(optimizer):
    """Bring an optimizer back to where it was before the first step.

    Parameters
    ----------
    optimizer : keras.optimizers.Optimizer
        Optimizer, changed in place; its slots start at zero.
    """
    for variable in optimizer.variables:
        if variable is not optimizer._learning_rate:
            variable.assign(np.zeros(variable.shape, variable.dtype))


def _leaves(model):
    return [layer for layer in model._flatten_layers(include_self=False) if not _children(layer)]


def _children(layer):
    return list(layer._flatten_layers(include_self=False, recursive=False))


def _initializer(layer, variable):
    return getattr(layer, f"{variable.name}_initializer", None)


def _seeded(initializer, seed):
    config = initializer.get_config()
    if "seed" not in config:
        return initializer
    return type(initializer).from_config({**config, "seed": seed})
