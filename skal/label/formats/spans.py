"""Labels by recording and time, for formats on a time axis."""

import os
from pathlib import PurePath
from typing import NamedTuple

from skal.label.asking.kinds import LABEL
from skal.label.formats.problems import LabelProblem

__all__ = ["by_recording", "measure", "relative_parts"]


class _Recording(NamedTuple):
    """Length in s and sampling rate in Hz."""

    length: float
    sr: int


def by_recording(rows):
    """Return labeled rows by path, sorted by time."""
    table = {}
    for row in rows:
        if row.kind == LABEL:
            table.setdefault(os.fspath(row.path), []).append(row)
    return {path: sorted(found, key=lambda row: row.start or 0.0) for path, found in table.items()}


def measure(path, root):
    """Return length and sampling rate of a recording, or a LabelProblem."""
    # The command line imports this module and starts faster without NumPy.
    from skal._utils.sound.soundfiles import AudioReadError, open_sound

    try:
        with open_sound(os.path.join(root, path)) as file:
            return _Recording(file.frames / file.samplerate, file.samplerate)
    except AudioReadError as error:
        return LabelProblem(path, "length", f"{error.reason}; {error.advice}")


def relative_parts(path, root):
    """Return the parts of a path below a folder; paths that lead out of it are refused."""
    if os.path.isabs(path):
        path = os.path.relpath(path, os.path.abspath(root))
    parts = PurePath(path).parts
    if not parts or ".." in parts or PurePath(path).is_absolute() or PurePath(path).drive:
        raise ValueError(f"{path!r} is outside the folder of recordings {root!r}")
    return parts
