"""Files that are always whole."""

import contextlib
import os
import tempfile
from pathlib import Path


@contextlib.contextmanager
def write_atomically(path):
    """Open a file that appears under its name only once it is complete and on disk.

    Parameters
    ----------
    path : path-like
        Where it is to be. A file that is there already is replaced, or left as it is if
        anything goes wrong.

    Yields
    ------
    file object
        Open for writing bytes.
    """
    path = Path(path)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    temporary = Path(temporary)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        os.replace(temporary, path)
        _sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _sync_folder(folder):
    """Make a rename last through a power loss, where the system lets folders be synced."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
