"""A folder on disk with rows of features, found by keys: append-only, safe to interrupt.

``features.bin`` holds rows of one shape and dtype one after the other, ``keys.bin`` 16 bytes for
each of them, in the same order. Rows are written and synced before their keys, so what an
interrupted run leaves behind is at worst a row without a key, which the next run overwrites. A
key without its row, as in a folder that was copied in part, counts as missing.
"""

import contextlib
import json
import os
from pathlib import Path

import numpy as np

try:
    import fcntl
except ImportError:  # Windows has no flock: there, one process at a time may write.
    fcntl = None

__all__ = ["FeatureStore"]

KEY_BYTES = 16


class FeatureStore:
    """Rows of features on disk."""

    def __init__(self, folder, dtype="float32"):
        self.folder = Path(folder)
        self.dtype = np.dtype(dtype)
        self.shape = None
        self._rows = {}
        self._n_rows = 0
        self.reload()

    def __len__(self):
        return self._n_rows

    def reload(self):
        """Read the keys that were added since, by this process or another."""
        if self.shape is None:
            self.shape = self._stored_shape()
        if self.shape is None:
            return
        try:
            with open(self.folder / "keys.bin", "rb") as file:
                file.seek(self._n_rows * KEY_BYTES)
                new = file.read()
            # After the keys are read: rows are written first, so none of them is missing then.
            n_there = os.path.getsize(self.folder / "features.bin") // self._row_bytes()
        except FileNotFoundError:
            new, n_there = b"", 0
        complete = max(0, min(len(new) // KEY_BYTES, n_there - self._n_rows))
        keys = (new[i * KEY_BYTES : (i + 1) * KEY_BYTES] for i in range(complete))
        self._rows.update(zip(keys, range(self._n_rows, self._n_rows + complete), strict=True))
        self._n_rows += complete

    def find(self, keys):
        """Return the row of every key, -1 where there is none."""
        rows = self._rows
        return np.fromiter((rows.get(key, -1) for key in keys), dtype=np.intp, count=len(keys))

    def add(self, keys, features):
        """Append rows; keys that another process has added meanwhile are left out."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._locked():
            self.reload()
            if self.shape is None:
                self._begin(features.shape[1:])
            if tuple(features.shape[1:]) != self.shape:
                raise ValueError(
                    f"features of shape {features.shape[1:]} do not go with those of shape "
                    f"{self.shape} in {str(self.folder)!r}: give duration=, in s, so that all "
                    f"clips have one shape"
                )
            new = [i for i, key in enumerate(keys) if key not in self._rows]
            rows = np.ascontiguousarray(features[new], dtype=self.dtype)
            self._append("features.bin", self._row_bytes(), rows.tobytes())
            self._append("keys.bin", KEY_BYTES, b"".join(keys[i] for i in new))
            self.reload()

    def map(self):
        """Return all rows as a read-only memory map."""
        if self._n_rows == 0:
            return np.empty((0, *(self.shape or ())), dtype=self.dtype)
        path = self.folder / "features.bin"
        return np.memmap(path, self.dtype, mode="r", shape=(self._n_rows, *self.shape))

    def _row_bytes(self):
        return int(np.prod(self.shape)) * self.dtype.itemsize

    def _stored_shape(self):
        try:
            with open(self.folder / "shape.json", encoding="utf-8") as file:
                return tuple(json.load(file))
        except FileNotFoundError:
            return None
        except json.JSONDecodeError as error:
            raise ValueError(
                f"{str(self.folder / 'shape.json')!r} is damaged ({error}): remove the folder, "
                f"and its features are computed again"
            ) from error

    def _begin(self, shape):
        write_atomically(self.folder / "shape.json", json.dumps(shape))
        self.shape = tuple(shape)

    def _append(self, name, row_bytes, content):
        # From where the keys say that rows end: what lies beyond was never finished.
        path = self.folder / name
        path.touch()
        with open(path, "r+b") as file:
            file.truncate(self._n_rows * row_bytes)
            file.seek(0, os.SEEK_END)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    @contextlib.contextmanager
    def _locked(self):
        with open(self.folder / "lock", "w", encoding="utf-8") as file:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX)
            yield


def write_atomically(path, text):
    """Write a text file so that it is there whole or not at all."""
    temporary = f"{os.fspath(path)}.{os.getpid()}.tmp"
    with open(temporary, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
