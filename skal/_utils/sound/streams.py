"""Lengths of framed streams (FLAC, MPEG, Ogg), by header and by last frame."""

import struct
from functools import cache

from skal._utils.sound.views import View

__all__ = ["examine_flac", "examine_mpeg", "examine_ogg", "looks_like_mpeg"]

# More frames than any file has, so that libsndfile reads until the stream ends.
_ENDLESS = 2**24
_TAIL = 2**16
# Number of places to check whether sample numbers rise through a file.
_LOOKS = 16
_DECODER_DELAY = 529
_MPEG_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def examine_flac(source):
    """Examine a FLAC file; return fields of `HeaderCheck`."""
    # The last frame gives the length. Searching for it from the end avoids decoding files with a
    # correct header.
    where = 4
    if source.read(where, 1)[0] & 0x7F != 0:
        return {}
    info = source.read(where + 4, 34)
    packed = int.from_bytes(info[10:18], "big")
    announced = packed & (2**36 - 1)
    largest = int.from_bytes(info[7:10], "big")
    block = int.from_bytes(info[0:2], "big")
    size = min(source.size, max(_TAIL, largest + 1024))
    if announced and _flac_ends_at(source.read(source.size - size, size), announced, block):
        return {"chained": not _rises(source, lambda piece: _flac_place(piece, announced, block))}
    unknown = (packed >> 36 << 36).to_bytes(8, "big")
    head = source.read(0, where + 14) + unknown
    view = View(source, head, len(head), source.size)
    return {"view": view, "announced": announced or None, "counted": True, "chained": True}


