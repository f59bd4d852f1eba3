"""Write labels to files, and read them from files."""

import contextlib
import difflib
import os
from pathlib import Path

from skal._files import write_atomically
from skal.label.asking.records import ImportedLabel
from skal.label.formats.format import find_formats
from skal.label.formats.problems import LabelFileError, LabelProblem

__all__ = ["FORMATS", "export_labels", "read_labels"]

FORMATS = find_formats()
_READERS = {end: format.read for format in FORMATS.values() for end in format.reads}
_ENCODING = "not UTF-8; save the file as UTF-8"


def export_labels(rows, format, target, *, root="."):
    """Write labels to a file, a folder or a stream.

    ``"csv"`` and ``"jsonl"`` have every column of every row, including clips that were skipped
    or answered without a label; the other formats have only clips with a label.
    ``"audacity"`` is a label file for each recording, in a folder or a ZIP archive. ``"raven"``
    is one selection table of all recordings, which Raven opens with its sounds.
    ``"labelstudio"`` is a task for each recording, annotated as a whole (``choices``) or in
    regions (``labels``).

    In CSV and Raven's tables, text that a spreadsheet would take for a formula has a ``'``
    before it, which `read_labels` removes.

    Parameters
    ----------
    rows : iterable of LabelRow
        As from `LabelingProject.labels`.
    format : str
        Name of the format.
    target : path-like or binary file object
        File to write to. A path is written as a whole or not at all. For ``"audacity"`` it is a
        folder, unless it ends in ``.zip``.
    root : path-like, default="."
        Folder of the recordings, which paths are relative to. ``"audacity"`` and ``"raven"``
        read lengths and sampling rates there.

    Returns
    -------
    list of LabelProblem
        What the format had to leave out, such as the end of a missing recording.

    Raises
    ------
    ValueError
        If there is no such format, or a path leads out of `root`.
    """
    if format not in FORMATS:
        near = difflib.get_close_matches(str(format).lower(), FORMATS, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ValueError(f"no format {format!r}; {hint}allowed: {', '.join(FORMATS)}")
    rows, root, chosen = list(rows), os.fspath(root), FORMATS[format]
    is_path = isinstance(target, (str, os.PathLike))
    is_folder = is_path and not os.fspath(target).lower().endswith(chosen.extension)
    if chosen.write_folder is not None and is_folder:
        return chosen.write_folder(rows, target, root)
    with write_atomically(target) if is_path else contextlib.nullcontext(target) as stream:
        return chosen.write(rows, stream, root)


def read_labels(path):
    """Read labels from a file.

    A CSV table needs the columns ``path`` and ``label`` and may have ``start`` and ``end``
    (s; empty: the whole recording), with commas, semicolons or tabs between cells. JSON lines
    have objects with the same keys. Both may come from `export_labels`: rows without a label
    are ignored. A JSON file is read as a list of tasks from Label Studio.

    Parameters
    ----------
    path : path-like
        The file: ``.csv``, ``.tsv``, ``.txt``, ``.jsonl``, ``.ndjson`` or ``.json``.

    Returns
    -------
    list of ImportedLabel
        Paths are as in the file; addresses of Label Studio become the paths that they stand
        for.

    Raises
    ------
    LabelFileError
        If anything is wrong. It lists every problem with its row and key, and nothing is taken.
    FileNotFoundError
        If there is no such file.
    """
    path = Path(path)
    content = _decoded(path)
    read = _READERS.get(path.suffix.lower(), FORMATS["csv"].read)
    labels, problems = {}, []
    for item in read(content):
        problem = item if isinstance(item, LabelProblem) else _add(labels, *item)
        if problem is not None:
            problems.append(problem)
    if problems:
        raise LabelFileError(path, problems)
    return [
        ImportedLabel(*clip, label, os.fspath(path), row) for clip, (label, row) in labels.items()
    ]


def _decoded(path):
    content = path.read_bytes()
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise LabelFileError(path, [LabelProblem("row 1", "text", f"UTF-16, {_ENCODING}")])
    # File names may be any bytes; those that are not UTF-8 survive as surrogates.
    return content.decode("utf-8-sig", errors="surrogateescape")


def _add(labels, row, path, start, end, label):
    """Add a label, or return its problem."""
    clip = (path, start, end)
    if not path:
        return LabelProblem(row, "path", "empty")
    if any("\ud800" <= character <= "\udfff" for character in label):
        return LabelProblem(row, "label", _ENCODING)
    before = labels.setdefault(clip, (label, row))
    if before[0] != label:
        reason = f"{label!r}, but {path!r} is {before[0]!r} in {before[1]}; keep one of them"
        return LabelProblem(row, "label", reason)
    return None
