"""Open a project once at a time, and say plainly what stands in the way."""

import contextlib
import errno
import time

from skal._files import FolderHeldError, hold_folder
from skal.label.asking.records import ProjectError

__all__ = ["held", "plain_os_errors"]

# Seconds to wait for another process that is opening the same project.
_PATIENCE = 30
_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextlib.contextmanager
def plain_os_errors(folder):
    """Say what is wrong with a folder that cannot be used.

    Parameters
    ----------
    folder : pathlib.Path
        Folder of the project.

    Yields
    ------
    None

    Raises
    ------
    ProjectError
        In place of an OSError.
    """
    try:
        yield
    except OSError as error:
        full = error.errno in _FULL
        raise ProjectError(
            "disk_full" if full else "read_only",
            f"the project cannot be kept in {str(folder)!r}: {error.strerror or error}. "
            + ("Make room" if full else "Change its permissions, or name another (--project DIR)"),
        ) from error


@contextlib.contextmanager
def held(folder):
    """Keep others from opening a project at the same moment; wait for them a while.

    Parameters
    ----------
    folder : pathlib.Path
        Folder of the project.

    Yields
    ------
    None

    Raises
    ------
    ProjectError
        With code "locked" if somebody holds it for long.
    """
    with contextlib.ExitStack() as stack:
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                stack.enter_context(hold_folder(folder))
                break
            except FolderHeldError as error:
                if time.monotonic() > deadline:
                    raise ProjectError("locked", f"{error}: try again") from error
                time.sleep(0.05)
        yield
