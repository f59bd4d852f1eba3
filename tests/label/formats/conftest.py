"""Recordings for tests of formats."""

import numpy as np
import pytest
import soundfile


@pytest.fixture
def recordings(tmp_path):
    """Return a folder with 2 s at 8 kHz, 1.5 s at 16 kHz, and a file that is no sound."""
    folder = tmp_path / "recordings"
    (folder / "night").mkdir(parents=True)
    rng = np.random.default_rng(0)
    soundfile.write(folder / "a.wav", rng.uniform(-0.5, 0.5, 16000), 8000)
    soundfile.write(folder / "night" / "b.flac", rng.uniform(-0.5, 0.5, 24000), 16000)
    (folder / "broken.wav").write_bytes(b"no sound")
    return folder
