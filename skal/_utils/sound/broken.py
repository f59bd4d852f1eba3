"""Descriptions of unreadable recordings, the same everywhere in skal."""

from typing import NamedTuple

__all__ = ["AudioReadError", "Broken", "HeaderWarning"]


class Broken(NamedTuple):
    """An unusable recording or row of a table, and what to do about it.

    Parameters
    ----------
    path : str
        The file, the address of a window, the row of a table, or "waveform".
    reason : str
        What is wrong with it.
    advice : str
        What to do about it.

    See Also
    --------
    BrokenClipsError : Names all broken clips of a call.
    build_features : Reports the broken recordings of a collection.

    Examples
    --------
    >>> from skal.audio import Broken
    >>> print(Broken("night.wav", "the file is empty", "record it again"))
    'night.wav': the file is empty. What to do: record it again.
    """

    path: str
    reason: str
    advice: str

    def __str__(self):
        return f"{self.path!r}: {self.reason}. What to do: {self.advice}."

    @property
    def in_short(self):
        """Reason and advice, for tables that have the path in another column."""
        return f"{self.reason}; {self.advice}"


class AudioReadError(ValueError):
    """A recording could not be read.

    Parameters
    ----------
    path : str
        The file.
    reason : str
        What is wrong with it.
    advice : str
        What to do about it.

    Attributes
    ----------
    broken : Broken
        The three in one object.

    See Also
    --------
    Broken : The same as a value, where many recordings are read.
    BrokenClipsError : Names all broken clips of a call.

    Examples
    --------
    >>> from skal.audio import AudioReadError, read_audio
    >>> try:
    ...     read_audio("missing.wav")
    ... except AudioReadError as error:
    ...     print(error)
    'missing.wav': no such file. What to do: check the name and the folder.
    """

    def __init__(self, path, reason, advice):
        super().__init__(path, reason, advice)
        self.broken = Broken(path, reason, advice)

    def __str__(self):
        return str(self.broken)

    @property
    def path(self):
        """The file."""
        return self.broken.path

    @property
    def reason(self):
        """What is wrong with it."""
        return self.broken.reason

    @property
    def advice(self):
        """What to do about it."""
        return self.broken.advice


class HeaderWarning(UserWarning):
    """The header of a recording contradicts its content; the content was read.

    See Also
    --------
    read_audio, audio_length : Issue it.

    Examples
    --------
    The header promises 2 s, and the file ends after one:

    >>> import tempfile
    >>> import warnings
    >>> from pathlib import Path
    >>> import numpy as np
    >>> import soundfile
    >>> from skal.audio import HeaderWarning, read_audio
    >>> caught = warnings.catch_warnings(record=True)
    >>> with tempfile.TemporaryDirectory() as folder, caught as found:
    ...     path = Path(folder) / "night.wav"
    ...     soundfile.write(path, np.linspace(-0.5, 0.5, 16000), 8000)
    ...     n_bytes = path.write_bytes(path.read_bytes()[:-16000])
    ...     warnings.simplefilter("always")
    ...     y, sr = read_audio(path)
    >>> y.shape, [warning.category is HeaderWarning for warning in found]
    ((8000,), [True])
    """
