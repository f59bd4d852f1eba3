"""Windows of recordings: file, start, and end, which can be written as an address."""

import os
import re
from typing import NamedTuple

__all__ = ["Window", "as_window"]

# The temporal syntax of W3C media fragments, which browsers also support.
_FRAGMENT = re.compile(r"#t=(?P<start>\d+(?:\.\d+)?),(?P<end>\d+(?:\.\d+)?)\Z")


class Window(NamedTuple):
    """A part of a recording.

    ``str(window)`` is an address such as ``night.wav#t=60,64``. All of skal accepts it instead of
    a path, and it fits in arrays, tables, and JSON files.

    Parameters
    ----------
    path : str
        The file.
    start : float, default=0.0
        Where the window begins, in s.
    end : float, default=None
        Where the window ends, in s; None: the end of the file.

    See Also
    --------
    iter_windows : The windows of a recording.
    read_audio : Reads a window.

    Examples
    --------
    >>> from skal.audio import Window
    >>> window = Window("night.wav", 60.0, 64.0)
    >>> str(window), window.end - window.start
    ('night.wav#t=60,64', 4.0)
    """

    path: str
    start: float = 0.0
    end: float | None = None

    def __str__(self):
        if self.end is None and self.start == 0:
            return self.path
        if self.end is None:
            raise ValueError(f"{self!r} has no end, but an address needs an end")
        return f"{self.path}#t={_seconds(self.start)},{_seconds(self.end)}"


def _seconds(value):
    # Microseconds are finer than a sample at 192 kHz, and avoid the notation 1e-05.
    return f"{value:.6f}".rstrip("0").rstrip(".")


def as_window(clip):
    """Return the window of a path, an address or a ``(path, start, end)``."""
    if isinstance(clip, tuple) and 1 <= len(clip) <= 3:
        window = Window(os.fspath(clip[0]), *clip[1:])
    elif isinstance(clip, (str, os.PathLike)):
        path = os.fspath(clip)
        match = _FRAGMENT.search(path)
        if match is None:
            window = Window(path)
        else:
            window = Window(path[: match.start()], float(match["start"]), float(match["end"]))
    else:
        raise TypeError(
            f"a clip is a path, an address such as 'night.wav#t=60,64' or a tuple "
            f"(path, start, end), not {type(clip).__name__}"
        )
    if window.start < 0 or (window.end is not None and window.end <= window.start):
        raise ValueError(f"{window!r}: a window needs 0 <= start < end, in s")
    return window
