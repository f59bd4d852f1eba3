"""Match rows of label files to clips by path, start, and end."""

import math
import os
import posixpath
from typing import NamedTuple

from sqlalchemy import select

from skal._utils.sound.soundfiles import AudioReadError, audio_length
from skal.label.store.tables import clips

__all__ = ["TIME_TOLERANCE", "Match", "match_labels"]

# Many programs round times to two digits, and Raven's tables are sums of two such times.
TIME_TOLERANCE = 0.01


class Match(NamedTuple):
    """A label and its clip, or the reason that it has none."""

    label: object
    clip_id: int | None = None
    path: str | None = None  # of the clip
    by_name: bool = False
    reason: str | None = None


class _NoClipError(Exception):
    """Error: a label matches no clip of this project, with the reason."""


class _Clip(NamedTuple):
    id: int
    start: float | None
    end: float | None


def match_labels(connection, root, labels, *, window=None, hop=None):
    """Return a Match for each label."""
    finder = _Finder(connection, root, window, hop)
    return [finder.match(label) for label in labels]


class _Finder:
    """The clips of a project by path."""

    def __init__(self, connection, root, window, hop):
        self._root, self._window = root, window
        # Rounding must not match a label to the neighboring window.
        self._tolerance = min(TIME_TOLERANCE, (hop or window or 1.0) / 4)
        self._folders = {f"{place}/" for place in (root.as_posix(), root.resolve().as_posix())}
        self._by_path, self._by_name, self._by_stem = {}, {}, {}
        query = select(clips.c.path, clips.c.id, clips.c.start, clips.c.end)
        for path, *row in connection.execute(query.order_by(clips.c.id)):
            self._by_path.setdefault(path, []).append(_Clip(*row))
        for path in self._by_path:
            name = posixpath.basename(path)
            self._by_name.setdefault(name, []).append(path)
            self._by_stem.setdefault(posixpath.splitext(name)[0], []).append(path)

    def match(self, label):
        """Return the Match of a label."""
        try:
            path, by_name = self._find_path(os.fspath(label.path))
            clip = self._find_part(path, label.start, label.end)
        except _NoClipError as error:
            return Match(label, reason=str(error))
        return Match(label, clip.id, path, by_name)

    def _find_path(self, given):
        """Return the path of a recording, and whether it was found by its name alone."""
        for text in (given, given.strip()):
            spellings = [text, self._below_root(text.replace("\\", "/"))]
            for path in spellings:
                if path in self._by_path:
                    return path, False
        bare = given.strip()
        if posixpath.isabs(spellings[1]) or spellings[1].startswith("../"):
            raise _NoClipError("it is outside the folder of recordings of this project")
        if "/" in bare or "\\" in bare:
            raise _NoClipError("no recording of this project has this path")
        # Other programs drop the folder; label tracks also drop the extension.
        found = self._by_name.get(bare) or self._by_stem.get(bare, [])
        if len(found) > 1:
            raise _NoClipError(
                f"{len(found)} recordings have this name: {', '.join(found[:3])}"
                f"{', ...' if len(found) > 3 else ''}; give the path"
            )
        if not found:
            raise _NoClipError("no recording of this project has this name")
        return found[0], True

    def _below_root(self, path):
        for folder in self._folders:
            if path.startswith(folder):
                path = path[len(folder) :]
                break
        return posixpath.normpath(path)

    def _find_part(self, path, start, end):
        found = self._by_path[path]
        if found[0].start is None:
            self._check_whole(path, start, end)
            return found[0]
        if start is None or end is None:
            raise _NoClipError("the clips are windows here: start and end are missing")
        last = max(clip.end for clip in found)
        far = [self._distance(clip, start, end, clip.end == last) for clip in found]
        nearest = min(range(len(found)), key=far.__getitem__)
        if far[nearest] <= self._tolerance:
            return found[nearest]
        self._check_end(path, start, end)
        clip = found[nearest]
        raise _NoClipError(
            f"no window from {start:g} to {end:g} s; the nearest is {clip.start:g} to "
            f"{clip.end:g} s, and times may differ by {self._tolerance:g} s"
        )

    def _distance(self, clip, start, end, is_last):
        """Return the largest difference between the times, in s."""
        far = max(abs(clip.start - start), abs(clip.end - end))
        # The last window ends with the recording, but other programs write its full length.
        if is_last and self._window is not None and end > clip.end:
            full = abs(end - start - self._window)
            return min(far, max(abs(clip.start - start), full))
        return far

    def _check_whole(self, path, start, end):
        """Refuse a label of a part if the clip is the whole file."""
        if not start and end is None:
            return
        length = self._check_end(path, start or 0.0, end)
        off = max(start or 0.0, math.inf if end is None else length - end)
        if off <= self._tolerance:
            return
        to = "the end" if end is None else f"{end:g} s"
        raise _NoClipError(
            f"the clip is the whole recording of {length:g} s; a label of {start or 0.0:g} s to "
            f"{to} says nothing about the rest"
        )

    def _check_end(self, path, start, end):
        """Return the length of a recording, in s; refuse a label beyond its end."""
        try:
            length = audio_length(self._root / path)
        except AudioReadError as error:
            raise _NoClipError(error.broken.in_short) from error
        beyond = [
            f"{name} at {time:g} s"
            for name, time in (("starts", start), ("ends", end))
            if time is not None and time > length + self._tolerance
        ]
        if beyond:
            raise _NoClipError(f"it {beyond[0]}, but the recording ends at {length:g} s")
        return length
