"""Decompression bombs."""

import bz2
import gzip
import lzma
import zlib

__all__ = ["is_bomb"]

_PIECE = 2**20
_OPENERS = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open, b"\x5d\0": lzma.open, b"\xfd7z": lzma.open}


def is_bomb(path, most=2**31):
    """Tell whether a file decompresses to more bytes than any model has."""
    with open(path, "rb") as file:
        beginning = file.read(3)
    try:
        if beginning.startswith(b"\x78"):
            return _exceeds(_inflate(path), most)
        for start, opener in _OPENERS.items():
            if beginning.startswith(start):
                with opener(path) as file:
                    return _exceeds(iter(lambda: file.read(_PIECE), b""), most)
    except (EOFError, OSError, lzma.LZMAError, zlib.error):
        return False
    return False


def _exceeds(pieces, most):
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > most:
            return True
    return False


def _inflate(path):
    machine = zlib.decompressobj()
    with open(path, "rb") as file:
        while content := (machine.unconsumed_tail or file.read(_PIECE)):
            yield machine.decompress(content, _PIECE)
