"""An append-only store of feature rows in a folder, found by key and safe to interrupt."""

# ``features.bin`` holds consecutive rows of one shape and dtype. ``keys.bin`` holds 16 bytes of
# key and 4 bytes of checksum for each row. Rows are written and synced before their keys, so an
# interrupted run leaves at worst a row without a key, which the next run overwrites. A key without
# its row, as in a partial copy, counts as missing.
#
# A process checks a row the first time it reads it, and again only after a file of the store has
# changed, because checking 100,000 rows takes most of a second. A bit that flips on disk under a
# checked row is therefore found by the next process, not by this one.

import contextlib
import json
import os
import time
import zlib
from pathlib import Path

import numpy as np

from skal._utils.files.atomic import lock, write_atomically

__all__ = ["FeatureStore"]

KEY_BYTES = 16
# A key and the checksum of its row.
_ENTRY_BYTES = KEY_BYTES + 4

# By file: its state, and which of its rows this process has found undamaged.
_CHECKED: dict = {}
_FILES = 32  # each takes a byte per row
# A file that has just changed may change again without a new modification time, because some file
# systems store it in steps of 2 s.
_STEP = 2_500_000_000


class FeatureStore:
    """Rows of features on disk."""

    def __init__(self, folder, dtype="float32"):
        self.folder = Path(folder)
        self.dtype = np.dtype(dtype)
        self.shape = None
        self._rows = {}
        self._checksums = []
        self.reload()

    def __len__(self):
        return len(self._checksums)

    def reload(self):
        """Read the keys that any process has added since the last read."""
        if self.shape is None:
            self.shape = self._stored_shape()
        if self.shape is None:
            return
        n_before = len(self)
        try:
            with open(self.folder / "keys.bin", "rb") as file:
                file.seek(n_before * _ENTRY_BYTES)
                new = file.read()
            # Map rows after reading keys: rows are written first, so no key lacks its row.
            n_there = os.path.getsize(self.folder / "features.bin") // self._row_bytes()
        except FileNotFoundError:
            new, n_there = b"", 0
        n_new = max(0, min(len(new) // _ENTRY_BYTES, n_there - n_before))
        starts = range(0, n_new * _ENTRY_BYTES, _ENTRY_BYTES)
        keys = [new[start : start + KEY_BYTES] for start in starts]
        self._rows.update(zip(keys, range(n_before, n_before + n_new), strict=True))
        self._checksums += [
            int.from_bytes(new[start + KEY_BYTES : start + _ENTRY_BYTES], "little")
            for start in starts
        ]

    def find(self, keys):
        """Return the row of every key; -1 for unknown keys."""
        rows = self._rows
        return np.fromiter((rows.get(key, -1) for key in keys), dtype=np.intp, count=len(keys))

    def add(self, keys, features):
        """Append rows, except those that another process has added in the meantime."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._locked():
            self.reload()
            if self.shape is None:
                self._begin(features.shape[1:])
            if tuple(features.shape[1:]) != self.shape:
                raise ValueError(
                    f"features of shape {features.shape[1:]} do not fit those of shape "
                    f"{self.shape} in {str(self.folder)!r}: give duration=, in s, so that all "
                    f"clips have one shape"
                )
            new = [i for i, key in enumerate(keys) if key not in self._rows]
            rows = np.ascontiguousarray(features[new], dtype=self.dtype)
            entries = [keys[i] + _checksum(row) for i, row in zip(new, rows, strict=True)]
            self._append("features.bin", self._row_bytes(), rows.tobytes())
            self._append("keys.bin", _ENTRY_BYTES, b"".join(entries))
            self.reload()

    def damaged(self, rows, copy=None):
        """Return which rows no longer match their checksums."""
        # `copy` is a .npy file with a copy of these rows; None checks the rows of the store.
        path = self.folder / "features.bin" if copy is None else copy
        found = np.zeros(len(rows), dtype=bool)
        there = np.flatnonzero(rows >= 0)
        if not len(there):
            return found
        # Convert to a plain array: slicing a memory map is slow.
        stored = np.asarray(self.map() if copy is None else np.load(copy, mmap_mode="r"))
        checked = self._checked(path, len(stored))
        at = rows if copy is None else np.arange(len(rows))
        there = there[~checked[at[there]]]
        for i in there:
            found[i] = zlib.crc32(stored[at[i]]) != self._checksums[rows[i]]
        checked[at[there]] = ~found[there]
        return found

    def _checked(self, path, n_rows):
        """Return an array, to be updated, of which rows of a file are known to be undamaged."""
        status = [os.stat(file) for file in (path, self.folder / "keys.bin")]
        state = tuple((found.st_ino, found.st_size, found.st_mtime_ns) for found in status)
        fresh = np.zeros(n_rows, dtype=bool)
        if time.time_ns() - max(found.st_mtime_ns for found in status) < _STEP:
            return fresh
        known, checked = _CHECKED.get(os.path.abspath(path), (None, fresh))
        if known != state or len(checked) != n_rows:
            checked = fresh
        while len(_CHECKED) >= _FILES:
            _CHECKED.pop(next(iter(_CHECKED)), None)
        _CHECKED[os.path.abspath(path)] = state, checked
        return checked

    def mend(self, rows, features):
        """Write damaged rows again."""
        features = np.ascontiguousarray(features, dtype=self.dtype)
        with self._locked():
            for row, new in zip(rows, features, strict=True):
                self._write_at("features.bin", row * self._row_bytes(), new.tobytes())
                self._write_at("keys.bin", row * _ENTRY_BYTES + KEY_BYTES, _checksum(new))
                self._checksums[row] = zlib.crc32(new)

    def map(self):
        """Return all rows as a read-only memory map."""
        if len(self) == 0:
            return np.empty((0, *(self.shape or ())), dtype=self.dtype)
        path = self.folder / "features.bin"
        return np.memmap(path, self.dtype, mode="r", shape=(len(self), *self.shape))

    def _row_bytes(self):
        return int(np.prod(self.shape)) * self.dtype.itemsize

    def _stored_shape(self):
        try:
            with open(self.folder / "shape.json", encoding="utf-8") as file:
                found = json.load(file)
            if found["checksum"] != _checksum(repr(found["shape"]).encode()).hex():
                raise ValueError("its checksum is wrong")
            return tuple(found["shape"])
        except FileNotFoundError:
            return None
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{str(self.folder / 'shape.json')!r} is damaged ({error}): remove the folder, "
                "so that its features are computed again"
            ) from error

    def _begin(self, shape):
        checksum = _checksum(repr(list(shape)).encode()).hex()
        described = json.dumps({"shape": shape, "checksum": checksum})
        with write_atomically(self.folder / "shape.json") as file:
            file.write(described.encode())
        self.shape = tuple(shape)

    def _append(self, name, row_bytes, content):
        # Write at the end given by the keys: anything beyond is unfinished.
        path = self.folder / name
        path.touch()
        with open(path, "r+b") as file:
            file.truncate(len(self) * row_bytes)
            file.seek(0, os.SEEK_END)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    def _write_at(self, name, position, content):
        with open(self.folder / name, "r+b") as file:
            file.seek(position)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    @contextlib.contextmanager
    def _locked(self):
        with open(self.folder / "lock", "w", encoding="utf-8") as file:
            lock(file.fileno(), self.folder)
            yield


def _checksum(content):
    return zlib.crc32(content).to_bytes(4, "little")
