"""What the tests of networks share."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def determinism_is_noted():
    """Let TensorFlow note that its ops need not be deterministic.

    Asked for the first time within a seeded fit of SciKeras 0.13, it would say otherwise for
    the rest of the process.
    """
    from tensorflow.python.framework import config

    assert not config.is_op_determinism_enabled()
