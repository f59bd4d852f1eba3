"""TensorFlow, Keras and SciKeras, imported quietly and only when a network is needed.

Importing this module takes several seconds: do so inside functions, or in modules that are
themselves imported lazily.
"""

import contextlib
import os
import random
import sys
import tempfile

import numpy as np

from skal._utils.private import keras_state

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
# On a machine without a GPU TensorFlow calls its absence an error: level 3 leaves that out.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@contextlib.contextmanager
def _undisturbed():
    """Keep what importing disturbs: the error stream and Python's random numbers.

    TensorFlow's libraries greet on the error stream while they are loaded, before they read
    any setting. What they wrote is shown after all if the import fails.
    """
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
    """Give Python's global generator back as it was: Keras draws default seeds from it."""
    state = random.getstate()
    try:
        yield
    finally:
        random.setstate(state)


@contextlib.contextmanager
def drawing_from(generator):
    """Let Keras take the random numbers that no seed is given for from a generator."""
    kept = keras_state().get_global_attribute(_GENERATOR)
    keras_state().set_global_attribute(_GENERATOR, generator)
    try:
        yield
    finally:
        keras_state().set_global_attribute(_GENERATOR, kept)


@contextlib.contextmanager
def seeded_globally(seed):
    """Seed what a network may draw from while it is built, and give it back as it was."""
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
    """Compile a function for good, for tensors of these shapes.

    Parameters
    ----------
    function : callable
        From tensors to tensors.
    *shapes : tuple or tf.TensorSpec
        Shape of each argument, None where a length is open.
    dtype : str, default="float32"
        Type of the arguments that are given by their shape.

    Returns
    -------
    tf.types.experimental.PolymorphicFunction
        Function that is traced once.
    """
    specs = [s if isinstance(s, tf.TensorSpec) else tf.TensorSpec(s, dtype) for s in shapes]
    function = tf.function(function, input_signature=specs)
    # Every classifier traces its own network once; TensorFlow counts them as one function and
    # warns of retracing.
    function._omit_frequent_tracing_warning = True
    return function
