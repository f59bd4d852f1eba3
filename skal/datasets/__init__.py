"""Data sets: loaders for published data sets and your own recordings, and synthetic sounds."""

from skal.datasets._problems import DatasetError, DatasetWarning
from skal.datasets.esc import load_esc50
from skal.datasets.folder import load_audio_folder
from skal.datasets.fsdd import fetch_fsdd, load_fsdd
from skal.datasets.speech_commands import load_speech_commands
from skal.datasets.splits import recordings_of, train_test_positions
from skal.datasets.synthetic import make_sounds
from skal.datasets.urbansound import load_urbansound8k
from skal.datasets.whale import load_whale

__all__ = [
    "DatasetError",
    "DatasetWarning",
    "fetch_fsdd",
    "load_audio_folder",
    "load_esc50",
    "load_fsdd",
    "load_speech_commands",
    "load_urbansound8k",
    "load_whale",
    "make_sounds",
    "recordings_of",
    "train_test_positions",
]
