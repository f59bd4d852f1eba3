"""Decompress files, up to a size."""

import bz2
import gzip
import io
import lzma
import zlib

__all__ = ["TooLargeError", "inflate", "is_packed"]

_PIECE = 2**20
# First bytes of joblib's compressed files, and their readers; zlib has no file reader.
_READERS = {
    b"\x78": None,
    b"\x1f\x8b": gzip.open,
    b"BZ": bz2.BZ2File,
    b"\x5d\0": lzma.LZMAFile,
    b"\xfd7zXZ": lzma.LZMAFile,
}


class TooLargeError(Exception):
    """A compressed file decompresses to more than is allowed."""


def is_packed(beginning):
    """Return whether bytes begin like a compressed file."""
    return bytes(beginning[:6]).startswith(tuple(_READERS))


def inflate(content, most=2**31):
    """Return decompressed bytes, and other bytes as they are.

    Raises
    ------
    TooLargeError
        If there are more than `most` bytes in it, which is more than any model has.
    EOFError, OSError, lzma.LZMAError, zlib.error
        If it is damaged.
    """
    for beginning, reader in _READERS.items():
        if bytes(content[:6]).startswith(beginning):
            return _gather(_unzip(content) if reader is None else _read(reader, content), most)
    return content


def _gather(pieces, most):
    found = bytearray()
    for piece in pieces:
        found += piece
        if len(found) > most:
            raise TooLargeError(f"it decompresses to more than {most} bytes")
    return found


def _read(reader, content):
    with reader(io.BytesIO(content)) as file:
        yield from iter(lambda: file.read(_PIECE), b"")


def _unzip(content):
    machine = zlib.decompressobj()
    while not machine.eof:
        yield machine.decompress(content, _PIECE)
        if machine.unconsumed_tail == content:
            raise EOFError("it ends too early")
        content = machine.unconsumed_tail
