"""What a transformer is given: paths, addresses of windows, or waveforms, one by one."""

import os
from typing import NamedTuple

import numpy as np

from skal._soundfiles import AudioReadError
from skal._windows import as_window
from skal.audio.reading import fit_length, read_audio

__all__ = ["BrokenClipsError", "FailedClip", "clips_of", "load_clip"]


class FailedClip(NamedTuple):
    """A clip that was set aside.

    Parameters
    ----------
    position : int
        Its position in X.
    clip : str
        Its path or address, or "waveform".
    reason : str
        What is wrong with it.
    advice : str
        What to do about it.
    """

    position: int
    clip: str
    reason: str
    advice: str

    def __str__(self):
        return f"X[{self.position}] {self.clip!r}: {self.reason}. What to do: {self.advice}."


class BrokenClipsError(ValueError):
    """Some clips could not be read; ``failures`` lists every one of them.

    Parameters
    ----------
    failures : list of FailedClip
        What failed, in the order of X.
    """

    def __init__(self, failures):
        super().__init__(failures)
        self.failures = failures

    def __str__(self):
        lines = [f"{len(self.failures)} of the clips could not be read:"]
        lines += [f"  {failure}" for failure in self.failures[:20]]
        if len(self.failures) > 20:
            lines.append(f"  and {len(self.failures) - 20} more (see .failures)")
        lines.append("on_error='warn' sets them aside instead.")
        return "\n".join(lines)


def clips_of(X):
    """Return X as a list of clips, or None where it is a matrix of waveforms.

    Parameters
    ----------
    X : sequence, Series, one-column DataFrame or ndarray
        Paths, addresses or waveforms.

    Returns
    -------
    list or None
        None for what `sklearn.utils.check_array` should look at.

    Raises
    ------
    TypeError
        If X is a single path.
    """
    if isinstance(X, (str, bytes, os.PathLike)):
        raise TypeError(f"X is one path ({X!r}); a sequence of paths is needed: [{X!r}]")
    if hasattr(X, "iloc") and X.ndim == 2 and X.shape[1] == 1:
        column = X.iloc[:, 0]
        return list(column) if len(X) and _is_clip(column.iloc[0]) else None
    if hasattr(X, "ndim") and X.ndim != 1:
        return None
    if not hasattr(X, "__len__") or not hasattr(X, "__getitem__") or isinstance(X, dict):
        return None
    if isinstance(X, np.ndarray) and X.dtype.kind not in "OUS":
        return None
    items = list(X)
    if len(items) == 0:
        raise ValueError("Found array with 0 sample(s): X has no clips, at least 1 is required")
    return items if _is_clip(items[0]) else None


def _is_clip(item):
    if isinstance(item, (str, os.PathLike)):
        return True
    if isinstance(item, tuple):
        return len(item) > 0 and isinstance(item[0], (str, os.PathLike))
    return isinstance(item, np.ndarray) and item.ndim == 1


def load_clip(clip, sr, duration, fill):
    """Return the waveform of one clip, float32, `duration` seconds long if that is given.

    Parameters
    ----------
    clip : str, path-like, Window, tuple or ndarray of shape (n_samples,)
        A waveform must be at `sr` already.
    sr : int
        Sampling rate, in Hz.
    duration : float or None
        Length wanted, in s.
    fill : str
        As for `read_audio`.

    Returns
    -------
    ndarray of shape (n_samples,), float32

    Raises
    ------
    AudioReadError
        If there is no sound in it.
    """
    if not isinstance(clip, np.ndarray):
        return read_audio(clip, sr, duration=duration, fill=fill)[0]
    if clip.ndim != 1 or clip.dtype.kind not in "fiu":
        raise AudioReadError(
            "waveform",
            f"{clip.ndim}-D array of {clip.dtype}, not a 1-D array of numbers",
            "mix it to mono",
        )
    if len(clip) == 0:
        raise AudioReadError("waveform", "no samples in it", "leave it out")
    if duration is not None:
        clip = fit_length(clip, max(1, round(duration * sr)), fill)
    y = np.asarray(clip, dtype=np.float32)
    if not np.isfinite(y).all():
        raise AudioReadError("waveform", "NaN or infinite samples in it", "leave it out")
    return y


def clip_name(clip):
    """Return how to name a clip in a message.

    Parameters
    ----------
    clip : object
        A path, an address or a waveform.

    Returns
    -------
    str
    """
    if isinstance(clip, np.ndarray):
        return "waveform"
    try:
        return str(as_window(clip))
    except (TypeError, ValueError):
        return repr(clip)


def try_load(position, clip, sr, duration, fill):
    """Return the waveform of a clip, or why there is none.

    Parameters
    ----------
    position : int
        Position of the clip in X.
    clip : object
        See `load_clip`.
    sr : int
        Sampling rate, in Hz.
    duration : float or None
        Length wanted, in s.
    fill : str
        As for `read_audio`.

    Returns
    -------
    ndarray of shape (n_samples,), float32, or FailedClip
    """
    try:
        return load_clip(clip, sr, duration, fill)
    except AudioReadError as error:
        return FailedClip(position, clip_name(clip), error.reason, error.advice)
    except (TypeError, ValueError) as error:
        return FailedClip(position, clip_name(clip), str(error), "give a path or a waveform")
