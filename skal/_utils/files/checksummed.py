"""Checksummed files: JSON, arrays, and a pickle with one checksum, written atomically."""

import hashlib
import io
import json
import re
import zipfile
from pathlib import Path

import joblib
import numpy as np

from skal._utils.files.atomic import write_atomically
from skal._utils.files.pickles import unpickle

# The checksum covers everything after it, including kind and version.
_HEADER = re.compile(rb"skal-sealed ([0-9a-f]{64}) ")
_HEADER_BYTES = len(b"skal-sealed ") + 64 + 1
_VALUES, _PICKLE = "values.json", "pickle"


class Checksummed:
    """The content of a checksummed file."""

    def __init__(self, path, values, arrays, pickled):
        self._path = path
        self.values = values
        self.arrays = arrays
        self._pickled = pickled

    @property
    def has_pickle(self):
        """Return whether the file has a pickle."""
        return self._pickled is not None

    def unpickle(self):
        """Return the pickled object; see `read_checksummed` about trust."""
        if not self._pickled.startswith(b"\x80"):
            raise ValueError(f"{self._path} was not written by skal: its pickle is compressed")
        return unpickle(self._pickled, self._path)


def write_checksummed(path, kind, version, values, arrays, pickled=None):
    """Write a checksummed file."""
    body = io.BytesIO()
    entries = {f"array.{name}": array for name, array in arrays.items()}
    entries[_VALUES] = np.frombuffer(json.dumps(values).encode(), dtype=np.uint8)
    if pickled is not None:
        stream = io.BytesIO()
        joblib.dump(pickled, stream)
        entries[_PICKLE] = np.frombuffer(stream.getbuffer(), dtype=np.uint8)
    np.savez(body, allow_pickle=False, **entries)
    head = f"{kind} {version}\n".encode()
    digest = _checksum(head, body.getbuffer())
    with write_atomically(path) as file:
        file.write(f"skal-sealed {digest} ".encode())
        file.write(head)
        file.write(body.getbuffer())
    return digest


def read_checksummed(path, kind, version, digest=None):
    """Read a checksummed file, or raise an error that says what is wrong."""
    # The checksum detects damage, not tampering: unpickle only your own files.
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        raise ValueError(
            f"{path} is missing, but other files in its folder depend on it"
        ) from None
    return parse_checksummed(content, path, kind, version, digest)


def is_checksummed(content):
    """Return whether bytes begin like a checksummed file."""
    return _HEADER.match(content[:_HEADER_BYTES]) is not None


def parse_checksummed(
    content, path, kind, version, digest=None, remedy="delete its folder to start over"
):
    """Read the bytes of a checksummed file; see `read_checksummed`."""
    content = memoryview(content)
    found = _HEADER.match(content[:_HEADER_BYTES])
    rest = content[_HEADER_BYTES:]
    if found is None or _checksum(rest) != found[1].decode():
        raise ValueError(
            f"{path} is damaged: its checksum is wrong. Restore it from a copy, or {remedy}."
        )
    if digest is not None and found[1].decode() != digest:
        raise ValueError(
            f"{path} is intact, but belongs to a different checkpoint than the other files in its "
            "folder"
        )
    end = bytes(rest[:100]).index(b"\n")
    name, number = bytes(rest[:end]).decode().split(" ")
    if (name, number) != (kind, str(version)):
        raise ValueError(
            f"{path} is a {name} in format {number}; this version of skal reads a {kind} in "
            f"format {version}. Read it with the version of skal that wrote it."
        )
    body = io.BytesIO(rest[end + 1 :])
    with zipfile.ZipFile(body) as archive:
        # skal never compresses these files, and a compressed file may unpack to any size.
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
            raise ValueError(
                f"{path} was not written by skal, because it is compressed; not opened"
            )
    body.seek(0)
    with np.load(body, allow_pickle=False) as entries:
        arrays = {n.partition(".")[2]: entries[n] for n in entries if n.startswith("array.")}
        values = json.loads(entries[_VALUES].tobytes())
        pickled = entries[_PICKLE].tobytes() if _PICKLE in entries else None
    return Checksummed(path, values, arrays, pickled)


def checksum_of(path):
    """Return the stored checksum of a checksummed file, or None if there is no such file."""
    try:
        with open(path, "rb") as file:
            found = _HEADER.match(file.read(_HEADER_BYTES))
    except FileNotFoundError:
        return None
    return "" if found is None else found[1].decode()


def _checksum(*parts):
    sha = hashlib.sha256(usedforsecurity=False)
    for part in parts:
        sha.update(part)
    return sha.hexdigest()
