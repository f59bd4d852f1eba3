"""Checks that parts in tables end within their recordings."""

from skal._utils.sound.broken import Broken
from skal._utils.sound.soundfiles import AudioReadError, audio_length

__all__ = ["within_recordings"]

# Many programs round times to two digits.
_TOLERANCE = 0.01


def within_recordings(rows, problems):
    """Return the rows that end within their recording."""
    # The last of equal windows may extend past the end, and is cut there.
    lengths, fitting, kept = {}, set(), []
    for where, row in rows:
        length = _length(row, where, lengths, problems)
        if length is not None and row["end"] <= length + _TOLERANCE:
            fitting.add(_duration(row))
    for where, row in rows:
        length = lengths.get(row["path"]) if "end" in row else None
        if "end" not in row or (length is not None and row["end"] <= length + _TOLERANCE):
            kept.append(row)
        elif length is not None and row.get("start", 0.0) >= length:
            _note(where, "starts", row["start"], length, problems)
        elif length is not None and _duration(row) in fitting:
            kept.append(row | {"end": length})
        elif length is not None:
            _note(where, "ends", row["end"], length, problems)
    return kept


def _length(row, where, lengths, problems):
    """Return the length of the recording of a part, or None; results are cached."""
    if "end" not in row:
        return None
    path = row["path"]
    if path not in lengths:
        try:
            lengths[path] = audio_length(path)
        except AudioReadError as error:
            problems.append(Broken(where, f"{path!r}: {error.reason}", error.advice))
            lengths[path] = None
    return lengths[path]


def _duration(row):
    return round(row["end"] - row.get("start", 0.0), 2)


def _note(where, what, time, length, problems):
    reason = f"it {what} at {time:g} s, but the recording ends at {length:g} s"
    problems.append(Broken(where, reason, "correct the row"))
