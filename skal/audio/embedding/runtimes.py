"""Runtimes of networks in files: .tflite, .onnx, .keras and TensorFlow's SavedModel."""

import contextlib
import threading
from functools import lru_cache
from pathlib import Path

from skal.audio.embedding._litert import LiteRT
from skal.audio.embedding._onnx import Onnx
from skal.audio.embedding._shapes import refuse_spectrograms
from skal.audio.embedding._tensorflow import KerasFile, SavedModel

__all__ = ["Chained", "Opened", "kind_of", "opened"]

_KINDS = {".tflite": LiteRT, ".onnx": Onnx, ".keras": KerasFile}
# Number of networks to keep open; each may take a gigabyte.
_OPEN = 2


def kind_of(path):
    """Return the runtime class for a file or folder."""
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(
            f"no model at {str(path)!r}: neither a file nor a folder; put the network there, or "
            "correct the path"
        )
    if path.is_dir() and (path / "saved_model.pb").is_file():
        return SavedModel
    if path.is_file() and path.suffix in _KINDS:
        return _KINDS[path.suffix]
    raise ValueError(
        f"{str(path)!r} is not a supported network: it must be a .tflite, .onnx or .keras "
        f"file, or the folder of a TensorFlow SavedModel (with saved_model.pb in it)"
    )


class Chained:
    """Two networks in sequence, with openWakeWord's scaling of decibels between them."""

    def __init__(self, first, second):
        self.first, self.second = first, second
        self.n_samples = first.n_samples
        self.output, self.scores, self.names = second.output, None, second.names

    def run(self, windows):
        """Return the embeddings of windows."""
        return self.second.run(self.first.run(windows) / 10 + 2)


class Opened:
    """A network that several threads share, and its properties."""

    def __init__(self, open_one):
        self._open_one = open_one
        self._idle = [open_one()]
        self._lock = threading.Lock()
        self.n_samples = self._idle[0].n_samples
        self.output = self._idle[0].output
        self.scores = self._idle[0].scores
        self.names = self._idle[0].names
        self.checked = {}

    @contextlib.contextmanager
    def lend(self):
        """Lend the network to a thread: an interpreter serves one at a time."""
        with self._lock:
            one = self._idle.pop() if self._idle else None
        one = self._open_one() if one is None else one
        try:
            yield one
        finally:
            with self._lock:
                self._idle.append(one)


@lru_cache(maxsize=_OPEN)
def opened(paths, outputs, n_samples, state):
    """Open a network once for all transformers of this process."""

    def _open_one():
        stages = [kind_of(path)(path, (), n_samples) for path in paths[:-1]]
        last = kind_of(paths[-1])(paths[-1], outputs, None if stages else n_samples)
        first = stages[0] if stages else last
        refuse_spectrograms(first.shape, first.path)
        return Chained(*stages, last) if stages else last

    return Opened(_open_one)
