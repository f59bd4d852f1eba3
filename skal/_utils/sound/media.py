"""Reading with PyAV, for recordings that libsndfile cannot read, such as those of phones."""

import numpy as np

from skal._utils.sound.broken import AudioReadError

__all__ = ["INSTALL", "MediaSound", "has_media"]

INSTALL = (
    "install PyAV, which reads it (pip install 'skal-audio[media]'), or convert it to WAV or FLAC"
)
# Containers of recordings. FFmpeg supports many more, such as playlists, which could open other
# files.
_FORMATS = (
    "aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,au,avi,caf,dsf,eac3,flac,flv,matroska,webm,mov,mp3,mp4,"
    "mpeg,mpegts,mpc,mpc8,ogg,rm,tak,tta,voc,w64,wav,wv,xwma"
)


def has_media():
    """Return whether PyAV is installed."""
    try:
        import av  # noqa: F401
    except ImportError:
        return False
    return True


class MediaSound:
    """The first audio stream of a file, decoded from its start."""

    # Samples are counted while decoding, because timestamps are too coarse in many containers.
    # Seeking back restarts the decoder.

    trouble = None
    # Containers differ in how they count the samples that encoders add at both ends.
    slack = 8192

    def __init__(self, path):
        self.path = path
        self._file = open(path, "rb")  # noqa: SIM115
        try:
            self._start()
        except AudioReadError:
            self._file.close()
            raise

    def _start(self):
        import av

        self._file.seek(0)
        options = {"format_whitelist": _FORMATS, "protocol_whitelist": "file"}
        try:
            self._container = av.open(self._file, options=options, metadata_errors="replace")
        except (av.FFmpegError, ValueError) as error:
            raise AudioReadError(self.path, f"not a sound file ({_reason(error)})", "") from error
        if not self._container.streams.audio:
            raise AudioReadError(self.path, "it has no audio stream", "remove it")
        stream = self._container.streams.audio[0]
        # PyAV opens files whose header names no codec that it has, as damaged ones may.
        if stream.codec_context is None:
            reason = "damaged, or of a codec that PyAV does not have"
            raise AudioReadError(self.path, reason, "copy it again, or convert it to WAV or FLAC")
        self.samplerate, self.channels = stream.rate, stream.channels
        self.format, self.subtype = self._container.format.name, stream.codec_context.name
        if not self.samplerate or not self.channels:
            raise AudioReadError(self.path, "not a sound file (it has no sampling rate)", "")
        is_timed = stream.duration and stream.time_base
        seconds = float(stream.duration * stream.time_base) if is_timed else 0
        self.announced = round(seconds * self.samplerate) if seconds else None
        self._frames = self._container.decode(stream)
        self._rest = np.empty((0, self.channels), dtype=np.float32)
        self._at = 0

    def read(self, n_frames):
        """Return the next samples, float32 of shape (n, channels), fewer at the end."""
        parts, wanted = [], n_frames
        while wanted > 0:
            if len(self._rest) == 0:
                self._rest = self._decode()
                if self._rest is None:
                    self._rest = np.empty((0, self.channels), dtype=np.float32)
                    break
            parts.append(self._rest[:wanted])
            self._rest = self._rest[wanted:]
            wanted -= len(parts[-1])
        block = np.concatenate(parts) if parts else self._rest[:0]
        self._at += len(block)
        return block

    def seek(self, frame):
        """Go to a sample."""
        if frame < self._at:
            self._container.close()
            self._start()
        while self._at < frame and len(self.read(min(frame - self._at, 2**18))):
            pass

    def close(self):
        """Close the file."""
        self._container.close()
        self._file.close()

    def _decode(self):
        import av

        for _ in range(100):  # skip a few damaged packets, as players do
            try:
                frame = next(self._frames)
            except StopIteration:
                return None
            except av.FFmpegError as error:
                if isinstance(error, av.EOFError):
                    return None
                # The error has ended the generator.
                self._frames = self._container.decode(self._container.streams.audio[0])
                continue
            if frame.samples and len(frame.layout.channels) == self.channels:
                return self._as_float(frame)
        raise AudioReadError(self.path, f"broken after {self._at} samples", "copy it again")

    def _as_float(self, frame):
        try:
            values = frame.to_ndarray()
        except ValueError as error:
            reason = f"it has samples of format {frame.format.name!r}, which PyAV does not convert"
            raise AudioReadError(self.path, reason, "convert it to WAV or FLAC") from error
        return _scale(values.T if frame.format.is_planar else values.reshape(-1, self.channels))


def _scale(values):
    if values.dtype == np.uint8:
        values = values.astype(np.int16) - 128
        return values / np.float32(128)
    if values.dtype.kind == "i":
        return (values / -float(np.iinfo(values.dtype).min)).astype(np.float32)
    return np.ascontiguousarray(values, dtype=np.float32)


def _reason(error):
    return (getattr(error, "strerror", None) or str(error)).rstrip(".").replace("\n", " ")
