"""Folders of recordings, with a subfolder for each class or a table of labels."""

import os
from numbers import Real
from pathlib import Path

from skal._utils.private import Interval, StrOptions, validate_params
from skal._utils.sound.folders import audio_files, count_extensions, existing_folder, passed_over
from skal._utils.sound.soundfiles import windows_of
from skal._utils.sound.windows import Window
from skal.datasets._bunch import make_bunch
from skal.datasets._problems import report_problems
from skal.datasets._table import read_table

__all__ = ["load_audio_folder"]


@validate_params(
    {
        "path": [str, os.PathLike],
        "labels": [str, os.PathLike, None],
        "window": [Interval(Real, 0, None, closed="neither"), None],
        "hop": [Interval(Real, 0, None, closed="neither"), None],
        "on_error": [StrOptions({"raise", "warn"})],
    },
    prefer_skip_nested_validation=True,
)
def load_audio_folder(path, labels=None, *, window=None, hop=None, on_error="raise"):
    """Load a folder of recordings.

    Without a table of labels, the folders in `path` are the classes (``path/rain/x.wav``, at any
    depth), and recordings in `path` itself have no class. Sound files are recognized by extension.
    Files are not opened, unless `window` needs their lengths.

    Parameters
    ----------
    path : path-like
        The folder.
    labels : path-like, default=None
        A CSV file with a header, or JSON lines, with ``path`` (in `path`) and ``label`` (empty:
        unknown), and optionally ``group`` (recording, speaker or place), ``fold``, ``split``
        (train, validation or test), ``start`` and ``end`` (s). Searched in `path`, then in the
        current folder.
    window : float, default=None
        Cut every recording into windows of this length in s, which are read on demand.
    hop : float, default=None
        Distance between window starts, in s; None: `window`.
    on_error : {"raise", "warn"}, default="raise"
        For wrong rows of the table and, with `window`, unreadable recordings: "raise" one error
        that lists all, or leave them out and "warn"; they are then in ``problems``.

    Returns
    -------
    sklearn.utils.Bunch
        ``paths`` (ndarray of str: files, or windows such as ``x.wav#t=60,64``), ``target``
        (ndarray of int, -1: unknown), ``target_names``, ``groups`` (from the table, else the
        recording), ``fold``, ``split``, ``start`` and ``end`` (s; each of these is None unless
        known for every clip), ``problems`` (list of Broken), ``extra`` (list of sound files that
        the table does not name) and ``passed_over`` (counts of other files by extension).

    Raises
    ------
    DatasetError
        If the table is wrong; the error lists all problems.
    FileNotFoundError
        If there is no such folder, no table or no recordings.
    ValueError
        If `hop` is given without `window`.

    See Also
    --------
    train_test_positions : Splits so that no recording is on both sides.
    skal.label.LabelingProject : Labels recordings that have no class yet.

    Examples
    --------
    Two classes as folders, one recording without a class, and windows of 2 s:

    >>> import tempfile
    >>> from pathlib import Path
    >>> import soundfile
    >>> from skal.datasets import load_audio_folder, make_sounds
    >>> sounds = make_sounds(3, 2, duration=4.0, random_state=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name, y in zip(["rain/a.wav", "wind/b.wav", "c.wav"], sounds.data, strict=True):
    ...         path = Path(folder) / name
    ...         path.parent.mkdir(exist_ok=True)
    ...         soundfile.write(path, y, sounds.sr)
    ...     data = load_audio_folder(folder, window=2.0)
    >>> [path.rpartition("/")[2] for path in data.paths]
    ['c.wav#t=0,2', 'c.wav#t=2,4', 'a.wav#t=0,2', 'a.wav#t=2,4', 'b.wav#t=0,2', 'b.wav#t=2,4']
    >>> data.target_names.tolist(), data.target.tolist()
    (['rain', 'wind'], [-1, -1, 0, 0, 1, 1])
    """
    if hop is not None and window is None:
        raise ValueError("hop= needs window=: give both, in s")
    folder = existing_folder(path)
    sounds, others = audio_files(folder)
    problems, extra = [], []
    if labels is None:
        rows = [_row_of(sound, folder) for sound in sounds]
    else:
        rows, problems = read_table(_table_path(folder, labels), folder)
        named = {os.path.abspath(row["path"]) for row in rows}
        extra = [sound for sound in sounds if os.path.abspath(sound) not in named]
    if window is not None:
        rows, unreadable = _in_windows(rows, window, window if hop is None else hop)
        problems = problems + unreadable
    report_problems(f"{len(problems)} problems in {str(folder)!r}:", problems, on_error)
    if not rows:
        told = passed_over(count_extensions(others)) or "it has no files"
        raise FileNotFoundError(f"no recordings in {str(folder)!r}: {told}")
    return _bunch_of(rows, problems, extra, count_extensions(others))


def _row_of(sound, folder):
    parts = Path(sound).relative_to(folder).parts
    return {"path": sound, "label": parts[0] if len(parts) > 1 else None}


def _table_path(folder, labels):
    for place in (folder / labels, Path(labels)):
        if place.is_file():
            return place
    raise FileNotFoundError(f"no table {os.fspath(labels)!r} in {str(folder)!r} or here")


def _in_windows(rows, window, hop):
    windowed, problems = [], []
    for row in rows:
        span = row["path"], row.get("start", 0.0), row.get("end")
        parts, broken = windows_of(span, window, hop)
        if broken is not None:
            problems.append(broken)
        windowed += [row | {"start": part.start, "end": part.end} for part in parts]
    return windowed, problems


def _bunch_of(rows, problems, extra, others):
    def column(name):
        return [row[name] for row in rows] if all(name in row for row in rows) else None

    return make_bunch(
        [row["label"] for row in rows],
        paths=[Window(row["path"], row.get("start", 0.0), row.get("end")) for row in rows],
        groups=[row.get("group", row["path"]) for row in rows],
        fold=column("fold"),
        split=column("split"),
        start=column("start"),
        end=column("end"),
        problems=problems,
        extra=extra,
        passed_over=others,
    )
