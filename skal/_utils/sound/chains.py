"""Files with several consecutive recordings, as ``cat`` and some recorders write them."""

from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from skal._utils.sound.broken import AudioReadError
from skal._utils.sound.decoding import STEP, Libsndfile, libsndfile_errors
from skal._utils.sound.headers import examine
from skal._utils.sound.views import Source, View

__all__ = ["ConcatenatedRecording", "split"]

_PIECE = 2**20
# First bytes of streams that do not say where they end.
_BEGINNINGS = {
    b"fLaC": (b"fLaC\x00\x00\x00\x22", b"fLaC\x80\x00\x00\x22"),
    b"OggS": (b"OggS\x00\x02", b"OggS\x00\x06"),
}


class _Part(NamedTuple):
    """A recording within a file."""

    start: int  # in bytes
    end: int  # in bytes
    frames: int  # samples per channel


class _Links(NamedTuple):
    """The recordings in a file."""

    parts: tuple  # the readable recordings, up to the first unreadable one
    n_all: int  # number of all recordings
    trouble: str | None  # why the recording after `parts` is not read


@lru_cache(maxsize=4096)
def split(path, size, changed):
    """Return the recordings in a version of a file, or None if there is only one."""
    with open(path, "rb") as file:
        places = _places(path, Source(file, size))
    if len(places) < 2:
        return None
    found, like = [], None
    for start, end in places:
        try:
            decoder, counted = _open(path, start, end)
        except (*libsndfile_errors(), AudioReadError):
            return _Links(tuple(found), len(places), "cannot be read") if found else None
        kind = decoder.samplerate, decoder.channels
        frames = _count(decoder) if counted else decoder.frames
        decoder.close()
        if like not in (None, kind):
            return _Links(tuple(found), len(places), "has another sampling rate or other channels")
        like = kind
        found.append(_Part(start, end, frames))
    return _Links(tuple(found), len(places), None)


def _places(path, source):
    """Return (start, end) of every recording, in bytes."""
    starts = [0]
    patterns = _BEGINNINGS.get(source.read(0, 4))
    if patterns is not None:
        starts = _starts(source, patterns)
    else:
        while (following := _next(path, starts[-1], source.size)) is not None:
            starts.append(following)
    return list(pairwise([*starts, source.size]))


def _next(path, at, size):
    """Return where the next recording begins according to the header of one, or None."""
    with open(path, "rb") as file:
        following = examine(View(Source(file, size), b"", at, size), size - at).next_at
    return None if following is None else at + following


def _starts(source, patterns):
    """Return where streams begin; interleaved Ogg streams count as one."""
    width, starts, last = len(patterns[0]), [], None
    for at in range(0, source.size, _PIECE):
        piece = source.read(at, _PIECE + width - 1)
        found = sorted(p for pattern in patterns for p in _all(piece, pattern))
        for place in (at + p for p in found):
            if last is None or place != _page_end(source, last):
                starts.append(place)
            last = place
    return starts


def _all(piece, pattern):
    at = -1
    while (at := piece.find(pattern, at + 1)) >= 0:
        yield at


def _page_end(source, at):
    """Return where the first page of an Ogg stream ends, or None for FLAC."""
    if source.read(at, 4) != b"OggS":
        return None
    n_segments = source.read(at + 26, 1)[0]
    return at + 27 + n_segments + sum(source.read(at + 27, n_segments))


def _open(path, start, end):
    """Open a recording within a file; also return whether only decoding reveals its length."""
    file = open(path, "rb")  # noqa: SIM115
    try:
        view = View(Source(file, end), b"", start, end)
        check = examine(view, end - start)
        given = check if check.view is not None else check._replace(view=view)
        return Libsndfile(path, given), check.counted
    except (*libsndfile_errors(), AudioReadError):
        file.close()
        raise


def _count(decoder):
    done = 0
    while n := len(decoder.read(STEP)):
        done += n
    return done


class ConcatenatedRecording:
    """The recordings that `split` found in a file, read as one."""

    announced = None
    slack = 0

    def __init__(self, path, links):
        self.path = path
        self._parts = links.parts
        self._bounds = np.cumsum([part.frames for part in links.parts]).tolist()
        self.frames = self._bounds[-1]
        n_read = len(links.parts)
        self.trouble = f"{links.n_all} consecutive recordings, which were all read"
        if links.trouble is not None:
            self.trouble = (
                f"{links.n_all} consecutive recordings, of which {n_read} were read: the "
                f"next one {links.trouble}"
            )
        self._decoder = None
        self._go(0)
        for name in ("samplerate", "channels", "format", "subtype"):
            setattr(self, name, getattr(self._decoder, name))

    def read(self, n_frames):
        """Read frames, as an array of shape (n_frames, channels); fewer at the end."""
        blocks = []
        while True:
            block = self._decoder.read(min(n_frames, self._parts[self._index].frames - self._at))
            blocks.append(block)
            self._at += len(block)
            n_frames -= len(block)
            if n_frames == 0 or self._index + 1 == len(self._parts):
                break
            self._go(self._index + 1)
        return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)

    def seek(self, frame):
        """Go to a frame."""
        index = int(np.searchsorted(self._bounds, frame, side="right"))
        index = min(index, len(self._parts) - 1)
        if index != self._index:
            self._go(index)
        self._at = frame - self._bounds[index] + self._parts[index].frames
        self._decoder.seek(self._at)

    def close(self):
        """Close the file."""
        self._decoder.close()

    def _go(self, index):
        """Go to the beginning of one of the recordings."""
        if self._decoder is not None:
            self._decoder.close()
        part = self._parts[index]
        self._decoder, _ = _open(self.path, part.start, part.end)
        self._index, self._at = index, 0
