"""Text of label files: a single file, or the tables in a folder or archive."""

import re
import zipfile
import zlib
from pathlib import Path

from skal.label.formats.problems import LabelFileError, LabelProblem

__all__ = ["NOT_UTF8", "recording_of", "sources_of"]

NOT_UTF8 = "not UTF-8; save the file as UTF-8"
_TABLES = (".txt", ".csv", ".tsv")
# Suffixes that programs add to the name of the recording.
_ENDS = re.compile(
    r"(?:\.BirdNET(?:\.selection\.table|\.selections|\.results(?:\.\w+)?)?"
    r"|(?:\.Table\.\d+)?\.selections|\.Table\.\d+)?(?:\.txt|\.csv|\.tsv)\Z",
    re.IGNORECASE,
)
# More than any label file needs, and small enough for memory.
_LARGEST = 2**30


def recording_of(name):
    """Return the name of the recording that a table is named after."""
    return _ENDS.sub("", name)


def sources_of(path):
    """Yield name and text of each table; the name of a single file is None."""
    if path.is_dir():
        tables = [file for file in sorted(path.rglob("*")) if _is_table(file.name)]
        if not tables:
            reason = f"no tables in this folder; their names end in {', '.join(_TABLES)}"
            raise LabelFileError(path, [LabelProblem("folder", "files", reason)])
        for file in tables:
            yield file.relative_to(path).as_posix(), _decoded(path, file.read_bytes(), file.name)
    elif path.suffix.lower() == ".zip":
        yield from _in_archive(path)
    else:
        yield None, _decoded(path, path.read_bytes())


def _is_table(name):
    return name.lower().endswith(_TABLES) and not name.startswith(".")


def _in_archive(path):
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [
                entry for entry in archive.infolist() if _is_table(Path(entry.filename).name)
            ]
            if sum(entry.file_size for entry in entries) > _LARGEST:
                raise zipfile.BadZipFile("more than 1 GiB of text")
            for entry in entries:
                yield entry.filename, _decoded(path, archive.read(entry), entry.filename)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        reason = f"it cannot be read: {error}"
        raise LabelFileError(path, [LabelProblem("archive", "ZIP", reason)]) from error


def _decoded(path, content, name=None):
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        row = "row 1" if name is None else f"{name}, row 1"
        raise LabelFileError(path, [LabelProblem(row, "text", f"UTF-16, {NOT_UTF8}")])
    # File names may be any bytes; those that are not UTF-8 survive as surrogates.
    return content.decode("utf-8-sig", errors="surrogateescape")
