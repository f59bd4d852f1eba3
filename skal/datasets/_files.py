"""The files of a folder, in an order that does not depend on the machine."""

import os
from pathlib import Path

__all__ = ["AUDIO_EXTENSIONS", "audio_files", "existing_folder"]

AUDIO_EXTENSIONS = frozenset(
    f".{name}"
    for name in (
        *("wav", "wave", "flac", "ogg", "oga", "opus", "mp3", "aif", "aiff", "aifc"),
        *("au", "snd", "caf", "w64", "rf64", "voc"),
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
    folder without sounds in it) is among the sound files: reading it says what is wrong.

    Parameters
    ----------
    folder : path-like
        Where to look, also in the folders below.

    Returns
    -------
    sounds, others : list of str
        Paths below `folder`, sorted.
    """
    sounds, others = [], []
    for place, folders, names in os.walk(folder):
        # Hidden files are the work of file managers and recorders ("._x.wav" is no sound).
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if not name.startswith("."):
                (sounds if _sounds_like_audio(name) else others).append(os.path.join(place, name))
        sounds += [
            os.path.join(place, name)
            for name in folders
            if _sounds_like_audio(name) and not os.listdir(os.path.join(place, name))
        ]
    return sorted(sounds, key=_by_parts), sorted(others, key=_by_parts)


def _sounds_like_audio(name):
    return os.path.splitext(name)[1].lower() in AUDIO_EXTENSIONS


def _by_parts(path):
    # Part by part: "a/x" before "a b/x", on every system.
    return Path(path).parts
