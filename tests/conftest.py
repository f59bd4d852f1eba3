"""What all tests share: the real recordings, a quiet TensorFlow, no deadline for examples."""

import os
from pathlib import Path

import hypothesis
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Thousands of small problems: threads inside each of them cost more than they bring.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# How long an example takes says how busy the machine is, not whether the code is right.
hypothesis.settings.register_profile("skal", deadline=None)
hypothesis.settings.load_profile("skal")

_FSDD_PLACES = [
    os.environ.get("SKAL_FSDD_HOME"),
    Path(__file__).parents[2] / "shared" / "data" / "fsdd",
]


@pytest.fixture(scope="session")
def fsdd_home():
    """Return the folder of the Free Spoken Digit Dataset, or skip the test."""
    for place in _FSDD_PLACES:
        if place and (Path(place) / "recordings").is_dir():
            return Path(place)
    pytest.skip("the FSDD recordings are not here (set SKAL_FSDD_HOME to their folder)")


@pytest.fixture
def fresh_workers():
    """Give joblib new worker processes.

    One that an earlier test has used takes the import of TensorFlow for a leak of memory, and
    quits; joblib's warning of it, an error here, then ends the thread that would replace it.
    """
    from joblib.externals.loky import get_reusable_executor

    get_reusable_executor().shutdown(wait=True)
