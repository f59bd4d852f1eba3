"""Projects for tests."""

import pytest

from skal.label import LabelingProject
from tests.label.recordings import write_tones


@pytest.fixture
def tones(tmp_path):
    """Return a folder of 40 tones."""
    write_tones(tmp_path / "tones", 40)
    return tmp_path / "tones"


@pytest.fixture
def truth(tones):
    """Return the class of every file."""
    return {path.name: ("low", "high")[int(path.stem) % 2] for path in sorted(tones.glob("*.wav"))}


@pytest.fixture
def project(tones):
    """Return an open project of tones."""
    with LabelingProject(tones, ["low", "high"]) as project:
        yield project
