"""Which part of which recording a label is for, in seconds: formats on a time axis need it."""

import os
from pathlib import PurePath
from typing import NamedTuple

from skal._soundfiles import AudioReadError, open_sound
from skal.label.formats.problems import LabelProblem

__all__ = ["Recording", "by_recording", "measure", "relative_parts"]


class Recording(NamedTuple):
    """How long a recording is and how it was sampled.

    Parameters
    ----------
    length : float
        In s.
    sr : int
        In Hz.
    """

    length: float
    sr: int


def by_recording(rows):
    """Return the rows that have a label, by path, and each in the order of time.

    Parameters
    ----------
    rows : list of LabelRow
        The labels.

    Returns
    -------
    dict of str to list of LabelRow
    """
    table = {}
    for row in rows:
        if row.kind == "label":
            table.setdefault(os.fspath(row.path), []).append(row)
    return {path: sorted(found, key=lambda row: row.start or 0.0) for path, found in table.items()}


def measure(path, root):
    """Return length and sampling rate of a recording, or a problem.

    Parameters
    ----------
    path : str
        The recording.
    root : str
        What `path` is relative to.

    Returns
    -------
    Recording or LabelProblem
    """
    try:
        with open_sound(os.path.join(root, path)) as file:
            return Recording(file.frames / file.samplerate, file.samplerate)
    except AudioReadError as error:
        return LabelProblem(path, "length", f"{error.reason}; {error.advice}")


def relative_parts(path, root):
    """Return the parts of a path below a folder.

    Parameters
    ----------
    path : str
        Relative to `root`, or inside it.
    root : str
        The folder.

    Returns
    -------
    tuple of str

    Raises
    ------
    ValueError
        If the path leads out of the folder: nothing is ever written elsewhere.
    """
    if os.path.isabs(path):
        path = os.path.relpath(path, os.path.abspath(root))
    parts = PurePath(path).parts
    if not parts or ".." in parts or PurePath(path).is_absolute() or PurePath(path).drive:
        raise ValueError(f"{path!r} leads out of the folder of the recordings {root!r}")
    return parts
