"""Raven's selection tables: tab-separated text, a selection a line.

The columns are those of Raven Pro's manual. One table may name many recordings: "Begin Path",
"Begin File" and "File Offset (s)" say where a selection lies in its file; "Begin Time (s)" and
"End Time (s)" count from the start of the first file, as if they had been opened one after the
other, which is how Raven opens such a table. With one recording the two are the same.
"""

import csv
import os

from skal.label.formats.cells import one_line, safe_cell, text_stream
from skal.label.formats.problems import LabelProblem
from skal.label.formats.spans import by_recording, measure

__all__ = ["write_raven"]

_COLUMNS = (
    *("Selection", "View", "Channel", "Begin Time (s)", "End Time (s)"),
    *("Low Freq (Hz)", "High Freq (Hz)", "Begin Path", "Begin File", "File Offset (s)"),
    "Annotation",
)


def write_raven(rows, stream, root):
    """Write one selection table of all recordings.

    Parameters
    ----------
    rows : list of LabelRow
        The labels.
    stream : binary file object
        Where to.
    root : str
        Folder of the recordings, where lengths and sampling rates are read: a selection spans
        all frequencies of its recording.

    Returns
    -------
    list of LabelProblem
        Recordings that cannot be read: without a length they have no place in the table.
    """
    problems = []
    with text_stream(stream, "replace") as text:
        # No cell has a tab or a line break, so that none needs quotes, which Raven would show.
        plain = {"lineterminator": "\n", "quoting": csv.QUOTE_NONE, "quotechar": None}
        writer = csv.writer(text, delimiter="\t", **plain)
        writer.writerow(_COLUMNS)
        for number, cells in enumerate(_selections(rows, root, problems), start=1):
            writer.writerow([number, *cells])
    return problems


def _selections(rows, root, problems):
    offset = 0.0
    for path, found in by_recording(rows).items():
        recording = measure(path, root)
        if isinstance(recording, LabelProblem):
            problems.append(recording)
            continue
        place = os.path.abspath(os.path.join(root, path))
        for row in found:
            yield _selection(row, recording, offset, place)
        offset += recording.length


def _selection(row, recording, offset, path):
    start = row.start or 0.0
    end = recording.length if row.end is None else min(row.end, recording.length)
    times = (f"{offset + start:.6f}", f"{offset + max(start, end):.6f}")
    place = [safe_cell(one_line(text)) for text in (path, os.path.basename(path))]
    span = ("0.0", f"{recording.sr / 2:.1f}")
    text = safe_cell(one_line(row.label))
    return ["Spectrogram 1", 1, *times, *span, *place, f"{start:.6f}", text]
