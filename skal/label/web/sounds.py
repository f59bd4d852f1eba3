"""Recordings as the page wants them: decoded once, played by any browser, evenly loud."""

import io
import os
import threading
from collections import OrderedDict

import numpy as np

from skal._soundfiles import open_sound
from skal._windows import Window
from skal.audio import read_audio
from skal.label.web.spectrogram import spectrogram_png

__all__ = ["SoundShelf", "loudness_gain", "playable_type", "wav_bytes"]

# What every browser plays as it is; all else is sent as WAV.
_PLAYABLE = {
    ("WAV", "PCM_16"): "audio/wav",
    ("WAV", "PCM_U8"): "audio/wav",
    ("FLAC", "PCM_16"): "audio/flac",
    ("FLAC", "PCM_24"): "audio/flac",
    ("MP3", "MPEG_LAYER_III"): "audio/mpeg",
}
_TARGET = 0.1  # loudness that clips are brought to, as root mean square: -20 dB of full scale
_PEAK = 0.97
_MAX_GAIN = 100.0


class SoundShelf:
    """Decoded clips and their pictures, the newest ones kept in memory.

    Safe to use from several threads.

    Parameters
    ----------
    max_bytes : int, default=100_000_000
        How much is kept: waveforms, pictures and sounds together.
    """

    def __init__(self, max_bytes=100_000_000):
        self.max_bytes = max_bytes
        self._kept = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def waveform(self, clip):
        """Return a clip as mono float32.

        Parameters
        ----------
        clip : ClipInfo
            The clip.

        Returns
        -------
        y : ndarray of shape (n_samples,), float32
            The waveform.
        sr : int
            Its sampling rate, in Hz.

        Raises
        ------
        AudioReadError
            If the file cannot be read, or is there no more.
        """
        window = _window(clip)
        return self._keep(
            ("waveform", *_version(clip)), lambda: read_audio(window), lambda made: made[0].nbytes
        )

    def picture(self, clip, **look):
        """Return the spectrogram of a clip.

        Parameters
        ----------
        clip : ClipInfo
            The clip.
        **look : dict
            Passed to `spectrogram_png`.

        Returns
        -------
        bytes
            A PNG image.

        Raises
        ------
        AudioReadError
            As `waveform`.
        """
        key = ("picture", *_version(clip), *sorted(look.items()))
        return self._keep(key, lambda: spectrogram_png(*self.waveform(clip), **look), len)

    def wav(self, clip):
        """Return a clip as a WAV file.

        Parameters
        ----------
        clip : ClipInfo
            The clip.

        Returns
        -------
        bytes

        Raises
        ------
        AudioReadError
            As `waveform`.
        """
        return self._keep(("wav", *_version(clip)), lambda: wav_bytes(*self.waveform(clip)), len)

    def _keep(self, key, make, size_of):
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key][0]
        # Made outside the lock: two people may wait for two clips. The same clip may be made
        # twice then, which costs time and nothing else.
        made = make()
        with self._lock:
            if key not in self._kept:
                self._kept[key] = (made, size_of(made))
                self._size += size_of(made)
            while self._size > self.max_bytes and self._kept:
                self._size -= self._kept.popitem(last=False)[1][1]
        return made


def playable_type(clip):
    """Return the media type of a clip whose file browsers play as it is.

    Parameters
    ----------
    clip : ClipInfo
        The clip.

    Returns
    -------
    str or None
        None for a part of a file, and for formats that not all browsers know.

    Raises
    ------
    AudioReadError
        If the file is no sound file, or is there no more.
    """
    with open_sound(clip.path) as file:
        kind = _PLAYABLE.get((file.format, file.subtype))
    return kind if clip.start is None and clip.end is None else None


def loudness_gain(y):
    """Return the factor that brings a clip to the loudness of the others.

    Parameters
    ----------
    y : ndarray of shape (n_samples,), float32
        The waveform.

    Returns
    -------
    float
        So that the root mean square is -20 dB of full scale, but no sample is clipped and
        noise in silence is not blown up.
    """
    loudness = float(np.sqrt(np.mean(np.square(y, dtype=float))))
    peak = float(np.abs(y).max())
    if peak == 0:
        return 1.0
    return min(_TARGET / loudness, _PEAK / peak, _MAX_GAIN)


def wav_bytes(y, sr):
    """Return a waveform as a WAV file of 16 bits.

    Parameters
    ----------
    y : ndarray of shape (n_samples,), float32
        The waveform.
    sr : int
        Its sampling rate, in Hz.

    Returns
    -------
    bytes
    """
    import soundfile

    stream = io.BytesIO()
    soundfile.write(stream, np.clip(y, -1, 1), sr, format="WAV", subtype="PCM_16")
    return stream.getvalue()


def _window(clip):
    return Window(clip.path, clip.start or 0.0, clip.end)


def _version(clip):
    """Return what changes when the sound does, or the file has gone."""
    try:
        status = os.stat(clip.path)
    except OSError:
        # Reading it says what is wrong, better than this could.
        return (clip.path, clip.start, clip.end, None, None)
    return (clip.path, clip.start, clip.end, status.st_mtime_ns, status.st_size)
