"""Initial weights of a Keras network, redrawn in place or restored as built."""

import numpy as np

from skal.models._backend import compiled, keras, tf

__all__ = ["CompiledDraws"]

SEED = "seed_generator_state"


class CompiledDraws:
    """Compiled draws of the weights, seeds, and optimizer slots of a network."""

    # One compiled call draws all weights with their original initializers: separate operations
    # from Python cost more than many training steps. Other weights keep the values that they were
    # built with: frozen weights, weights set after drawing, and weights drawn by a function.

    def __init__(self, model, optimizer, initializers, skip=()):
        self._source = keras.random.SeedGenerator(0)
        self._trained = {id(variable) for variable in model.trainable_variables}
        self._drawn, self._kept = [], []
        skipped = {id(variable) for variable in skip}
        frozen = _frozen(model)
        for variable in model.weights:
            if id(variable) in skipped:
                continue
            initializer = initializers.get(id(variable))
            if id(variable) not in frozen and _would_draw(initializer, variable):
                self._drawn.append((variable, _seeded(initializer, self._source)))
            else:
                self._kept.append((variable, tf.identity(variable.value)))
        self._states = [v for v in model.variables if v.name == SEED]
        self._slots = [v for v in optimizer.variables if v is not optimizer.learning_rate]
        self._reset = compiled(self._draw_all, (2,), dtype="uint32")
        self._perturb = compiled(
            self._shrink_all, tf.TensorSpec((2,), "uint32"), tf.TensorSpec((2,), "float64")
        )
        self._begin = compiled(self._begin_all, (len(self._states), 2), dtype="uint32")

    def reset(self, random_state):
        """Draw all weights again."""
        self._reset(_draw_states(random_state, 1)[0])

    def shrink_perturb(self, shrink, noise, random_state):
        """Shrink the trainable weights and add freshly drawn ones."""
        self._perturb(_draw_states(random_state, 1)[0], np.array([shrink, noise]))

    def begin(self, random_state):
        """Reset the optimizer, and seed the dropout."""
        self._begin(_draw_states(random_state, len(self._states)))

    def _draw_all(self, state):
        self._source.state.assign(state)
        for variable, draw in self._drawn:
            variable.assign(draw(variable.shape, variable.dtype))
        for variable, value in self._kept:
            variable.assign(value)

    def _shrink_all(self, state, factors):
        self._source.state.assign(state)
        for variable, draw in self._drawn:
            if id(variable) in self._trained:
                self._shrink(variable, draw(variable.shape, variable.dtype), factors)
        for variable, value in self._kept:
            if id(variable) in self._trained:
                self._shrink(variable, value, factors)

    @staticmethod
    def _shrink(variable, fresh, factors):
        shrink, noise = tf.unstack(tf.cast(factors, variable.dtype))
        variable.assign(shrink * variable.value + noise * fresh)

    def _begin_all(self, states):
        for i, state in enumerate(self._states):
            state.assign(states[i])
        for variable in self._slots:
            variable.assign(tf.zeros(variable.shape, variable.dtype))


def _draw_states(random_state, n):
    return random_state.randint(0, 2**32, size=(n, 2), dtype=np.uint32)


def _frozen(model):
    """Return the ids of all weights of frozen layers."""
    layers = [layer for layer in model._flatten_layers() if not layer.trainable]
    return {id(variable) for layer in layers for variable in layer.weights}


def _would_draw(initializer, variable):
    """Return whether an initializer draws a weight's present value."""
    # Keras's initializers repeat their numbers, so other values were set later.
    return isinstance(initializer, keras.initializers.Initializer) and np.array_equal(
        initializer(variable.shape, dtype=variable.dtype), variable.value
    )


def _seeded(initializer, source):
    """Make an initializer draw its seeds from a generator."""
    config = initializer.get_config()
    if "seed" not in config:
        return initializer
    return type(initializer).from_config({**config, "seed": source})
