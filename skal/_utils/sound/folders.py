"""The files of a folder, in an order that does not depend on the machine."""

import os
from collections import Counter
from pathlib import Path

from skal._utils.sound.soundfiles import MEDIA_EXTENSIONS

__all__ = ["AUDIO_EXTENSIONS", "audio_files", "count_extensions", "existing_folder", "passed_over"]

# What needs PyAV is among them: where that is not installed, it is set aside by name.
AUDIO_EXTENSIONS = MEDIA_EXTENSIONS | frozenset(
    f".{name}"
    for name in (
        *("wav", "wave", "flac", "ogg", "oga", "opus", "mp3", "aif", "aiff", "aifc"),
        *("au", "snd", "caf", "w64", "rf64", "bw64", "bwf", "voc", "sph", "nist", "ircam"),
    )
)


def existing_folder(path):
    """Return a path as a Path to a folder that is there.

    Parameters
    ----------
    path : path-like
        The folder.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    FileNotFoundError
        If there is nothing of this name.
    NotADirectoryError
        If it is a file.
    """
    folder = Path(path)
    if folder.is_dir():
        return folder
    if folder.exists():
        raise NotADirectoryError(f"{str(folder)!r} is a file; name the folder that it is in")
    raise FileNotFoundError(f"there is no folder {str(folder)!r} (from {os.getcwd()!r})")


def audio_files(folder):
    """Return the sound files below a folder, by their names, and the other files.

    Nothing is opened. What is named like a sound file and is none (a link to nothing, a pipe, a
    folder without sounds in it) is among the sound files, and so is a folder that may not be
    read: reading it says what is wrong. Links to folders elsewhere are followed.

    Parameters
    ----------
    folder : path-like
        Where to look, also in the folders below.

    Returns
    -------
    sounds, others : list of str
        Paths below `folder`, sorted.

    Raises
    ------
    OSError
        If `folder` itself may not be read.
    """
    sounds, others, named_so, closed = [], [], [], []
    for place, folders, names in _walk(os.fspath(folder), closed):
        for name in names:
            # Hidden files are the work of file managers and recorders ("._x.wav" is no sound).
            if not name.startswith("."):
                (sounds if _sounds_like_audio(name) else others).append(os.path.join(place, name))
        named_so += [os.path.join(place, name) for name in folders if _sounds_like_audio(name)]
    empty = [path for path in named_so if not any(s.startswith(path + os.sep) for s in sounds)]
    sounds += set(empty) | set(closed)
    return sorted(sounds, key=_by_parts), sorted(others, key=_by_parts)


def count_extensions(others):
    """Count files by extension.

    Parameters
    ----------
    others : list of str
        Files that are not taken for recordings, as from `audio_files`.

    Returns
    -------
    dict of str to int
        Extensions in lower case with their dots ("" where there is none), most frequent first.
    """
    counts = Counter(os.path.splitext(name)[1].lower() for name in others)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def passed_over(counts):
    """Return a line that says how many files of which extension were passed over.

    Parameters
    ----------
    counts : dict of str to int
        As from `count_extensions`.

    Returns
    -------
    str or None
        None if there are none.
    """
    if not counts:
        return None
    named = ", ".join(f"{n} {extension or 'without one'}" for extension, n in counts.items())
    n_files = sum(counts.values())
    return f"passed over {n_files} files whose extension is not one of a recording: {named}"


def _walk(root, closed):
    """Walk as `os.walk`, also through links, into every folder once; note what is closed."""

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
    """Say whether to look into a folder: not twice, and not through a link from beside it."""
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
    # Part by part: "a/x" before "a b/x", on every system.
    return Path(path).parts
