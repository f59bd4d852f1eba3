"""Sound files: opened, measured, and cut into windows before decoding."""

import contextlib
import os
import stat
import warnings
from functools import lru_cache

from skal._utils.sound import media
from skal._utils.sound.broken import AudioReadError, HeaderWarning
from skal._utils.sound.chains import ConcatenatedRecording, split
from skal._utils.sound.decoding import RECORD_AGAIN, STEP, Libsndfile, libsndfile_errors, plain
from skal._utils.sound.headers import HeaderCheck, examine
from skal._utils.sound.windows import Window, as_window

__all__ = ["AudioReadError", "audio_length", "iter_windows", "open_sound", "windows_of"]

CONVERT = "convert it to WAV or FLAC (for example: ffmpeg -i FILE out.wav), or remove it"

# Extensions of sound files from recorders, phones, and browsers that libsndfile cannot read.
MEDIA_EXTENSIONS = frozenset(
    f".{name}"
    for name in (
        *("3gp", "3g2", "3gpp", "mp4", "m4a", "m4b", "mov", "webm", "mka", "mkv"),
        *("aac", "amr", "awb", "wma", "asf", "wv", "ape", "tta", "ac3"),
    )
)


def audio_length(path):
    """Return the length of a recording.

    If the header lacks the length or contradicts the content, the recording is decoded once to
    measure it. A contradiction also issues a warning.

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
        The same errors as `read_audio`, if the header reveals them.

    See Also
    --------
    read_audio : Reads the recording.
    iter_windows : The windows of a recording.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> import soundfile
    >>> from skal.audio import audio_length
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "wren.wav"
    ...     soundfile.write(path, np.linspace(-0.5, 0.5, 12000), 8000)
    ...     audio_length(path)
    1.5
    """
    with open_sound(os.fspath(path)) as sound:
        length = sound.frames / sound.samplerate
        warn_of_header(sound)
    return length


def iter_windows(clip, window, hop=None):
    """Yield the windows of a recording, without reading its sound.

    Parameters
    ----------
    clip : str, path-like, Window or tuple (path, start, end)
        The recording, or a part of it.
    window : float
        Length of a window, in s; read at a sampling rate `sr`, it has ``round(window * sr)``
        samples.
    hop : float, default=None
        Distance between window starts, in s; None: `window`.

    Yields
    ------
    Window
        The last window may be shorter: it ends with the recording. The windows cover the whole
        recording if `hop` is at most `window`.

    Raises
    ------
    AudioReadError
        If the recording cannot be opened.
    ValueError
        If `window` or `hop` is not positive.

    See Also
    --------
    Window : What is yielded; ``str(window)`` is its address.
    read_audio : Reads a window.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> import soundfile
    >>> from skal.audio import iter_windows
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "night.wav"
    ...     soundfile.write(path, np.linspace(-0.5, 0.5, 40000), 8000)
    ...     windows = list(iter_windows(path, window=2.0))
    >>> [(window.start, window.end) for window in windows]
    [(0.0, 2.0), (2.0, 4.0), (4.0, 5.0)]
    """
    hop = window if hop is None else hop
    if not (window > 0 and hop > 0):
        raise ValueError(f"window={window} and hop={hop} must be positive, in s")
    path, start, end = as_window(clip)
    length = audio_length(path)
    end = length if end is None else min(end, length)
    index = 0
    # A remainder below a millisecond is a rounding error.
    while index == 0 or start + index * hop < end - 1e-3:
        # Use whole microseconds, as in addresses, so that windows are equally long.
        first = round(start + index * hop, 6)
        last = round(first + round(window, 6), 6)
        yield Window(path, first, min(last, end))
        if last >= end - 1e-3:
            return
        index += 1


def windows_of(clip, window, hop=None):
    """Return the windows of a recording, or why it has none.

    Parameters
    ----------
    clip : str, path-like, Window or tuple (path, start, end)
        The recording, or a part of it.
    window, hop : float or None
        As for `iter_windows`, in s; if `window` is None, return the clip without opening it.

    Returns
    -------
    windows : list of Window
        Empty if the recording cannot be opened.
    broken : Broken or None
        What is wrong with it.
    """
    if window is None:
        return [as_window(clip)], None
    try:
        return list(iter_windows(clip, window, hop)), None
    except AudioReadError as error:
        return [], error.broken


def open_sound(path):
    """Open a sound file, or raise an AudioReadError that says what to do."""
    status = _check_regular(path)
    version = (path, status.st_size, status.st_mtime_ns)
    try:
        file = open(path, "rb")  # noqa: SIM115
    except OSError as error:
        raise _disk_error(path, error) from error
    with contextlib.ExitStack() as stack:
        stack.callback(file.close)
        try:
            check = examine(file, status.st_size)
            links = split(*version) if check.chained else None
        except OSError as error:
            raise _disk_error(path, error) from error
        try:
            decoder = (
                Libsndfile(path, check) if links is None else ConcatenatedRecording(path, links)
            )
        except libsndfile_errors() as error:
            decoder = _open_otherwise(path, error, check.view is not None)
            announced = check.announced
            counted = not isinstance(decoder, Libsndfile)
            check = HeaderCheck(counted=counted, announced=announced)
        if links is not None:
            check = HeaderCheck()
        if check.view is not None:
            stack.pop_all()  # the decoder owns and closes it
    sound = Sound(path, version, decoder, check)
    if sound.is_empty():
        sound.close()
        raise AudioReadError(path, "it has no samples", RECORD_AGAIN)
    return sound


