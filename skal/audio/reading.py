"""Read a recording, or a part of one, as mono float32 at the wanted sampling rate."""

import math

import numpy as np

from skal._soundfiles import RECORD_AGAIN, AudioReadError, open_sound, plain
from skal._windows import as_window

__all__ = ["fit_length", "read_audio", "resample"]

# Frames (of all channels together) that are decoded at a time: an hour of eight channels at
# 192 kHz never has to fit in memory before it is mixed and resampled.
_BLOCK = 2**22

_PAD_MODES = {"silence": "constant", "repeat": "wrap", "reflect": "reflect"}


def read_audio(clip, sr=None, *, duration=None, fill="silence"):
    """Read a recording as mono float32.

    Any number of channels, any sample format and any sampling rate of WAV, FLAC, Ogg, MP3,
    AIFF and whatever else libsndfile reads. Only the part that is asked for is decoded; long
    recordings are decoded, mixed and resampled block by block.

    Parameters
    ----------
    clip : str, path-like, Window or tuple (path, start, end)
        The file, or a window of it, with times in s.
    sr : int, default=None
        Sampling rate wanted, in Hz; None keeps the file's own.
    duration : float, default=None
        Seconds to return: longer recordings are cropped at their end, shorter ones padded
        there. None returns the recording as long as it is.
    fill : {"silence", "repeat", "reflect"}, default="silence"
        What short recordings are padded with.

    Returns
    -------
    y : ndarray of shape (n_samples,), float32
        The waveform.
    sr : int
        Its sampling rate, in Hz.

    Raises
    ------
    AudioReadError
        If there is no such file, it is no regular file, may not be read, is empty, truncated,
        no sound file, or holds no finite or only constant samples. It says what to do.
    """
    window, samples = as_window(clip), _Samples()
    with open_sound(window.path) as file:
        y = _read_mono(file, window, sr, duration, samples)
        native = file.samplerate
        _check_samples(samples, file, window.path)
    rate = native if sr is None else sr
    if duration is not None:
        y = fit_length(y, max(1, round(duration * rate)), fill)
    return y, rate


def fit_length(y, n_samples, fill="silence"):
    """Crop or pad waveforms at their end.

    Parameters
    ----------
    y : ndarray of shape (..., n)
        Waveforms.
    n_samples : int
        Samples wanted.
    fill : {"silence", "repeat", "reflect"}, default="silence"
        What to pad with: zeros, the waveform from its start, or the waveform mirrored.

    Returns
    -------
    ndarray of shape (..., n_samples)
        A view where nothing had to be padded.
    """
    missing = n_samples - y.shape[-1]
    if missing <= 0:
        return y[..., :n_samples]
    return np.pad(y, [(0, 0)] * (y.ndim - 1) + [(0, missing)], mode=_PAD_MODES[fill])


def resample(y, sr, target_sr):
    """Resample a waveform with soxr, as librosa does by default.

    Parameters
    ----------
    y : ndarray of shape (n,), float32
        The waveform.
    sr, target_sr : int
        Sampling rates from and to, in Hz.

    Returns
    -------
    ndarray of shape (ceil(n * target_sr / sr),), float32
    """
    import soxr

    if sr == target_sr:
        return y
    return fit_length(soxr.resample(y, sr, target_sr), math.ceil(len(y) * target_sr / sr))


class _Samples:
    """What the samples of a file are like, before resampling makes ripples of steps and gaps."""

    def __init__(self):
        self.first = None
        self.n_bad = 0
        self.moving = False

    def watched(self, parts):
        for part in parts:
            if self.first is None:
                self.first = part[0]
            if not np.isfinite(part).all():
                self.n_bad += np.count_nonzero(~np.isfinite(part))
            self.moving = self.moving or (part != self.first).any()
            yield part


def _read_mono(file, window, sr, duration, samples):
    """Decode a window of an open file."""
    native = file.samplerate
    first = round(window.start * native)
    last = file.frames if window.end is None else min(file.frames, round(window.end * native))
    if first >= file.frames:
        raise AudioReadError(
            window.path,
            f"the window starts at {window.start:g} s, the file ends at "
            f"{file.frames / native:g} s",
            "list the windows of this file again: it has changed",
        )
    n_frames = max(1, last - first)
    if duration is not None:
        n_frames = min(n_frames, max(1, round(duration * native)))
    parts = samples.watched(_decoded(file, first, n_frames, window.path))
    return _join(parts, native, sr, n_frames)


def _decoded(file, first, n_frames, path):
    """Yield mono parts of a file."""
    import soundfile

    step = max(1, _BLOCK // file.channels)
    done = 0
    try:
        if first:
            file.seek(first)
        while done < n_frames:
            block = file.read(min(step, n_frames - done), dtype="float32", always_2d=True)
            if len(block) == 0:
                break
            done += len(block)
            yield _mix(block)
    except soundfile.SoundFileError as error:
        raise AudioReadError(
            path, f"broken after {done} samples ({plain(error)})", RECORD_AGAIN
        ) from error
    # The length of an MP3 file without an index is an estimate, good to a few MPEG frames.
    allowed = 4 * 1152 + n_frames // 100 if file.format == "MP3" else 0
    if done < n_frames - allowed or done == 0:
        raise AudioReadError(
            path, f"truncated: {done} of {n_frames} samples could be read", RECORD_AGAIN
        )


def _mix(block):
    n_channels = block.shape[1]
    if n_channels == 1:
        return block[:, 0]
    return block @ np.full(n_channels, 1 / n_channels, dtype=np.float32)


def _join(parts, native, sr, n_frames):
    if sr is None or sr == native:
        parts = list(parts)
        return parts[0] if len(parts) == 1 else np.concatenate(parts)
    if n_frames <= _BLOCK // 8:
        return resample(np.concatenate(list(parts)), native, sr)
    import soxr

    stream = soxr.ResampleStream(native, sr, 1, dtype="float32")
    resampled = [stream.resample_chunk(part) for part in parts]
    resampled.append(stream.resample_chunk(np.empty(0, dtype=np.float32), last=True))
    return fit_length(np.concatenate(resampled), math.ceil(n_frames * sr / native))


def _check_samples(samples, file, path):
    if samples.n_bad:
        reason = f"{samples.n_bad} samples are NaN or infinite"
        raise AudioReadError(path, reason, "write it again without them, or remove it")
    # A silent part of a recording is sound like any other; a file that never moves is not.
    if not samples.moving and _is_constant(file, path):
        reason = f"constant: every sample is {samples.first:g}"
        raise AudioReadError(path, reason, "check the microphone, or remove it")


def _is_constant(file, path):
    file.seek(0)
    parts = _decoded(file, 0, file.frames, path)
    first = next(parts)
    return (first == first[0]).all() and all((part == first[0]).all() for part in parts)
