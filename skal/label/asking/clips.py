"""The clips of a project: files or windows of files, with permanent numbers."""

import os
from pathlib import Path

import numpy as np
from sqlalchemy import delete, func, insert, literal, select, update

from skal._utils.sound.folders import audio_files, existing_folder
from skal._utils.sound.soundfiles import windows_of
from skal.label.asking.records import ClipInfo
from skal.label.asking.votes import is_settled
from skal.label.store import tables
from skal.label.store.project_error import ProjectError
from skal.label.store.tables import clips

__all__ = [
    "count_clips",
    "forget_clips",
    "have_answers",
    "list_problems",
    "list_sound_files",
    "open_clips",
    "read_clip",
    "set_aside",
    "update_clips",
    "usable_clips",
]

_GONE = "the file is no longer there"
_CHUNK = 20_000


def list_sound_files(root):
    """Return the sound files below a folder, relative to it, without opening them."""
    try:
        folder = existing_folder(root)
    except OSError as error:
        raise ProjectError("no_such_project", str(error)) from error
    sounds, others = audio_files(folder)
    if not sounds:
        raise ProjectError(
            "no_such_project",
            f"no recordings in {str(folder)!r} ({len(others)} other files): skal recognizes "
            "sound files by extension, such as .wav, .flac or .mp3",
        )
    skipped = len(str(folder).rstrip("/\\")) + 1
    return [sound[skipped:].replace(os.sep, "/") for sound in sounds]


def update_clips(store, root, *, window=None, hop=None, seed=0):
    """Append clips for new files, and set aside clips of missing files."""
    names = list_sound_files(root)
    there = {_storable(name) for name in names}
    with store.read() as connection:
        query = select(clips.c.path, func.min(clips.c.problem)).group_by(clips.c.path)
        known = dict(connection.execute(query).all())
    new = [name for name in names if _storable(name) not in known]
    gone = [path for path, problem in known.items() if path not in there and problem != _GONE]
    back = [path for path, problem in known.items() if path in there and problem == _GONE]
    # Read lengths of new recordings before the transaction, which makes other writers wait.
    rows = [row for name in new for row in _rows_of(Path(root), name, window, hop)]
    if rows or gone or back:
        with store.write() as connection:
            _set_problem(connection, gone, _GONE)
            _set_problem(connection, back, None)
            _insert(connection, rows, seed)


def have_answers(connection):
    """Return whether anyone has ever answered."""
    return connection.execute(select(tables.answers.c.id).limit(1)).first() is not None


def forget_clips(store):
    """Remove all clips and choices of a project that has no answers; return True."""
    with store.write() as connection:
        if have_answers(connection):
            raise ProjectError(
                "bad_settings", "somebody has answered in the meantime: run the command again"
            )
        for table in ("predictions", "queue", "questions", "rounds", "clips"):
            connection.execute(delete(tables.metadata.tables[table]))
    return True


def read_clip(connection, clip_id, root):
    """Return a ClipInfo."""
    row = connection.execute(select(clips).where(clips.c.id == clip_id)).first()
    if row is None:
        raise ProjectError("unknown_clip", f"there is no clip {clip_id}")
    if os.path.isabs(row.path) or ".." in Path(row.path).parts:
        # skal does not write such paths: a manipulated project could read other files.
        raise ProjectError("unknown_clip", f"{row.path!r} is outside the folder of recordings")
    return ClipInfo(row.id, str(root / row.path), row.path, row.start, row.end, row.problem)


def set_aside(connection, clip_id, problem):
    """Stop asking about an unreadable clip."""
    found = update(clips).where(clips.c.id == clip_id)
    connection.execute(found.values(problem=str(problem)[:500], open=False))


def list_problems(connection):
    """Return (name, problem) of the clips that are set aside, in order."""
    query = select(clips.c.path, clips.c.problem).where(clips.c.problem.is_not(None))
    return [tuple(row) for row in connection.execute(query.order_by(clips.c.id))]


def usable_clips(connection):
    """Return (id, path, start, end) of the clips that are not set aside, in order."""
    query = select(clips.c.id, clips.c.path, clips.c.start, clips.c.end)
    return connection.execute(query.where(clips.c.problem.is_(None)).order_by(clips.c.id)).all()


def open_clips(connection):
    """Return the numbers of the clips that no answer has settled, in order."""
    query = select(clips.c.id).where(clips.c.open).order_by(clips.c.id)
    return connection.execute(query).scalars().all()


def count_clips(connection):
    """Return how many clips there are, are set aside, and are still open."""
    counts = func.count(), func.count(clips.c.problem)
    n_all, n_problems = connection.execute(select(*counts).select_from(clips)).one()
    n_open = connection.execute(select(func.count()).where(clips.c.open)).scalar_one()
    return n_all, n_problems, n_open


def _set_problem(connection, paths, problem):
    is_open = literal(False) if problem else ~is_settled()
    for path in paths:
        connection.execute(
            update(clips).where(clips.c.path == path).values(problem=problem, open=is_open)
        )


def _insert(connection, rows, seed):
    first = connection.execute(select(func.count()).select_from(clips)).scalar_one()
    # Ranks are random; ties are harmless.
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
    if "\\" in name:
        # On Windows, and in tables from there, a backslash separates folders.
        return [row | {"problem": "its name has a backslash: rename it"}]
    if window is None:
        return [row]
    parts, broken = windows_of((str(root / name),), window, hop)
    if broken is not None:
        return [row | {"problem": broken.in_short}]
    return [row | {"start": part.start, "end": part.end} for part in parts]


def _storable(name):
    """Return a name that every database can store, with non-UTF-8 bytes escaped."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