def warn_of_header(sound):
    """Warn if the header of a sound is known to contradict its content."""
    if sound.note is not None:
        warnings.warn(sound.note, HeaderWarning, stacklevel=3)


class Sound:
    """An open recording, readable to the end of its content whatever the header says."""

    def __init__(self, path, version, decoder, check):
        self.path = path
        self.samplerate = decoder.samplerate
        self.channels = decoder.channels
        self.format = decoder.format
        self.subtype = decoder.subtype
        self._version = version
        self._decoder = decoder
        self._trouble = decoder.trouble
        self._at = 0
        self._end = None if check.counted else decoder.frames
        self._slack = decoder.slack
        self._announced = check.announced or decoder.announced or self._end
        if check.share is not None and check.share[0] is not None and check.share[1]:
            said, there = check.share
            self._announced = round(decoder.frames * said / there)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    @property
    def frames(self):
        """Number of samples per channel, counted by decoding if the header lacks it."""
        if self._end is None:
            self._end = _counted(*self._version)
        return self._end

    @property
    def note(self):
        """How header and content differ, in a sentence, or None."""
        found, announced = self._end, self._announced
        if self._trouble is not None:
            return f"{self.path!r}: {self._trouble} ({found} samples)"
        if found is None or announced is None or abs(found - announced) <= self._slack:
            return None
        return (
            f"{self.path!r}: its header announces {announced} samples, but there are {found} in "
            f"the file; these are read"
        )

    @property
    def known_frames(self):
        """Number of samples per channel if it is known without decoding, else None."""
        return self._end

    def is_empty(self):
        """Return whether the recording is known to be empty without decoding."""
        return self._end == 0

    def seek(self, frame):
        """Go to a sample."""
        self._decoder.seek(frame)
        self._at = frame

    def read(self, n_frames):
        """Return the next samples, float32 of shape (n, channels), fewer at the end."""
        block = self._decoder.read(n_frames)
        self._at += len(block)
        if len(block) < n_frames and (len(block) or self._at == 0):
            self._end = self._at
        return block

    def close(self):
        """Close the file."""
        self._decoder.close()


@lru_cache(maxsize=4096)
def _counted(path, size, changed):
    """Return the length of a file by decoding it; cached by file version."""
    with open_sound(path) as sound:
        done = 0
        while n := len(sound.read(STEP)):
            done += n
    return done


@lru_cache(maxsize=4096)
def _constant(path, size, changed):
    """Return whether all samples of a file are equal; cached by file version."""
    with open_sound(path) as sound:
        first = None
        while len(block := sound.read(STEP)):
            first = block[0] if first is None else first
            if (block != first).any():
                return False
    return True


def is_constant(sound):
    """Return whether all samples of a recording are equal."""
    return _constant(*sound._version)


def _open_otherwise(path, error, as_it_is):
    """Open a file that libsndfile refuses: with PyAV, or with its original header."""
    try:
        return _open_media(path, error)
    except AudioReadError:
        if as_it_is:
            with contextlib.suppress(*libsndfile_errors()):
                return Libsndfile(path, HeaderCheck())
        raise


def _open_media(path, error):
    reason = f"not a sound file ({plain(error)})"
    if not media.has_media():
        is_media = os.path.splitext(path)[1].lower() in MEDIA_EXTENSIONS
        raise AudioReadError(path, reason, media.INSTALL if is_media else CONVERT) from error
    try:
        return media.MediaSound(path)
    except AudioReadError as other:
        why = reason if not other.advice else other.reason
        raise AudioReadError(path, why, other.advice or CONVERT) from other


def _check_regular(path):
    # Check before opening: opening a FIFO may wait forever for a writer.
    try:
        status = os.stat(path)
    except FileNotFoundError:
        if os.path.islink(path):
            target = os.readlink(path)
            raise AudioReadError(
                path, f"a link to {target!r}, which is not there", "repair or remove the link"
            ) from None
        file, mark, time = path.rpartition("#t=")
        if mark and os.path.isfile(file):
            advice = f"write the part in s, such as {os.path.basename(file)}#t=60,64"
            raise AudioReadError(path, f"{time!r} is not a valid time range", advice) from None
        raise AudioReadError(path, "no such file", "check the name and the folder") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise AudioReadError(path, reason, "check the name and its permissions") from error
    if stat.S_ISDIR(status.st_mode):
        if not os.access(path, os.R_OK | os.X_OK):
            advice = "change its permissions (chmod +rx)"
            raise AudioReadError(path, "a folder without read permission", advice)
        raise AudioReadError(path, "a folder, not a file", "give the files in it, or rename it")
    if not stat.S_ISREG(status.st_mode):
        raise AudioReadError(path, "a device or a pipe, not a file", "save the sound in a file")
    if not os.access(path, os.R_OK):
        raise AudioReadError(path, "no read permission", "change its permissions (chmod +r)")
    if status.st_size == 0:
        raise AudioReadError(path, "empty (0 bytes)", RECORD_AGAIN)
    return status


def _disk_error(path, error):
    reason, advice = error.strerror or str(error), "check the disk and the permissions"
    return AudioReadError(path, reason, advice)
