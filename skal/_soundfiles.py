"""Sound files before they are decoded: opened, measured, cut into windows, or refused."""

import os
import re
import stat

from skal._windows import Window, as_window

__all__ = ["AudioReadError", "audio_length", "iter_windows", "open_sound"]

_CLAIMED = re.compile(r"^\s*(?:data|SSND)\s*:\s*(\d+) \(should be (\d+)\)", re.MULTILINE)
# Recorders that cannot seek back leave these lengths in the header of a sound file; all that
# follows is sound.
_UNKNOWN_LENGTH = 0x7FFFF000

RECORD_AGAIN = "copy it again from the recorder, or cut it to what is there (sox, ffmpeg)"
CONVERT = "convert it to WAV or FLAC (for example: ffmpeg -i FILE out.wav), or remove it"


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
    """

    def __init__(self, path, reason, advice):
        super().__init__(path, reason, advice)
        self.path = path
        self.reason = reason
        self.advice = advice

    def __str__(self):
        return f"{self.path!r}: {self.reason}. What to do: {self.advice}."


def audio_length(path):
    """Return how long a recording is, from its header.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    float
        In s.

    Raises
    ------
    AudioReadError
        As `read_audio`, as far as the header tells.
    """
    with open_sound(os.fspath(path)) as file:
        return file.frames / file.samplerate


def iter_windows(clip, window, hop=None):
    """Yield the windows of a recording, without reading its sound.

    Parameters
    ----------
    clip : str, path-like, Window or tuple (path, start, end)
        The recording, or a part of it.
    window : float
        Length of a window, in s.
    hop : float, default=None
        From the start of one window to the next, in s; None is `window`.

    Yields
    ------
    Window
        The last one may be shorter: it ends with the recording. All of the recording is in some
        window if `hop` is at most `window`.

    Raises
    ------
    AudioReadError
        If the recording cannot be opened.
    ValueError
        If `window` or `hop` is not positive.
    """
    hop = window if hop is None else hop
    if not (window > 0 and hop > 0):
        raise ValueError(f"window={window} and hop={hop} must be positive, in s")
    path, start, end = as_window(clip)
    length = audio_length(path)
    end = length if end is None else min(end, length)
    index = 0
    # A remainder of under a millisecond is rounding, not sound.
    while index == 0 or start + index * hop < end - 1e-3:
        first = start + index * hop
        yield Window(path, first, min(first + window, end))
        if first + window >= end - 1e-3:
            return
        index += 1


def open_sound(path):
    """Open a sound file, or say why it cannot be opened.

    Parameters
    ----------
    path : str
        The file.

    Returns
    -------
    soundfile.SoundFile
        To be closed by the caller.

    Raises
    ------
    AudioReadError
        If there is no such file, it is no regular file, may not be read, is empty, truncated
        or no sound file.
    """
    import soundfile

    _check_regular(path)
    try:
        # As bytes: names from older disks need not be UTF-8, which soundfile would make of them.
        file = soundfile.SoundFile(path if os.name == "nt" else os.fsencode(path))
    except (soundfile.SoundFileError, TypeError) as error:
        _check_readable(path)
        # TypeError: files named .raw, which have no header to read a format from.
        raise AudioReadError(path, f"not a sound file ({plain(error)})", CONVERT) from error
    try:
        _check_complete(file, path)
    except AudioReadError:
        file.close()
        raise
    return file


def _check_regular(path):
    # Before opening: opening a FIFO waits for a writer, perhaps for ever.
    try:
        status = os.stat(path)
    except FileNotFoundError:
        if os.path.islink(path):
            target = os.readlink(path)
            raise AudioReadError(
                path, f"a link to {target!r}, which is not there", "mend or remove the link"
            ) from None
        raise AudioReadError(path, "no such file", "check the name and the folder") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise AudioReadError(path, reason, "check the name and its permissions") from error
    if stat.S_ISDIR(status.st_mode):
        if not os.access(path, os.R_OK | os.X_OK):
            advice = "change its permissions (chmod +rx)"
            raise AudioReadError(path, "a folder that may not be read", advice)
        raise AudioReadError(path, "a folder, not a file", "give the files in it, or rename it")
    if not stat.S_ISREG(status.st_mode):
        raise AudioReadError(path, "a device or a pipe, not a file", "save the sound in a file")
    if not os.access(path, os.R_OK):
        raise AudioReadError(path, "may not be read", "change its permissions (chmod +r)")
    if status.st_size == 0:
        raise AudioReadError(path, "empty (0 bytes)", RECORD_AGAIN)


def _check_readable(path):
    # libsndfile says "System error" of a failing card and of a server that refuses.
    try:
        with open(path, "rb") as file:
            file.read(1)
    except OSError as error:
        reason, advice = error.strerror or str(error), "check the disk and the permissions"
        raise AudioReadError(path, reason, advice) from error


def _check_complete(file, path):
    info = file.extra_info
    for claimed, found in _CLAIMED.findall(info):
        if int(found) < int(claimed) < _UNKNOWN_LENGTH:
            raise AudioReadError(
                path, f"truncated: {found} bytes of sound, {claimed} announced", RECORD_AGAIN
            )
    if "Junk after the last page" in info or "File ended unexpectedly" in info:
        raise AudioReadError(path, "truncated: the Ogg stream breaks off", RECORD_AGAIN)
    if file.frames == 0:
        raise AudioReadError(path, "no samples in it", RECORD_AGAIN)


def plain(error):
    """Return the last part of libsndfile's message, which the path comes before.

    Parameters
    ----------
    error : Exception
        The error.

    Returns
    -------
    str
    """
    return str(error).rsplit(": ", 1)[-1].rstrip(".").replace("\n", " ")
