"""Write labels to files, and read them from files."""

import contextlib
import os
from pathlib import Path

from skal._utils.files.atomic import write_atomically
from skal._utils.hints import name_allowed
from skal.label.asking.records import ImportedLabel
from skal.label.formats.format import find_formats
from skal.label.formats.problems import LabelFileError, LabelProblem, LeftOut
from skal.label.formats.sources import NOT_UTF8, recording_of, sources_of

__all__ = ["FORMATS", "ImportedLabels", "export_labels", "read_labels"]

FORMATS = find_formats()
_READERS = {end: format.read for format in FORMATS.values() for end in format.reads}


def export_labels(rows, format, target, *, root="."):
    """Write labels to a file, a folder or a stream.

    ``"csv"`` and ``"jsonl"`` have every column of every row, including clips that were skipped or
    answered without a label; the other formats have only clips with a label. ``"audacity"`` writes
    one label file per recording, in a folder or a ZIP archive. ``"raven"`` writes one selection
    table for all recordings, which Raven opens with its sounds. Both mark sounds, so they leave
    out clips of the class for nothing of interest. ``"labelstudio"`` writes a task for each
    recording, annotated as a whole (``choices``) or in regions (``labels``).

    In CSV and Raven's tables, text that looks like a spreadsheet formula gets a leading ``'``,
    which `read_labels` removes.

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
        What the format could not express, such as the end of a missing recording.

    Raises
    ------
    ValueError
        If there is no such format, or a path leads out of `root`.

    See Also
    --------
    read_labels : Reads labels.
    LabelingProject.labels : The rows to write.

    Examples
    --------
    >>> import io
    >>> from tempfile import TemporaryDirectory
    >>> from skal.datasets.synthetic import make_sounds, write_sounds
    >>> from skal.label import LabelingProject, export_labels
    >>> folder, table = TemporaryDirectory(), io.BytesIO()
    >>> sounds = write_sounds(make_sounds(4, 1, random_state=0), folder.name)
    >>> with folder, LabelingProject(folder.name, ["dog"]) as project:
    ...     question = project.next("ann")
    ...     answered = project.answer(question.question_id, "ann", "label", "dog")
    ...     problems = export_labels(project.labels(), "csv", table)
    >>> header, row = table.getvalue().decode().splitlines()
    >>> header
    'path,start,end,label,kind,person,at,round,why'
    >>> problems
    []
    """
    if format not in FORMATS:
        raise ValueError(f"no format {format!r}; {name_allowed(format, FORMATS)}")
    rows, root, chosen = list(rows), os.fspath(root), FORMATS[format]
    silent = [row for row in rows if row.nothing] if chosen.marks_sounds else []
    if silent:
        reason = f"left out {len(silent)} clips with nothing of interest: {format} marks sounds"
        rows = [row for row in rows if not row.nothing]
        return [
            LabelProblem("labels", silent[0].label, reason),
            *export_labels(rows, format, target, root=root),
        ]
    is_path = isinstance(target, (str, os.PathLike))
    is_folder = is_path and not os.fspath(target).lower().endswith(chosen.extension)
    if chosen.write_folder is not None and is_folder:
        return chosen.write_folder(rows, target, root)
    with write_atomically(target) if is_path else contextlib.nullcontext(target) as stream:
        return chosen.write(rows, stream, root)


class ImportedLabels(list):
    """Labels of a file, each an ImportedLabel."""

    def __init__(self, labels=(), left_out=()):
        super().__init__(labels)
        self.left_out = list(left_out)


def read_labels(path):
    """Read labels from a file, or from a folder or ZIP archive of tables.

    A table needs the columns ``path`` and ``label`` and may have ``start`` and ``end`` (s;
    empty: the whole recording), with commas, semicolons or tabs between cells, after a line
    ``sep=;`` if there is one. Names of columns may differ in case, decimals may follow a
    comma, and blanks around cells do not count. JSON lines have objects with the same keys.
    Both may come from `export_labels`.

    The tables of Raven (with its annotation, common name or species), BirdNET (with common names),
    Kaleidoscope (with manual ids) and crowsetta (with times in s), and the label tracks of
    Audacity are known by their columns. Frequencies are not read. A table without paths is about
    the recording that it is named after, such as ``a.wav.txt`` or ``a.Table.1.selections.txt``. A
    JSON file is read as
    a list of tasks from Label Studio.

    Parameters
    ----------
    path : path-like
        The file: ``.csv``, ``.tsv``, ``.txt``, ``.jsonl``, ``.ndjson``, ``.json``, a folder
        with tables, or ``.zip``.

    Returns
    -------
    ImportedLabels
        A list of ImportedLabel; its ``left_out`` lists rows without a label. Paths are as in
        the file; addresses of Label Studio become the paths that they stand for.

    Raises
    ------
    LabelFileError
        If anything is wrong. It lists every problem with its row and key, and nothing is taken.
    FileNotFoundError
        If there is no such file.

    See Also
    --------
    export_labels : Writes labels.
    LabelingProject : Imports them.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skal.label import read_labels
    >>> table = '''path,start,end,label
    ... night.wav,0,2,wren
    ... night.wav,4,6,owl
    ... '''
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "labels.csv"
    ...     n_characters = path.write_text(table)
    ...     labels = read_labels(path)
    >>> labels[1].path, labels[1].start, labels[1].end, labels[1].label
    ('night.wav', 4.0, 6.0, 'owl')
    """
    path = Path(path)
    labels, problems, left_out, again = {}, [], [], []
    for name, content in sources_of(path):
        inside = "" if name is None else f"{name}, "
        own_name = recording_of(path.name if name is None else name)
        read = _READERS.get(Path(name or path.name).suffix.lower(), FORMATS["csv"].read)
        for item in read(content):
            if isinstance(item, LabelProblem):
                told = left_out if isinstance(item, LeftOut) else problems
                told.append(item._replace(row=inside + item.row))
                continue
            row, recording, *rest = item
            recording = own_name if recording is None else recording
            problem = _add(labels, inside + row, recording, *rest)
            told = again if isinstance(problem, LeftOut) else problems
            told += [] if problem is None else [problem]
    if problems:
        raise LabelFileError(path, problems)
    if again:
        rows = f"{len(again)} row{'s' * (len(again) > 1)}"
        reason = f"{again[0].row} {again[0].reason}{', and others' * (len(again) > 1)}"
        left_out.append(LeftOut(rows, "label", f"given twice, taken once: {reason}"))
    found = [
        ImportedLabel(*clip, label, os.fspath(path), row) for clip, (label, row) in labels.items()
    ]
    return ImportedLabels(found, left_out)


def _add(labels, row, path, start, end, label):
    """Add a label, or return its problem."""
    clip, label = (path, start, end), label.strip()
    if not path:
        return LabelProblem(row, "path", "empty")
    if any("\ud800" <= character <= "\udfff" for character in label):
        return LabelProblem(row, "label", NOT_UTF8)
    before = labels.setdefault(clip, (label, row))
    if before[0] != label:
        reason = f"{label!r}, but {path!r} is {before[0]!r} in {before[1]}; keep one of them"
        return LabelProblem(row, "label", reason)
    if before[1] != row:
        return LeftOut(row, "label", f"repeats {before[1]}")
    return None
