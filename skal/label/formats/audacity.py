"""Audacity's label tracks: one text file per recording, with a label on each line."""

# See "Importing and Exporting Labels" in Audacity's manual: UTF-8 with tabs, times in s with six
# decimals. A label with equal start and end is a point.

import zipfile
from pathlib import Path

from skal._utils.files.atomic import write_atomically
from skal._utils.files.delimited import one_line
from skal._utils.files.table_times import as_seconds
from skal.label.formats.format import Format
from skal.label.formats.problems import LabelProblem, LeftOut, check_span
from skal.label.formats.spans import by_recording, measure, relative_parts

__all__ = ["FORMAT", "is_track", "read_track"]

# The earliest time in ZIP. A fixed time makes archives of the same labels identical.
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)


def _write_files(rows, folder, root):
    """Write a label file for each recording, in the same subfolders."""
    problems = []
    for parts, text in _label_files(rows, root, problems):
        path = Path(folder, *parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        with write_atomically(path) as file:
            file.write(text)
    return problems


def _write_zip(rows, stream, root):
    """Write a ZIP archive of label files."""
    problems = []
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for parts, text in _label_files(rows, root, problems):
            name = "/".join(parts).encode("utf-8", "replace").decode()
            entry = zipfile.ZipInfo(name, _ZIP_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, text)
    return problems


def _label_files(rows, root, problems):
    """Yield the path, as parts, and the bytes of each label file."""
    for path, found in by_recording(rows).items():
        *folders, name = relative_parts(path, root)
        whole = any(row.end is None for row in found)
        length = _length(path, root, problems) if whole else None
        lines = []
        for row in found:
            start, end = row.start or 0.0, length if row.end is None else row.end
            lines.append(f"{start:.6f}\t{max(start, end):.6f}\t{one_line(row.label)}\n")
        # Keep the extension: x.wav and x.flac may be in the same folder.
        yield (*folders, f"{name}.txt"), "".join(lines).encode("utf-8", "replace")


def _length(path, root, problems):
    """Return the length in s, or 0 for an unreadable file: its label becomes a point."""
    found = measure(path, root)
    if isinstance(found, LabelProblem):
        problems.append(found)
        return 0.0
    return found.length


def is_track(content):
    """Return whether a text is a label track: times, and no header."""
    lines = (line for line in _lines(content) if line.strip())
    return _times(next(lines, "").split("\t")) is not None


def _lines(content):
    # Not splitlines(), which ends lines at characters that labels may have.
    return content.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _times(cells):
    try:
        return as_seconds(cells[0]), as_seconds(cells[1])
    except (IndexError, ValueError):
        return None


def read_track(content):
    """Yield the labels of a track; the path is None because the file name gives it."""
    # A line that begins with a backslash has the frequencies of the label before it.
    for number, line in enumerate(_lines(content), start=1):
        row, cells = f"row {number}", line.split("\t")
        if not line.strip() or cells[0].strip() == "\\":
            continue
        times = _times(cells)
        label = cells[2].strip() if len(cells) > 2 else ""
        # BirdNET writes its confidence behind the label.
        if times is None or (len(cells) > 3 and _times(["0", cells[3]]) is None) or len(cells) > 4:
            yield LabelProblem(
                row, "cells", "each line needs start, end (s), and a label, separated by tabs"
            )
        elif not label:
            yield LeftOut(row, "label", "empty")
        elif times[0] == times[1]:
            reason = f"a point at {times[0]:g} s, not a clip; give it an end"
            yield LeftOut(row, "end", reason)
        elif (wrong := check_span(*times)) is not None:
            yield LabelProblem(row, *wrong)
        else:
            yield row, None, *times, label


FORMAT = Format(
    name="audacity",
    title="Audacity labels",
    extension=".zip",
    media_type="application/zip",
    help="a label track for each recording",
    write=_write_zip,
    write_folder=_write_files,
    marks_sounds=True,
)
