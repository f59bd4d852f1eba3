"""The lock for opening a project, and project errors for file errors."""

import contextlib
import errno
import time

from skal._utils.files.atomic import FolderHeldError, NoLocksError, hold_folder
from skal.label.store.project_error import ProjectError

__all__ = ["held", "plain_os_errors"]

# Seconds to wait while another process opens the same project.
_PATIENCE = 30
_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextlib.contextmanager
def plain_os_errors(folder):
    """Turn an OSError of the project folder into a ProjectError that says what to do."""
    try:
        yield
    except NoLocksError as error:
        raise ProjectError("store", f"{error} (--project DIR)") from error
    except OSError as error:
        full = error.errno in _FULL
        raise ProjectError(
            "disk_full" if full else "read_only",
            f"the project cannot be kept in {str(folder)!r}: {error.strerror or error}. "
            + ("Make room" if full else "Change its permissions, or name another (--project DIR)"),
        ) from error


@contextlib.contextmanager
def held(folder):
    """Lock the project against other processes; wait briefly if one is opening it now."""
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
