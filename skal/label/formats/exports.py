"""Write the labels of a project in one of the formats that people use elsewhere."""

import contextlib
import difflib
import os
from typing import NamedTuple

from skal._files import write_atomically
from skal.label.formats.audacity import write_audacity_files, write_audacity_zip
from skal.label.formats.label_studio import write_label_studio
from skal.label.formats.raven import write_raven
from skal.label.formats.tables import write_csv, write_jsonl

__all__ = ["EXPORT_FORMATS", "ExportFormat", "export_labels"]


class ExportFormat(NamedTuple):
    """A format that labels can be written in.

    Parameters
    ----------
    title : str
        Its name for people.
    extension : str
        How the names of its files end.
    media_type : str
        Its MIME type.
    """

    title: str
    extension: str
    media_type: str


#: The formats that `export_labels` writes, by the names that it knows them by.
EXPORT_FORMATS = {
    "csv": ExportFormat("CSV table", ".csv", "text/csv"),
    "jsonl": ExportFormat("JSON lines", ".jsonl", "application/x-ndjson"),
    "audacity": ExportFormat("Audacity labels", ".zip", "application/zip"),
    "raven": ExportFormat("Raven selection table", ".txt", "text/tab-separated-values"),
    "labelstudio": ExportFormat("Label Studio JSON", ".json", "application/json"),
}

_WRITERS = {
    "csv": write_csv,
    "jsonl": write_jsonl,
    "audacity": write_audacity_zip,
    "raven": write_raven,
    "labelstudio": write_label_studio,
}


def export_labels(rows, format, target, *, root="."):
    """Write labels to a file, a folder or a stream.

    ``"csv"`` and ``"jsonl"`` have every column of every row, also those of clips that were
    skipped or could not be told. ``"audacity"`` is a label file for each recording, in a folder
    or a ZIP archive; ``"raven"`` one selection table of all recordings, with their paths, which
    Raven opens with its sounds. These two have the clips with a label only. ``"labelstudio"`` is
    a task for each recording, annotated as a whole (``choices``) or in regions (``labels``).

    In CSV and Raven's tables, text that a spreadsheet would take for a formula has a ``'``
    before it, which `read_labels` takes away.

    Parameters
    ----------
    rows : iterable of LabelRow
        As from `LabelingProject.labels`.
    format : str
        A key of `EXPORT_FORMATS`.
    target : path-like or binary file object
        Where to. A path is written whole or not at all; for ``"audacity"`` it is a folder,
        unless it ends in ``.zip``.
    root : path-like, default="."
        Folder of the recordings, which paths are relative to. ``"audacity"`` and ``"raven"``
        read lengths and sampling rates there.

    Returns
    -------
    list of LabelProblem
        What the format had to leave out, such as the end of a recording that is gone.

    Raises
    ------
    ValueError
        If there is no such format, or a path leads out of `root`.
    """
    if format not in EXPORT_FORMATS:
        near = difflib.get_close_matches(str(format).lower(), EXPORT_FORMATS, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ValueError(f"no format {format!r}; {hint}allowed: {', '.join(EXPORT_FORMATS)}")
    rows, root = list(rows), os.fspath(root)
    is_path = isinstance(target, (str, os.PathLike))
    if format == "audacity" and is_path and not os.fspath(target).lower().endswith(".zip"):
        return write_audacity_files(rows, target, root)
    with write_atomically(target) if is_path else contextlib.nullcontext(target) as stream:
        return _WRITERS[format](rows, stream, root)
