"""Suppression of messages that C libraries print about files."""

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
    """Return C's variable ``stderr`` and a null stream, or None if unavailable."""
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
    """Suppress output of ``fprintf(stderr, ...)`` in C code."""
    # Changes only the variable ``stderr`` of the C library, not file descriptor 2, so messages of
    # Python, other threads, and child processes get through. Calls may overlap in several threads;
    # the last call restores the stream.
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
    # The child lacks the threads that would restore the stream.
    global _LOCK, _inside
    _LOCK = threading.Lock()
    if _inside:
        _inside = 0
        _streams()[0].value = _original


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
