"""Weights of a Keras network, drawn anew in place."""

import numpy as np

from skal.models._backend import compiled, keras, tf

__all__ = ["CompiledDraws", "reseed", "seed_generators", "untouched_weights"]


class CompiledDraws:
    """Draws of the weights, seeds and optimizer slots of one network, each in one call.

    Every variable is drawn by its layer's own initializer, in one compiled call for all: one
    operation for each variable from Python would cost more than many training steps.

    Parameters
    ----------
    model : keras.Model
        Network, changed in place.
    optimizer : object
        Optimizer of its trainable weights.
    skip : tuple of str, default=()
        Names of layers to leave alone.
    """

    def __init__(self, model, optimizer, skip=()):
        self._source = keras.random.SeedGenerator(0)
        self._drawn = [
            (variable, _seeded(initializer, self._source))
            for layer in _leaves(model)
            if layer.name not in skip
            for variable in layer.variables
            if (initializer := _initializer(layer, variable)) is not None
        ]
        self._trained = {id(variable) for variable in model.trainable_variables}
        self._generators = seed_generators(model)
        self._slots = [v for v in optimizer.variables if v is not optimizer.learning_rate]
        self._reset = compiled(self._draw_all, (2,), dtype="uint32")
        self._perturb = compiled(
            self._shrink_all, tf.TensorSpec((2,), "uint32"), tf.TensorSpec((2,), "float64")
        )
        self._begin = compiled(self._begin_all, (len(self._generators), 2), dtype="uint32")

    def reset(self, random_state):
        """Draw all weights anew.

        Parameters
        ----------
        random_state : RandomState instance
            Source of the weights.
        """
        self._reset(_states(random_state, 1)[0])

    def shrink_perturb(self, shrink, noise, random_state):
        """Shrink the trainable weights and add freshly drawn ones.

        Parameters
        ----------
        shrink, noise : float
            Factors of the present and of the fresh weights.
        random_state : RandomState instance
            Source of the fresh weights.
        """
        self._perturb(_states(random_state, 1)[0], np.array([shrink, noise]))

    def begin(self, random_state):
        """Bring the optimizer back to before its first step, and seed the dropout anew.

        Parameters
        ----------
        random_state : RandomState instance
            Source of the seeds.
        """
        self._begin(_states(random_state, len(self._generators)))

    def _draw_all(self, state):
        self._source.state.assign(state)
        for variable, draw in self._drawn:
            variable.assign(draw(variable.shape, variable.dtype))

    def _shrink_all(self, state, factors):
        self._source.state.assign(state)
        for variable, draw in self._drawn:
            if id(variable) in self._trained:
                shrink, noise = tf.unstack(tf.cast(factors, variable.dtype))
                fresh = draw(variable.shape, variable.dtype)
                variable.assign(shrink * variable.value + noise * fresh)

    def _begin_all(self, states):
        for i, generator in enumerate(self._generators):
            generator.state.assign(states[i])
        for variable in self._slots:
            variable.assign(tf.zeros(variable.shape, variable.dtype))


def reseed(model, random_state):
    """Give every seed generator of a network (of its dropout layers) a new state.

    Parameters
    ----------
    model : keras.Model
        Network, changed in place.
    random_state : RandomState instance
        Source of the seeds.
    """
    generators = seed_generators(model)
    for generator, state in zip(generators, _states(random_state, len(generators)), strict=True):
        generator.state.assign(state)


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
    """Trainable weights that :class:`CompiledDraws` cannot draw anew.

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


def _states(random_state, n):
    """States of seed generators."""
    return random_state.randint(0, 2**32, size=(n, 2), dtype=np.uint32)


def _leaves(model):
    return [layer for layer in model._flatten_layers(include_self=False) if not _children(layer)]


def _children(layer):
    return list(layer._flatten_layers(include_self=False, recursive=False))


def _initializer(layer, variable):
    return getattr(layer, f"{variable.name}_initializer", None)


def _seeded(initializer, source):
    """Let an initializer take its seeds from a generator."""
    config = initializer.get_config()
    if "seed" not in config:
        return initializer
    return type(initializer).from_config({**config, "seed": source})
