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
    """The header of a recording contradicts its content; the content was read."""
