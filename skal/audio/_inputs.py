"""Inputs of transformers: paths, window addresses, or waveforms."""

import os

import numpy as np

from skal._utils.sound.broken import AudioReadError, Broken
from skal._utils.sound.windows import as_window
from skal.audio.reading import fit_length, load

__all__ = ["BrokenClipsError", "as_float", "clips_of", "load_clip"]

_SHOWN = 20


class BrokenClipsError(ValueError):
    """Some clips could not be read; ``broken`` lists all of them.

    Parameters
    ----------
    broken : dict of int to Broken
        The broken clips, by position in X.
    advice : str, default="on_error='warn' sets them aside instead."
        What else to do, as the last line; empty if there is nothing else, for example because all
        clips are broken.

    See Also
    --------
    AudioReadError : About a single recording.

    Examples
    --------
    >>> from skal.audio import BrokenClipsError, LogMelSpectrogram
    >>> try:
    ...     LogMelSpectrogram().transform(["missing.wav", "lost.wav"])
    ... except BrokenClipsError as error:
    ...     for position, broken in error.broken.items():
    ...         print(position, broken.path, broken.reason)
    0 missing.wav no such file
    1 lost.wav no such file
    """

    def __init__(self, broken, advice="on_error='warn' sets them aside instead."):
        super().__init__(broken, advice)
        self.broken = broken
        self.advice = advice

    def __str__(self):
        title = f"{len(self.broken)} of the clips could not be read:"
        return "\n".join(filter(None, [title, *listed(self.broken), self.advice]))


def listed(broken):
    """Return a line for each broken clip, at most twenty."""
    lines = [f"  X[{i}] {found}" for i, found in list(broken.items())[:_SHOWN]]
    if len(broken) > _SHOWN:
        lines.append(f"  and {len(broken) - _SHOWN} more")
    return lines


def clips_of(X):
    """Return X as a list of clips, or None if it is a matrix of waveforms."""
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
    """Return the waveform of a clip, float32, cropped or padded to `duration` (s) if given."""
    if not isinstance(clip, np.ndarray):
        y, _, note = load(clip, sr, duration, fill)
        return y, note
    if clip.ndim != 1 or clip.dtype.kind not in "fiu":
        raise AudioReadError(
            "waveform",
            f"{clip.ndim}-D array of {clip.dtype}, not a 1-D array of numbers",
            "mix it to mono",
        )
    if len(clip) == 0:
        raise AudioReadError("waveform", "it has no samples", "leave it out")
    if duration is not None:
        clip = fit_length(clip, max(1, round(duration * sr)), fill)
    with np.errstate(over="ignore"):
        y = as_float(clip)
    if not np.isfinite(y).all():
        raise AudioReadError("waveform", "it has NaN or infinite samples", "leave it out")
    return y, None


def as_float(waveforms):
    """Return waveforms as float32; integers are scaled to -1...1 by the range of their type."""
    # A file gives the same features whether it is read as integers (`scipy.io.wavfile`) or floats.
    if waveforms.dtype.kind not in "iu":
        return np.asarray(waveforms, dtype=np.float32)
    half = 2.0 ** (8 * waveforms.dtype.itemsize - 1)
    scaled = waveforms / half
    # For unsigned samples, silence is the middle of the range.
    return (scaled - 1 if waveforms.dtype.kind == "u" else scaled).astype(np.float32)


def clip_name(clip):
    """Return the name of a clip for messages."""
    if isinstance(clip, np.ndarray):
        return "waveform"
    try:
        return str(as_window(clip))
    except (TypeError, ValueError):
        return repr(clip)


def try_load(clip, sr, duration, fill):
    """Return the waveform of a clip, or a Broken."""
    try:
        return load_clip(clip, sr, duration, fill)
    except AudioReadError as error:
        return Broken(clip_name(clip), error.reason, error.advice)
    except (TypeError, ValueError) as error:
        return Broken(clip_name(clip), str(error), "give a path or a waveform")
