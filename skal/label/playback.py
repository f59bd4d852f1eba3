"""Playback: even loudness, WAV bytes, and terminal players."""

import contextlib
import io
import os
import shutil
import subprocess
import tempfile

import numpy as np

from skal._utils.sound.windows import Window
from skal.audio import read_audio

__all__ = ["Player", "find_player", "loudness_gain", "wav_bytes"]

_TARGET = 0.1  # root mean square of every clip: -20 dB of full scale
_PEAK = 0.97
_MAX_GAIN = 100.0
_PLAYERS = {
    "aplay": ["aplay", "-q"],
    "ffplay": ["ffplay", "-nodisp", "-autoexit", "-loglevel", "quiet"],
    "play": ["play", "-q"],
    "afplay": ["afplay"],
}
_MAX_SECONDS = 300  # seconds of a recording that are played


def loudness_gain(y):
    """Return the factor that makes a clip as loud as the others."""
    # The factor never clips a sample, and has a limit so that silence stays quiet.
    loudness = float(np.sqrt(np.mean(np.square(y, dtype=float))))
    peak = float(np.abs(y).max())
    if peak == 0:
        return 1.0
    return min(_TARGET / loudness, _PEAK / peak, _MAX_GAIN)


def wav_bytes(y, sr):
    """Return a waveform as a 16-bit WAV file."""
    import soundfile

    stream = io.BytesIO()
    soundfile.write(stream, np.clip(y, -1, 1), sr, format="WAV", subtype="PCM_16")
    return stream.getvalue()


def find_player():
    """Return the command of an installed player, to which a file name is added, or None."""
    return next((command for name, command in _PLAYERS.items() if shutil.which(name)), None)


class Player:
    """Plays one clip at a time in the background."""

    # The command gets a decoded WAV file, so it need not support the recording's format or file
    # name.

    def __init__(self, command):
        self.command = command
        self._process = None
        self._file = None

    def play(self, question):
        """Play the clip of a question from its beginning."""
        self.stop()
        start = question.start or 0.0
        end = start + min(question.duration or _MAX_SECONDS, _MAX_SECONDS)
        y, sr = read_audio(Window(question.path, start, end))
        handle, self._file = tempfile.mkstemp(suffix=".wav", prefix="skal-")
        with os.fdopen(handle, "wb") as file:
            file.write(wav_bytes(y * loudness_gain(y), sr))
        nothing = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
        self._process = subprocess.Popen(
            [*self.command, self._file], stderr=subprocess.DEVNULL, **nothing
        )

    def stop(self):
        """Stop playback."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None
        if self._file is not None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._file)
            self._file = None
