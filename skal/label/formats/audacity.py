"""Audacity's label tracks: a text file for each recording, ``start<TAB>end<TAB>label`` a line.

The format is described under "Importing and Exporting Labels" in Audacity's manual: times in s
with six decimals, UTF-8. A label that begins where it ends is a point.
"""

import zipfile
from pathlib import Path

from skal._files import write_atomically
from skal.label.formats.cells import one_line
from skal.label.formats.problems import LabelProblem
from skal.label.formats.spans import by_recording, measure, relative_parts

__all__ = ["write_audacity_files", "write_audacity_zip"]

# The earliest time that ZIP can write: archives of the same labels are the same bytes.
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)


def write_audacity_files(rows, folder, root):
    """Write a label file for each recording into a folder, below as the recordings are.

    Parameters
    ----------
    rows : list of LabelRow
        The labels.
    folder : path-like
        Made if it is not there.
    root : str
        Folder of the recordings.

    Returns
    -------
    list of LabelProblem
    """
    problems = []
    for parts, text in _label_files(rows, root, problems):
        path = Path(folder, *parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        with write_atomically(path) as file:
            file.write(text)
    return problems


def write_audacity_zip(rows, stream, root):
    """Write a ZIP archive of label files.

    Parameters
    ----------
    rows : list of LabelRow
        The labels.
    stream : binary file object
        Where to.
    root : str
        Folder of the recordings.

    Returns
    -------
    list of LabelProblem
    """
    problems = []
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for parts, text in _label_files(rows, root, problems):
            name = "/".join(parts).encode("utf-8", "replace").decode()
            entry = zipfile.ZipInfo(name, _ZIP_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, text)
    return problems


def _label_files(rows, root, problems):
    """Yield the parts of the name and the bytes of each label file."""
    for path, found in by_recording(rows).items():
        *folders, name = relative_parts(path, root)
        whole = any(row.end is None for row in found)
        length = _length(path, root, problems) if whole else None
        lines = []
        for row in found:
            start, end = row.start or 0.0, length if row.end is None else row.end
            lines.append(f"{start:.6f}\t{max(start, end):.6f}\t{one_line(row.label)}\n")
        # x.wav and x.flac may lie side by side: the whole name is kept.
        yield (*folders, f"{name}.txt"), "".join(lines).encode("utf-8", "replace")


def _length(path, root, problems):
    """Return the length in s, or 0, where there is nothing to measure: a point at the start."""
    found = measure(path, root)
    if isinstance(found, LabelProblem):
        problems.append(found)
        return 0.0
    return found.length
