"""Keep the notes that C libraries print about a file off the terminal."""

import contextlib
import ctypes
import os
import threading
from functools import cache

__all__ = ["quiet_c"]

_LOCK = threading.Lock()
_inside = 0
_original = None


@cache
def _streams():
    """Return C's variable ``stderr`` and a stream to nowhere; None where there are none."""
    try:
        c = ctypes.CDLL(None)
        c.fopen.restype = ctypes.c_void_p
        c.fopen.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
        for name in ("stderr", "__stderrp"):
            with contextlib.suppress(ValueError):
                nowhere = c.fopen(os.devnull.encode(), b"w")
                return (ctypes.c_void_p.in_dll(c, name), nowhere) if nowhere else None
    except (OSError, TypeError, AttributeError):
        return None
    return None


@contextlib.contextmanager
def quiet_c():
    """Send what C code prints with ``fprintf(stderr, ...)`` nowhere.

    Only the variable ``stderr`` of the C library changes. File descriptor 2 stays as it is, so
    Python's messages, those of other threads and of child processes get through. Calls may
    overlap in several threads; the last one to leave restores the stream.
    """
    global _inside, _original
    streams = _streams()
    if streams is None:
        yield
        return
    stderr, nowhere = streams
    with _LOCK:
        if _inside == 0:
            _original, stderr.value = stderr.value, nowhere
        _inside += 1
    try:
        yield
    finally:
        with _LOCK:
            _inside -= 1
            if _inside == 0:
                stderr.value = _original


def _after_fork():
    # The threads that were inside do not exist in the child, and nobody would restore it.
    global _LOCK, _inside
    _LOCK = threading.Lock()
    if _inside:
        _inside = 0
        _streams()[0].value = _original


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