def _rises(source, place_in):
    """Return whether sample numbers increase through a file, checked at a few positions."""
    # If all recordings in a file have the same length, the last one ends where the header of the
    # first says. Small files are searched as a whole, so False is right for them.
    if source.size <= _LOOKS * _TAIL:
        return False
    last = -1
    for i in range(_LOOKS):
        place = place_in(source.read(source.size * (2 * i + 1) // (2 * _LOOKS), _TAIL))
        if place is not None and place <= last:
            return False
        last = last if place is None else place
    return True


def _flac_place(piece, announced, block):
    """Return the sample after the first frame in a piece, or None."""
    at = -1
    while (at := piece.find(b"\xff", at + 1)) >= 0:
        header = piece[at : at + 16]
        if len(header) == 16 and header[1] & 0xFE == 0xF8:
            end = _flac_end(header, block)
            if end is not None and end <= announced:
                return end
    return None


def _flac_ends_at(tail, announced, block):
    at = len(tail)
    while (at := tail.rfind(b"\xff", 0, at)) >= 0:
        header = tail[at : at + 16]
        if len(header) > 5 and header[1] & 0xFE == 0xF8:
            end = _flac_end(header, block)
            if end is not None and end >= announced:
                return end == announced  # the last frame comes first here
    return False


def _flac_end(header, block):
    """Return the end of a frame in samples, or None if the bytes are not a frame."""
    code, at, number = header[2] >> 4, 5, header[4]
    if number >= 0xC0:
        more = 7 - (number ^ 0xFF).bit_length()
        number &= 0x3F >> more
        for byte in header[5 : 5 + more]:
            number = number << 6 | byte & 0x3F
        at += more
    if code in (6, 7):
        length = int.from_bytes(header[at : at + code - 5], "big") + 1
        at += code - 5
    else:
        length = {0: 0, 1: 192}.get(code) or (576 << code - 2 if code < 6 else 256 << code - 8)
    at += {12: 1, 13: 2, 14: 2}.get(header[2] & 15, 0)
    if at >= len(header) or _crc8(header[:at]) != header[at]:
        return None
    return (number if header[1] & 1 else number * block) + length


@cache
def _crc8_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value << 1 ^ 0x07 if value & 0x80 else value << 1) & 0xFF
        table.append(value)
    return table


def _crc8(content):
    crc, table = 0, _crc8_table()
    for byte in content:
        crc = table[crc ^ byte]
    return crc


def looks_like_mpeg(beginning):
    """Return whether a file seems to begin with an MPEG frame or a tag."""
    return beginning[:3] == b"ID3" or _mpeg_frame(beginning[:4]) is not None


def examine_mpeg(source, start, end):
    """Examine an MPEG audio stream; return fields of `HeaderCheck`."""
    # Without an index in the first frame, libsndfile assumes that frame's bit rate for the whole
    # stream; with a wrong index, it stops too early. Both cases get an index that announces an
    # endless stream.
    first = _first_frame(source, start, end)
    if first is None:
        return {}
    at, header = first
    version, _, length = _mpeg_frame(header)
    side = 4 + ((17, 32) if version == 3 else (9, 17))[header[3] >> 6 != 3]
    index = source.read(at, min(length, 512))
    if index[side : side + 4] in (b"Xing", b"Info") and index[side + 7] & 1:
        (n_frames,) = struct.unpack_from(">I", index, side + 8)
        has_bytes = index[side + 7] & 2
        n_bytes = struct.unpack_from(">I", index, side + 12)[0] if has_bytes else 0
        if n_bytes and n_bytes == _without_tags(source, end) - at:
            return {}
        head = index[: side + 8] + struct.pack(">I", _ENDLESS) + index[side + 12 :]
        announced = n_frames * (1152 if version == 3 else 576) - _trimmed(index, side)
        view = View(source, head, at + len(index), end)
        return {"view": view, "announced": announced or None, "counted": True}
    head, skip = _index_frames(header)
    return {"view": View(source, head, at, end), "counted": True, "skip": skip}


def _first_frame(source, start, end):
    """Return position and header of the first MPEG frame."""
    head = source.read(start, 10)
    if head[:3] == b"ID3" and len(head) == 10:
        start += 10 + sum((b & 0x7F) << 7 * (3 - i) for i, b in enumerate(head[6:10]))
    content = source.read(start, min(end - start, _TAIL))
    at = -1
    while (at := content.find(b"\xff", at + 1)) >= 0:
        frame = _mpeg_frame(content[at : at + 4])
        if frame is None:
            continue
        following = content[at + frame[2] : at + frame[2] + 4]
        if len(following) < 4 or _mpeg_frame(following) is not None:
            return start + at, content[at : at + 4]
    return None


def _mpeg_frame(header):
    """Return version, rate and length of a layer III frame, or None if the bytes are not one."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return None
    version, rate = header[1] >> 3 & 3, header[2] >> 2 & 3
    bits = header[2] >> 4
    if version == 1 or rate == 3 or bits in (0, 15):
        return None
    hertz = _MPEG_RATES[version][rate]
    if version == 3:
        kilobits = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)[bits - 1]
        length = 144000 * kilobits // hertz
    else:
        kilobits = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)[bits - 1]
        length = 72000 * kilobits // hertz
    return version, hertz, length + (header[2] >> 1 & 1)


def _trimmed(index, side):
    """Return the numbers of samples that the encoder added at both ends, from the index."""
    flags, at = index[side + 7], side + 12
    at += 4 * (flags >> 1 & 1) + 100 * (flags >> 2 & 1) + 4 * (flags >> 3 & 1) + 21
    if len(index) < at + 3:
        return 0
    delays = int.from_bytes(index[at : at + 3], "big")
    return (delays >> 12) + (delays & 0xFFF)


def _index_frames(header):
    """Return index frames to put before a stream, and the number of samples they add."""
    # With an index, libmpg123 drops the samples of the decoder's delay. A silent frame compensates
    # for that; the rest of the frame is skipped.
    # At 80 or 128 kbit/s a frame is long enough for an index at every sampling rate. The first set
    # bit means that no checksum follows.
    header = bytes([0xFF, header[1] | 1, 0x90 | header[2] & 0x0C, header[3]])
    version, _, length = _mpeg_frame(header)
    side = ((17, 32) if version == 3 else (9, 17))[header[3] >> 6 != 3]
    index = header + bytes(side) + b"Info" + struct.pack(">II", 1, _ENDLESS)
    head = index + bytes(length - len(index)) + header + bytes(length - len(header))
    return head, (1152 if version == 3 else 576) - _DECODER_DELAY


def _without_tags(source, end):
    """Return the end of a stream, before the tags that players append."""
    if source.read(end - 128, 3) == b"TAG":
        end -= 128
    footer = source.read(end - 32, 32)
    if footer[:8] == b"APETAGEX":
        size, flags = struct.unpack_from("<I", footer, 12)[0], footer[23]
        end -= size + (32 if flags & 0x80 else 0)
    return end


def examine_ogg(source):
    """Examine an Ogg file; return fields of `HeaderCheck`."""
    size = min(source.size, 2 * _TAIL)
    tail = source.read(source.size - size, size)
    last = tail.rfind(b"OggS")
    serial = source.read(14, 4)
    differs = last >= 0 and tail[last + 14 : last + 18] != serial
    chained = differs or not _rises(source, lambda piece: _ogg_place(piece, serial))
    # A page header has the position of its last sample. libsndfile cannot seek within the last
    # page.
    before = tail.rfind(b"OggS", 0, max(0, last))
    granule = int.from_bytes(tail[before + 6 : before + 14], "little", signed=True)
    return {"last_page": max(0, granule) if before >= 0 else 0, "chained": chained}


def _ogg_place(piece, serial):
    """Return the first granule position of the stream `serial` in `piece`, or None."""
    at = -1
    while (at := piece.find(b"OggS", at + 1)) >= 0:
        granule = int.from_bytes(piece[at + 6 : at + 14], "little", signed=True)
        if piece[at + 14 : at + 18] == serial and granule > 0:
            return granule
    return None
