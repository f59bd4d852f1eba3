"""The clips of a project: files of a folder, or windows of them, numbered once for all."""

from pathlib import Path

import numpy as np
from sqlalchemy import func, insert, literal, select, update

from skal._soundfiles import AudioReadError, iter_windows
from skal._windows import Window
from skal.datasets._files import audio_files, existing_folder
from skal.label.asking.records import ProjectError
from skal.label.asking.votes import is_settled
from skal.label.store.tables import clips

__all__ = ["bring_up_to_date", "find_clips"]

_GONE = "the file is no longer there"
_CHUNK = 20_000


def find_clips(root):
    """Return the sound files of a folder, opening none of them.

    Parameters
    ----------
    root : path-like
        The folder; files and folders whose names begin with a dot are left out.

    Returns
    -------
    list of str
        Names below `root`, with "/" between folders, part by part in alphabetical order.

    Raises
    ------
    ProjectError
        If there is no such folder, or nothing in it sounds.
    """
    try:
        folder = existing_folder(root)
    except OSError as error:
        raise ProjectError("no_such_project", str(error)) from error
    sounds, others = audio_files(folder)
    if not sounds:
        raise ProjectError(
            "no_such_project",
            f"no recordings in {str(folder)!r} ({len(others)} other files): sound files are known "
            "by their extensions, such as .wav, .flac or .mp3",
        )
    skipped = len(str(folder).rstrip("/\\")) + 1
    return [sound[skipped:].replace("\\", "/") for sound in sounds]


def bring_up_to_date(store, root, *, window=None, hop=None, seed=0):
    """Add clips of new files at the end of the pool, and set aside those of files that are gone.

    Names are compared; no file that is known already is opened.

    Parameters
    ----------
    store : ProjectStore
        Open.
    root : path-like
        The folder of recordings.
    window, hop : float or None
        Length of a window and distance of their starts, in s; None: a file is a clip.
    seed : int
        Draws the random order.

    Returns
    -------
    n_new, n_gone : int
        Files that came and went since the last time.

    Raises
    ------
    ProjectError
        If there is no such folder, or nothing in it sounds.
    """
    names = find_clips(root)
    there = {_storable(name) for name in names}
    with store.read() as connection:
        query = select(clips.c.path, func.min(clips.c.problem)).group_by(clips.c.path)
        known = dict(connection.execute(query).all())
    new = [name for name in names if _storable(name) not in known]
    gone = [path for path, problem in known.items() if path not in there and problem != _GONE]
    back = [path for path, problem in known.items() if path in there and problem == _GONE]
    # Windows need the length of every new recording: read before anybody has to wait for us.
    rows = [row for name in new for row in _rows_of(Path(root), name, window, hop)]
    if rows or gone or back:
        with store.write() as connection:
            _set_problem(connection, gone, _GONE)
            _set_problem(connection, back, None)
            _insert(connection, rows, seed)
    return len(new), len(gone)


def _set_problem(connection, paths, problem):
    is_open = literal(False) if problem else ~is_settled()
    for path in paths:
        connection.execute(
            update(clips).where(clips.c.path == path).values(problem=problem, open=is_open)
        )


def _insert(connection, rows, seed):
    first = connection.execute(select(func.count()).select_from(clips)).scalar_one()
    # A number for each clip that says nothing about it; equal ones do no harm.
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(first,)))
    lots = rng.integers(2**31 - 1, size=len(rows)).tolist()
    for position, (row, lot) in enumerate(zip(rows, lots, strict=True)):
        row.update(id=first + position, lot=lot, open=row["problem"] is None)
    for start in range(0, len(rows), _CHUNK):
        connection.execute(insert(clips), rows[start : start + _CHUNK])


def _rows_of(root, name, window, hop):
    stored = _storable(name)
    row = {"path": stored, "start": None, "end": None, "problem": None}
    if stored != name:
        return [row | {"problem": "its name is not valid UTF-8: rename it"}]
    if window is None:
        return [row]
    try:
        parts = list(iter_windows(Window(str(root / name)), window, hop))
    except AudioReadError as error:
        return [row | {"problem": f"{error.reason}; {error.advice}"}]
    return [row | {"start": part.start, "end": part.end} for part in parts]


def _storable(name):
    """Return a name that any data base takes: bytes that are no text are written as \\xNN."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
