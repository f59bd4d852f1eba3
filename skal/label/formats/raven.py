"""Raven's selection tables: tab-separated text with a selection on each line."""

# The columns are those of Raven Pro's manual. A table may cover many recordings: "Begin Path",
# "Begin File" and "File Offset (s)" place a selection in its file. "Begin Time (s)" and "End Time
# (s)" count from the start of the first file, as if all files followed each other, because Raven
# opens them as a sequence.

import csv
import os

from skal._utils.files.delimited import one_line, safe_cell, text_stream
from skal.label.formats.format import Format
from skal.label.formats.problems import LabelProblem
from skal.label.formats.spans import by_recording, measure

__all__ = ["FORMAT"]

_COLUMNS = (
    *("Selection", "View", "Channel", "Begin Time (s)", "End Time (s)"),
    *("Low Freq (Hz)", "High Freq (Hz)", "Begin Path", "Begin File", "File Offset (s)"),
    "Annotation",
)


def _write(rows, stream, root):
    """Write one table; a selection spans all frequencies of its recording."""
    problems = []
    with text_stream(stream, "replace") as text:
        # Raven shows quotes, and no cell needs them: none has a tab or a line break.
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


FORMAT = Format(
    name="raven",
    title="Raven selection table",
    extension=".txt",
    media_type="text/tab-separated-values",
    help="one selection table of all recordings",
    write=_write,
    marks_sounds=True,
)
