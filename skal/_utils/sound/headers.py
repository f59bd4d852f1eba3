"""Lengths in the headers of containers, compared with the content."""

# libsndfile trusts the header. Headers are wrong after a power loss, if the file was written to a
# pipe, and if a 32-bit length wraps around. If header and content differ, libsndfile gets a
# :class:`View` of the file with a corrected header.

import struct
from typing import NamedTuple

from skal._utils.sound import streams
from skal._utils.sound.views import Source, View

__all__ = ["HeaderCheck", "examine"]

# Placeholder lengths of programs that cannot seek back: sox, arecord, ffmpeg, and others.
_UNKNOWN_32 = {0, *range(0x7FFFF000, 0x80000001), *range(0xFFFFF000, 0x100000000)}
_MPEG_IN_WAV = {0x50, 0x55}
# Padding or tags after the sound, outside any chunk.
_TAGS = (b"TAG", b"ID3", b"APETAGEX", b"3DI")


class HeaderCheck(NamedTuple):
    """The length of a file, according to its bytes."""

    # What libsndfile reads instead of the file; None if it reads the file itself correctly.
    view: View | None = None
    # Samples per channel that the header announces; None if it announces none.
    announced: int | None = None
    # Bytes of sound that the header announces, and bytes that there are.
    share: tuple | None = None
    counted: bool = False  # only decoding tells where the sound ends
    skip: int = 0  # samples that the view begins with and the file does not
    last_page: int | None = None  # where the last page of an Ogg stream begins, at the latest
    chained: bool = False  # the file may hold several consecutive recordings
    # Where the second recording begins, if the header of the first says where that ends.
    next_at: int | None = None


def examine(file, size):
    """Compare the header of a file with its content."""
    source = Source(file, size)
    beginning = source.read(0, 16)
    try:
        for known, look in _CONTAINERS.items():
            if beginning.startswith(known):
                found = look(source)
                return found._replace(chained=found.chained or found.next_at is not None)
        if streams.looks_like_mpeg(beginning):
            return HeaderCheck(**streams.examine_mpeg(source, 0, size))
    except (struct.error, KeyError, IndexError, OverflowError, ZeroDivisionError):
        pass  # not this format after all: libsndfile reports the error
    return HeaderCheck()


def _riff(source):
    size, order = source.size, ">" if source.read(0, 4) == b"RIFX" else "<"
    chunks = _Chunks(source, order + "4sI", 8, 2, 12, keep=(b"fmt ", b"ds64", b"fact"))
    data = chunks.find(b"data")
    if data is None or source.read(8, 4) != b"WAVE":
        return HeaderCheck()
    at, announced = data
    start, there = at + 8, size - at - 8
    magic, kept = source.read(0, 4), chunks.kept
    if magic in (b"RF64", b"BW64") and announced == 0xFFFFFFFF and b"ds64" in kept:
        (announced,) = struct.unpack_from("<Q", kept[b"ds64"], 8)
    announced, there = chunks.settle(start, announced, there, _UNKNOWN_32)
    (tag,) = struct.unpack_from(order + "H", kept[b"fmt "])
    if tag in _MPEG_IN_WAV:
        fact = struct.unpack_from(order + "I", kept.get(b"fact", bytes(4)))[0]
        found = streams.examine_mpeg(source, start, start + there)
        # The slice is a plain MPEG stream: its length requires decoding.
        found |= {"announced": None if fact in _UNKNOWN_32 else fact, "counted": True}
        found.setdefault("view", None)
        view = found.pop("view") or View(source, b"", start, start + there)
        return HeaderCheck(view, **found, next_at=chunks.next_at)
    if announced == there and magic != b"BW64":
        return HeaderCheck(next_at=chunks.next_at)
    view = _riff_view(source, order, at, there, kept)
    return HeaderCheck(view, share=(announced, there), next_at=chunks.next_at)


