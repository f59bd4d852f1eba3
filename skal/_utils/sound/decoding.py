"""Decoding with libsndfile, and workarounds for its bugs."""

import os
import shutil
import tempfile
from functools import cache

import numpy as np

from skal._utils.sound.broken import AudioReadError
from skal._utils.sound.silenced_stderr import quiet_c

RECORD_AGAIN = (
    "copy it again from the recorder, or trim it to the readable part (with sox or ffmpeg)"
)
# Samples to decode at a time while skipping forward.
STEP = 2**18


class Libsndfile:
    """A file that libsndfile decodes."""

    announced = None
    slack = 0
    _spool = None

    def __init__(self, path, check):
        given = check.view
        if given is None:
            # Pass bytes: names may not be UTF-8, and soundfile would encode text as UTF-8.
            given = path if os.name == "nt" else os.fsencode(path)
        self._given, self._skip, self._at = given, check.skip, 0
        self._last_page = check.last_page
        self._view, self._counted = check.view, check.counted
        self._open()
        self.path = path
        self.samplerate = self._file.samplerate
        self.channels = self._file.channels
        self.frames = self._file.frames
        self.format, self.subtype = self._file.format, self._file.subtype
        self.trouble = None
        if self.format == "OGG":
            info = self._file.extra_info
            if "Junk after the last page" in info or "File ended unexpectedly" in info:
                self.trouble = "the Ogg stream is truncated; only its readable part was used"
        self._is_mpeg = self.subtype.startswith("MPEG")

    def seek(self, frame):
        """Go to a frame."""
        import soundfile

        if self.subtype == "VORBIS":
            # libsndfile 1.2 returns wrong samples after seeking in a file that was read before,
            # and after seeking into the last page.
            self._file.close()
            self._open()
            self._seek(min(frame, self._last_page or 0))
            self._skip_to(frame)
            return
        try:
            self._seek(frame)
        except soundfile.SoundFileError:
            # Streams of unknown length cannot seek near their end, and not at all after a failed
            # seek.
            self._open()
            self._skip_to(frame)

    def read(self, n_frames):
        """Read frames, as an array of shape (n_frames, channels); fewer at the end."""
        import soundfile

        try:
            if self._is_mpeg:
                with quiet_c():
                    block = self._read(n_frames)
            else:
                block = self._read(n_frames)
        except soundfile.SoundFileError as error:
            block = self._salvaged(n_frames, error)
        self._at += len(block)
        return block

    def close(self):
        """Close the file, and remove a temporary copy."""
        self._file.close()
        if self._view is not None:
            self._view.close()
        if self._spool is not None:
            self._spool.close()

    def _spooled(self):
        spool = tempfile.NamedTemporaryFile(suffix=".mp3")  # noqa: SIM115
        self._view.seek(0)
        shutil.copyfileobj(self._view, spool, 2**20)
        spool.flush()
        return spool

    def _skip_to(self, frame):
        while self._at < frame and len(self.read(min(frame - self._at, STEP))):
            pass

    def _open(self):
        if self._given is self._view and self._view is not None:
            self._view.seek(0)
        with quiet_c():
            try:
                self._file = _sound_file()(self._given)
            except libsndfile_errors():
                if self._view is None or not self._counted:
                    raise
                # libsndfile 1.2 fails to open MPEG from a view in some processes, because of an
                # uninitialized offset. It always opens the same bytes from a file.
                self._spool = self._spooled()
                self._given = self._spool.name
                self._file = _sound_file()(self._given)
            self._at = 0
            if self._skip:
                self._seek(0)

    def _seek(self, frame):
        import soundfile

        with quiet_c():
            soundfile.SoundFile.seek(self._file, frame + self._skip)
        self._at = frame

    def _read(self, n_frames):
        return self._file.read(n_frames, dtype="float32", always_2d=True)

    def _salvaged(self, n_frames, error):
        """Return the samples before a decoding error at the end of a file."""
        # libsndfile drops all samples of a call that ends in an error, so request smaller and
        # smaller pieces. An error before the end means that the file is broken.
        import soundfile

        cut = self._view is not None and self._view.at_end() and "lost sync" in str(error)
        parts, at = [], self._at
        while n_frames > 1:
            n_frames //= 2
            try:
                self._seek(at)
                parts.append(self._read(n_frames))
                at += len(parts[-1])
            except soundfile.SoundFileError:
                self._open()
        if not cut or at == 0:
            raise AudioReadError(
                self.path, f"broken after {at} samples ({plain(error)})", RECORD_AGAIN
            ) from error
        return np.concatenate(parts) if parts else np.empty((0, self.channels), np.float32)


@cache
def _sound_file():
    import soundfile

    class _SoundFile(soundfile.SoundFile):
        """A SoundFile without the seek after every read, which fails at the end of streams."""

        def seekable(self):
            return False

    return _SoundFile


@cache
def libsndfile_errors():
    """Return the errors of a file that libsndfile cannot open."""
    import soundfile

    # TypeError: files named .raw, which have no header to read a format from.
    return soundfile.SoundFileError, TypeError


def plain(error):
    """Return libsndfile's message without the path."""
    return str(error).rsplit(": ", 1)[-1].rstrip(".").replace("\n", " ")
