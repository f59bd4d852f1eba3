"""Read recordings, or parts of them, as mono float32 at a given sampling rate."""

import math
import warnings

import numpy as np

from skal._utils.sound.broken import AudioReadError, HeaderWarning
from skal._utils.sound.decoding import RECORD_AGAIN
from skal._utils.sound.soundfiles import is_constant, open_sound
from skal._utils.sound.windows import as_window

__all__ = ["fit_length", "load", "pad", "read_audio", "resample"]

# Sample values, over all channels, to decode at a time: an hour of eight channels at 192 kHz would
# not fit in memory before mixing and resampling.
_BLOCK = 2**22

# Frames at a time if the total is unknown.
_UNKNOWN_STEP = 2**18
# Channels cancel each other if their mean is 60 dB or more below them.
_CANCELED = 1e-3
# Resampling does not overflow single precision below this.
_LOUDEST = 1e37

_PAD_MODES = {"silence": "constant", "repeat": "wrap", "reflect": "reflect"}


def read_audio(clip, sr=None, *, duration=None, fill="silence"):
    """Read a recording as mono float32.

    Reads WAV, FLAC, Ogg, MP3, AIFF and all other formats of libsndfile, with any number of
    channels, sample format, and sampling rate; recordings of phones need PyAV
    (``skal-audio[media]``). Channels are averaged, as in librosa. A file is read to its end; a
    warning says if its header announces another length. Only the requested part is decoded; long
    recordings are decoded, mixed, and resampled block by block.

    Parameters
    ----------
    clip : str, path-like, Window or tuple (path, start, end)
        The file, or a window of it, with times in s.
    sr : int, default=None
        Sampling rate of the result, in Hz; None: that of the file.
    duration : float, default=None
        Length of the result, in s: longer recordings are cropped at their end, shorter ones are
        padded. None: the whole recording.
    fill : {"silence", "repeat", "reflect"}, default="silence"
        Padding of short recordings.

    Returns
    -------
    y : ndarray of shape (n_samples,), float32
        The waveform.
    sr : int
        Its sampling rate, in Hz.

    Raises
    ------
    AudioReadError
        If the file is missing, not a regular file, unreadable, empty, broken, or not a sound file,
        or if its samples are not finite or constant. The message says what to do.

    See Also
    --------
    audio_length : The length alone, mostly without decoding.
    iter_windows : Windows to read.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> import soundfile
    >>> from skal.audio import read_audio
    >>> stereo = np.random.RandomState(0).uniform(-0.5, 0.5, size=(16000, 2))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "night.wav"
    ...     soundfile.write(path, stereo, 8000)
    ...     y, sr = read_audio(path)
    ...     part, _ = read_audio(f"{path}#t=0.5,1.5", sr=16000)
    >>> y.shape, y.dtype.name, sr
    ((16000,), 'float32', 8000)
    >>> part.shape
    (16000,)
    """
    y, rate, note = load(clip, sr, duration, fill)
    if note is not None:
        warnings.warn(note, HeaderWarning, stacklevel=2)
    return y, rate


def load(clip, sr, duration, fill):
    """Read a recording, and return warnings instead of issuing them."""
    window = as_window(clip)
    with open_sound(window.path) as sound:
        rate = sound.samplerate if sr is None else sr
        samples = _Samples(window.path)
        y = _read_mono(sound, window, rate, duration, samples)
        samples.check(sound, y)
        note = sound.note
    if duration is not None:
        y = fit_length(y, max(1, round(duration * rate)), fill)
    return y, rate, note


def fit_length(y, n_samples, fill="silence"):
    """Crop or pad waveforms at their end."""
    missing = n_samples - y.shape[-1]
    return y[..., :n_samples] if missing <= 0 else pad(y, 0, missing, fill)


def pad(y, before, after, fill="silence"):
    """Add samples before and after waveforms."""
    return np.pad(y, [(0, 0)] * (y.ndim - 1) + [(before, after)], mode=_PAD_MODES[fill])


def resample(y, sr, target_sr):
    """Resample a waveform with soxr, as librosa does by default."""
    import soxr

    if sr == target_sr:
        return y
    return fit_length(soxr.resample(y, sr, target_sr), math.ceil(len(y) * target_sr / sr))