def _riff_view(source, order, at, there, kept):
    """Return a WAV file with the correct length in its header."""
    start, end = at + 8, at + 8 + there
    before = source.read(12, at - 12)
    if order == ">" or (source.read(0, 4) == b"RIFF" and end < 0xFFFFFFFF):
        sizes = [min(n, 0xFFFFFFFF) for n in (end - 8, there)]
        fields = [struct.pack(order + "I", n) for n in sizes]
        head = source.read(0, 4) + fields[0] + b"WAVE" + before + b"data" + fields[1]
        return View(source, head, start, end)
    (block,) = struct.unpack_from("<H", kept[b"fmt "], 12)
    if b"ds64" in kept:
        before = before[8 + len(kept[b"ds64"]) :]
    sizes = struct.pack("<QQQI", end + 28, there, there // max(1, block), 0)
    head = b"RF64" + b"\xff" * 4 + b"WAVEds64" + struct.pack("<I", len(sizes)) + sizes
    return View(source, head + before + b"data" + b"\xff" * 4, start, end)


def _aiff(source):
    chunks = _Chunks(source, ">4sI", 8, 2, 12, keep=(b"COMM",))
    data = chunks.find(b"SSND")
    if data is None or source.read(8, 4) not in (b"AIFF", b"AIFC"):
        return HeaderCheck()
    at, said = data
    (offset,) = struct.unpack(">I", source.read(at + 8, 4))
    start = at + 16
    unknown = _UNKNOWN_32 | {n - 8 for n in _UNKNOWN_32}
    announced, there = chunks.settle(start, said - 8, source.size - start, unknown)
    if b"COMM" not in chunks.kept:
        return HeaderCheck()
    comm_at, comm = chunks.places[b"COMM"], chunks.kept[b"COMM"]
    channels, frames, bits = struct.unpack_from(">hIh", comm)
    width = channels * ((bits + 7) // 8)
    plain = source.read(8, 4) == b"AIFF" or comm[18:22] in (b"NONE", b"sowt", b"twos", b"in24")
    n_frames = (there - offset) // width if plain and width else frames
    if frames in _UNKNOWN_32 or frames * width in _UNKNOWN_32:
        frames = 0
    differs = frames != n_frames
    if announced == there and not differs:
        return HeaderCheck(next_at=chunks.next_at)
    end = start + there
    head = bytearray(source.read(0, start))
    struct.pack_into(">I", head, 4, min(end - 8, 0xFFFFFFFF))
    struct.pack_into(">I", head, at + 4, min(there + 8, 0xFFFFFFFF))
    if comm_at < at:
        struct.pack_into(">I", head, comm_at + 10, min(n_frames, 0xFFFFFFFF))
    claim = (frames * width, n_frames * width) if differs and frames and width else None
    view = View(source, bytes(head), start, end)
    return HeaderCheck(view, share=claim or (announced, there), next_at=chunks.next_at)


def _caf(source):
    chunks = _Chunks(source, ">4sq", 12, 1, 8, keep=(b"desc",))
    data = chunks.find(b"data")
    if data is None:
        return HeaderCheck()
    at, said = data
    start = at + 16
    announced, there = chunks.settle(start, said - 4, source.size - start, {-5, -4})
    if announced == there and said > 0:
        return HeaderCheck(next_at=chunks.next_at)
    head = bytearray(source.read(0, start))
    struct.pack_into(">q", head, at + 4, there + 4)
    return HeaderCheck(View(source, bytes(head), start, start + there), share=(announced, there))


def _au(source):
    order = ">" if source.read(0, 4) == b".snd" else "<"
    start, announced = struct.unpack(order + "II", source.read(4, 8))
    there = source.size - start
    if announced in _UNKNOWN_32 and announced != there:
        announced = None
    if announced == there or there <= 0:
        return HeaderCheck()
    if announced is not None and source.read(start + announced, 4) == source.read(0, 4):
        return HeaderCheck(chained=True, next_at=start + announced)
    head = bytearray(source.read(0, start))
    struct.pack_into(order + "I", head, 8, min(there, 0xFFFFFFFF))
    return HeaderCheck(View(source, bytes(head), start, source.size), share=(announced, there))


def _w64(source):
    chunks = _Chunks(source, "<16sQ", 24, 8, 40, keep=(), counts_itself=True)
    data = chunks.find(b"data")
    if data is None:
        return HeaderCheck()
    at, said = data
    start = at + 24
    unknown = {0, -24, 2**63 - 1, 2**63 - 25, 2**64 - 1, 2**64 - 25}
    announced, there = chunks.settle(start, said, source.size - start, unknown)
    if announced == there:
        return HeaderCheck(next_at=chunks.next_at)
    head = bytearray(source.read(0, start))
    struct.pack_into("<Q", head, 16, start + there)
    struct.pack_into("<Q", head, at + 16, there + 24)
    return HeaderCheck(View(source, bytes(head), start, start + there), share=(announced, there))


def _flac(source):
    return HeaderCheck(**streams.examine_flac(source))


def _ogg(source):
    return HeaderCheck(**streams.examine_ogg(source))


_CONTAINERS = {
    b"RIFF": _riff,
    b"RIFX": _riff,
    b"RF64": _riff,
    b"BW64": _riff,
    b"FORM": _aiff,
    b"caff": _caf,
    b".snd": _au,
    b"dns.": _au,
    b"riff": _w64,
    b"fLaC": _flac,
    b"OggS": _ogg,
}


class _Chunks:
    """The chunks of a container: name, size, and content."""

    def __init__(self, source, layout, width, align, first, *, keep, counts_itself=False):
        self.source = source
        self.layout = layout
        self.width = width
        self.align = align
        self.first = first
        self.keep = keep
        self.counts_itself = counts_itself
        self.kept = {}
        self.places = {}
        self.next_at = None

    def find(self, name):
        """Return position and announced size of a chunk; remember the chunks on the way."""
        found, at = None, self.first
        while (chunk := self._chunk(at)) is not None:
            kind, length = chunk
            if kind[: len(name)] == name:
                found = at, length
                break
            if kind in self.keep:
                self.kept[kind] = self.source.read(at + self.width, min(length, 4096))
                self.places[kind] = at
            if length < 0:  # damaged: the next chunk would be this one or an earlier one
                break
            at = self._next(at, length)
        return found

    def settle(self, start, announced, there, unknown):
        """Return the number of announced bytes (None: unknown) and of actual bytes."""
        if announced == there:
            return announced, there
        if announced in unknown or announced < 0:
            # An empty recording is followed by other chunks or by nothing.
            if announced == 0 and (there == 0 or self._only_chunks(start)):
                return 0, 0
            return None, there
        if announced < there and self._follows(start + announced):
            return announced, announced
        if announced < there and self._only_chunks(start + announced):
            return announced, announced
        return announced, there

    def _follows(self, at):
        """Return whether another file of this kind follows the sound and its chunks."""
        at += -at % self.align
        beginning = self.source.read(0, min(16, self.width - 4))
        while len(head := self.source.read(at, self.width)) == self.width:
            if head.startswith(beginning):
                self.next_at = at
                return True
            kind, length = self._chunk(at)
            if not all(0x20 <= c < 0x7F for c in kind[:4]) or length < 0:
                return False
            at = self._next(at, length)
        return False

    def _chunk(self, at):
        head = self.source.read(at, self.width)
        if len(head) < self.width:
            return None
        kind, length = struct.unpack(self.layout, head)
        return kind, length - self.width if self.counts_itself else length

    def _next(self, at, length):
        at += self.width + length
        return at + -at % self.align

    def _only_chunks(self, at):
        """Return whether only chunks, tags or padding follow a position."""
        at += -at % self.align
        size, first = self.source.size, at
        while size - at >= self.width:
            beginning = self.source.read(at, 8)
            if beginning.startswith(_TAGS) or self.source.is_zero(at):
                return True
            kind, length = self._chunk(at)
            # Four letters and a plausible size occur in sound once in millions of samples.
            if not all(0x20 <= c < 0x7F for c in kind[:4]) or length < 0:
                return False
            if at + self.width + length > size and kind not in (b"LIST", b"id3 ", b"bext"):
                return False
            at = self._next(at, length)
        # The rest is too short for a chunk: padding, or the last samples.
        return at > first or size - at < 2 or self.source.is_zero(at)
