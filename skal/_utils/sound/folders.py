"""The files of a folder, in the same order on every machine."""

import os
from collections import Counter
from pathlib import Path

from skal._utils.sound.soundfiles import MEDIA_EXTENSIONS

__all__ = ["AUDIO_EXTENSIONS", "audio_files", "count_extensions", "existing_folder", "passed_over"]

# Includes formats that need PyAV; without PyAV these files are set aside by name.
AUDIO_EXTENSIONS = MEDIA_EXTENSIONS | frozenset(
    f".{name}"
    for name in (
        *("wav", "wave", "flac", "ogg", "oga", "opus", "mp3", "aif", "aiff", "aifc"),
        *("au", "snd", "caf", "w64", "rf64", "bw64", "bwf", "voc", "sph", "nist", "ircam"),
    )
)


def existing_folder(path):
    """Return the Path of an existing folder."""
    folder = Path(path)
    if folder.is_dir():
        return folder
    if folder.exists():
        raise NotADirectoryError(f"{str(folder)!r} is a file; name its folder")
    raise FileNotFoundError(f"there is no folder {str(folder)!r} (from {os.getcwd()!r})")


def audio_files(folder):
    """Return the sound files below a folder, by extension, and the other files."""
    # Does not open files. Dangling links, pipes, and unreadable or empty folders named like sound
    # files count as sound files, so that reading reports the problem. Links to folders elsewhere
    # are followed.
    sounds, others, named_so, closed = [], [], [], []
    for place, folders, names in _walk(os.fspath(folder), closed):
        for name in names:
            # Skip hidden files, which file managers and recorders create ("._x.wav" has no sound).
            if not name.startswith("."):
                (sounds if _sounds_like_audio(name) else others).append(os.path.join(place, name))
        named_so += [os.path.join(place, name) for name in folders if _sounds_like_audio(name)]
    empty = [path for path in named_so if not any(s.startswith(path + os.sep) for s in sounds)]
    sounds += set(empty) | set(closed)
    return sorted(sounds, key=_by_parts), sorted(others, key=_by_parts)


def count_extensions(others):
    """Count files by extension."""
    counts = Counter(os.path.splitext(name)[1].lower() for name in others)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def passed_over(counts):
    """Describe in a line how many files of which extension were skipped."""
    if not counts:
        return None
    named = ", ".join(f"{n} {extension or 'without one'}" for extension, n in counts.items())
    n_files = sum(counts.values())
    return f"skipped {n_files} files without the extension of a sound file: {named}"


def _walk(root, closed):
    """Walk like `os.walk`, following links, into every folder once; record unreadable folders."""

    def note(error):
        if error.filename == root:
            raise error
        closed.append(error.filename)

    home = os.path.realpath(root)
    seen = {home}
    for place, folders, names in os.walk(root, followlinks=True, onerror=note):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield place, list(folders), names
        folders[:] = [name for name in folders if _is_new(os.path.join(place, name), home, seen)]


def _is_new(path, home, seen):
    """Return whether to enter a folder: once, and not by a link to a place inside the tree."""
    target = os.path.realpath(path)
    if os.path.islink(path) and Path(target).is_relative_to(home):
        return False
    if target in seen:
        return False
    seen.add(target)
    return True


def _sounds_like_audio(name):
    return os.path.splitext(name)[1].lower() in AUDIO_EXTENSIONS


def _by_parts(path):
    # Compare paths part by part, so that "a/x" comes before "a b/x" on every system.
    return Path(path).parts
