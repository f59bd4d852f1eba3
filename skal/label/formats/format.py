"""Format: a file format of labels, and the list of all formats."""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Format", "find_formats"]


@dataclass(frozen=True)
class Format:
    """A file format of labels."""

    # `write(rows, stream, root)` writes each LabelRow to a binary stream and returns a list of
    # LabelProblem. `read(text)` yields (row, path, start, end, label) or a LabelProblem for files
    # with an extension in `reads`. `write_folder(rows, folder, root)` is for a format with a file
    # for each recording.

    name: str  # for the command line
    title: str  # for people
    extension: str
    media_type: str
    help: str
    write: Callable
    read: Callable | None = None
    reads: tuple = ()
    write_folder: Callable | None = None


def find_formats():
    """Return the FORMAT of each module in this folder, by name."""
    # Search for formats instead of listing them, so that a new format is one new file.
    modules = (
        importlib.import_module(info.name)
        for info in pkgutil.iter_modules([Path(__file__).parent], f"{__package__}.")
    )
    found = [module.FORMAT for module in modules if hasattr(module, "FORMAT")]
    return {format.name: format for format in found}
