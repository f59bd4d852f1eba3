"""Clips for the page, decoded once, in formats that every browser plays."""

import math
import os
import threading
from collections import OrderedDict

from skal._utils.sound.soundfiles import open_sound
from skal._utils.sound.windows import Window
from skal.audio import read_audio
from skal.label.playback import wav_bytes
from skal.label.web.spectrogram import spectrogram_png

__all__ = ["SoundShelf", "playable_type"]

_LOWEST_RATE = 8000
# Formats that every browser plays; other files are sent as WAV.
_PLAYABLE = {
    ("WAV", "PCM_16"): "audio/wav",
    ("WAV", "PCM_U8"): "audio/wav",
    ("FLAC", "PCM_16"): "audio/flac",
    ("FLAC", "PCM_24"): "audio/flac",
    ("MP3", "MPEG_LAYER_III"): "audio/mpeg",
}


class SoundShelf:
    """A thread-safe cache of decoded clips and their pictures."""

    def __init__(self, max_bytes=100_000_000):
        self.max_bytes = max_bytes
        self._kept = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def waveform(self, clip):
        """Return a clip as mono float32, and its sampling rate in Hz."""
        window = _window(clip)
        return self._keep(
            ("waveform", *_version(clip)), lambda: read_audio(window), lambda made: made[0].nbytes
        )

    def picture(self, clip, *, start=0.0, end=None, **look):
        """Return the spectrogram of a clip or a part of it, in s from its start."""
        key = ("picture", *_version(clip), start, end, *sorted(look.items(), key=str))
        return self._keep(key, lambda: spectrogram_png(*self._part(clip, start, end), **look), len)

    def _part(self, clip, start, end):
        if not start and end is None:
            return self.waveform(clip)
        # Read only the part: a long recording takes seconds to read and does not fit in the cache.
        first = (clip.start or 0.0) + start
        last = clip.end if end is None else (clip.start or 0.0) + end
        if clip.end is not None and last is not None:
            last = min(last, clip.end)
        return read_audio(Window(clip.path, first, last))

    def wav(self, clip, slow=1):
        """Return a clip as a WAV file, slowed down and lowered `slow` times."""

        def _make():
            y, sr = self.waveform(clip)
            # Browsers refuse rates below 3 kHz.
            up = max(1, math.ceil(_LOWEST_RATE * slow / sr)) if slow > 1 else 1
            if up > 1:
                from scipy.signal import resample_poly

                y = resample_poly(y, up, 1)
            return wav_bytes(y, round(sr * up / slow))

        return self._keep(("wav", slow, *_version(clip)), _make, len)

    def _keep(self, key, make, size_of):
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key][0]
        # Outside the lock, so that people do not wait for each other; at worst a clip is decoded
        # twice.
        made = make()
        with self._lock:
            if key not in self._kept:
                self._kept[key] = (made, size_of(made))
                self._size += size_of(made)
            while self._size > self.max_bytes and self._kept:
                self._size -= self._kept.popitem(last=False)[1][1]
        return made


def playable_type(clip):
    """Return the media type of a file that browsers can play, or None."""
    with open_sound(clip.path) as file:
        kind = _PLAYABLE.get((file.format, file.subtype))
    return kind if clip.start is None and clip.end is None else None


def _window(clip):
    return Window(clip.path, clip.start or 0.0, clip.end)


def _version(clip):
    """Return a key that changes with the file."""
    try:
        status = os.stat(clip.path)
    except OSError:
        # Reading the file reports the error.
        return (clip.path, clip.start, clip.end, None, None)
    return (clip.path, clip.start, clip.end, status.st_mtime_ns, status.st_size)
