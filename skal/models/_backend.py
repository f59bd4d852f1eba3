"""Quiet, late imports of TensorFlow, Keras, and SciKeras."""

# Importing this module takes several seconds: import it inside functions, or in modules that are
# imported lazily.

import contextlib
import os
import random
import sys
import tempfile

import numpy as np

from skal._utils.private import keras_state

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
# Without a GPU, TensorFlow logs an error about its absence; level 3 hides it.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@contextlib.contextmanager
def _undisturbed():
    """Preserve the error stream and Python's random state during imports."""
    # TensorFlow's libraries write to the error stream while they load, before reading any setting.
    # If the import fails, their output is shown.
    state = random.getstate()
    sys.stderr.flush()
    with tempfile.TemporaryFile() as written:
        stream = os.dup(2)
        os.dup2(written.fileno(), 2)
        failed = True
        try:
            yield
            failed = False
        finally:
            os.dup2(stream, 2)
            os.close(stream)
            random.setstate(state)
            if failed:
                written.seek(0)
                sys.stderr.write(written.read().decode(errors="replace"))


with _undisturbed():
    import keras
    import tensorflow as tf
    from scikeras.wrappers import KerasClassifier

    tf.config.list_physical_devices()

__all__ = [
    "KerasClassifier",
    "compiled",
    "drawing_from",
    "keras",
    "random_kept",
    "seeded_globally",
    "tf",
]

_GENERATOR = "global_seed_generator"


@contextlib.contextmanager
def random_kept():
    """Preserve Python's global random state, from which Keras draws default seeds."""
    state = random.getstate()
    try:
        yield
    finally:
        random.setstate(state)


@contextlib.contextmanager
def drawing_from(generator):
    """Make Keras draw its default seeds from a generator."""
    kept = keras_state().get_global_attribute(_GENERATOR)
    keras_state().set_global_attribute(_GENERATOR, generator)
    try:
        yield
    finally:
        keras_state().set_global_attribute(_GENERATOR, kept)


@contextlib.contextmanager
def seeded_globally(seed):
    """Seed the global generators while a network is built, and restore them."""
    # Keras draws default seeds from Python's generator, and users' initializers from NumPy's.
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    try:
        with drawing_from(keras.random.SeedGenerator(seed)):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002


def compiled(function, *shapes, dtype="float32"):
    """Compile a function once for tensors of given shapes."""
    specs = [s if isinstance(s, tf.TensorSpec) else tf.TensorSpec(s, dtype) for s in shapes]
    function = tf.function(function, input_signature=specs)
    # Every classifier traces its own network once, but TensorFlow counts them as one function and
    # would warn of retracing.
    function._omit_frequent_tracing_warning = True
    return function