class _Samples:
    """Statistics of the samples of a recording, before resampling."""

    def __init__(self, path):
        self.path = path
        self.n_bad = 0
        self.low, self.high = np.inf, -np.inf
        self.peak_of_channels = 0.0

    def mixed(self, blocks):
        """Yield the mean of the channels of every block."""
        for block in blocks:
            mono = _mix(block)
            low, high = mono.min(), mono.max()
            if not (np.isfinite(low) and np.isfinite(high)):
                self.n_bad += np.count_nonzero(~np.isfinite(mono))
            self.low, self.high = min(self.low, low), max(self.high, high)
            if block.shape[1] > 1:
                self.peak_of_channels = max(self.peak_of_channels, block.max(), -block.min())
            yield mono

    def check(self, sound, y):
        """Raise an error if the samples are unusable."""
        if self.n_bad:
            reason = f"{self.n_bad} samples are NaN or infinite"
            raise AudioReadError(self.path, reason, "rewrite it without them, or remove it")
        peak = max(self.high, -self.low)
        if peak > _LOUDEST and not np.isfinite(y).all():
            reason = f"its loudest sample is {peak:g}, which cannot be resampled"
            raise AudioReadError(self.path, reason, "rewrite it at its right level")
        if self.peak_of_channels > 0 and peak <= _CANCELED * self.peak_of_channels:
            raise AudioReadError(
                self.path,
                f"silent after mixing: its {sound.channels} channels cancel each other when they "
                "are averaged",
                "keep one channel of it (such as ffmpeg -i FILE -af 'pan=mono|c0=c0' out.wav)",
            )
        # Accept silence: recorders with a threshold write it. Refuse other constant values, which
        # come from a broken converter.
        if self.low == self.high != 0 and is_constant(sound):
            reason = f"constant: every sample is {self.low:g}"
            raise AudioReadError(self.path, reason, "check the microphone, or remove it")


def _read_mono(sound, window, rate, duration, samples):
    """Decode a window of an open file, and resample it."""
    native, known = sound.samplerate, sound.known_frames
    first, n_frames, n_out = round(window.start * native), None, None
    if window.end is not None:
        # Addresses have microseconds: without rounding, equally long windows would differ.
        seconds = round(window.end - window.start, 6)
        n_frames, n_out = _frames_of(seconds, native, rate), max(1, round(seconds * rate))
    if duration is not None:
        wanted = _frames_of(duration, native, rate)
        n_frames = wanted if n_frames is None else min(n_frames, wanted)
        n_out = None
    if known is not None:
        if n_frames is not None and first + n_frames == known + 1:
            first = max(0, first - 1)  # both ends were rounded up
        rest = known - first
        n_frames = rest if n_frames is None else min(n_frames, rest)
    if known is not None and n_frames <= 0:
        raise _beyond(sound, window)
    parts = samples.mixed(_decoded(sound, first, n_frames, window))
    y, done = _join(parts, native, rate, n_frames)
    if n_out is not None and done < _frames_of(window.end - window.start, native, rate) - 1:
        n_out = max(1, round(done / native * rate))  # the file ends before the window does
    return y if n_out is None else fit_length(y, n_out)


def _frames_of(seconds, native, rate):
    """Return the number of frames of a file for a time at the resulting rate."""
    n_frames = seconds * native
    # One extra frame, so that resampling does not extrapolate the last samples.
    return max(1, round(n_frames) if rate == native else math.ceil(round(n_frames, 6)))


def _beyond(sound, window):
    return AudioReadError(
        window.path,
        f"the window starts at {window.start:g} s, the file ends at "
        f"{sound.frames / sound.samplerate:g} s",
        "the file has changed: list its windows again",
    )


def _decoded(sound, first, n_frames, window):
    """Yield blocks of a file, `n_frames` in total; None: to its end."""
    step = max(1, _BLOCK // sound.channels)
    if n_frames is None:
        step = min(step, _UNKNOWN_STEP)
    done = 0
    if first:
        sound.seek(first)
    while n_frames is None or done < n_frames:
        wanted = step if n_frames is None else min(step, n_frames - done)
        block = sound.read(wanted)
        done += len(block)
        if len(block):
            yield block
        if len(block) < wanted:
            break
    if done == 0 and first:
        raise _beyond(sound, window)
    if done == 0:
        raise AudioReadError(window.path, "none of its samples can be decoded", RECORD_AGAIN)


def _mix(block):
    n_channels = block.shape[1]
    if n_channels == 1:
        return block[:, 0]
    return block @ np.full(n_channels, 1 / n_channels, dtype=np.float32)


def _join(parts, native, rate, n_frames):
    """Join parts into a waveform at the resulting rate; return it and the number of frames."""
    if rate == native:
        parts = list(parts)
        y = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return y, len(y)
    if n_frames is not None and n_frames <= _BLOCK // 8:
        y = np.concatenate(list(parts))
        return resample(y, native, rate), len(y)
    import soxr

    stream = soxr.ResampleStream(native, rate, 1, dtype="float32")
    resampled, done = [], 0
    for part in parts:
        resampled.append(stream.resample_chunk(part))
        done += len(part)
    resampled.append(stream.resample_chunk(np.empty(0, dtype=np.float32), last=True))
    return fit_length(np.concatenate(resampled), math.ceil(done * rate / native)), done
