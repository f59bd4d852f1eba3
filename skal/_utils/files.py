"""Files that are always whole, and folders that one process at a time works in."""

import contextlib
import errno
import json
import os
import secrets
import socket
import stat
import time
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows has no flock: there, nobody is kept out.
    fcntl = None  # type: ignore[assignment]

_LOCK = ".lock"
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
_FULL = {errno.ENOSPC, errno.EFBIG, errno.EIO, getattr(errno, "EDQUOT", errno.ENOSPC)}


class FolderHeldError(OSError):
    """Another process works in a folder.

    Parameters
    ----------
    folder : path-like
        The folder.
    holder : str
        Who it is.
    """

    def __init__(self, folder, holder):
        self.holder = holder
        super().__init__(f"{folder} is held by {holder}")


class NoLocksError(OSError):
    """A folder lies in a file system without locks.

    Parameters
    ----------
    folder : path-like
        The folder.
    reason : str
        What the system said.
    """

    def __init__(self, folder, reason):
        super().__init__(
            f"{folder} lies in a file system without locks ({reason}), where two processes could "
            "write at once: keep it on a local disk, or mount the file system with locks"
        )


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
    temporary = path.with_name(f".{path.name[:40]}.{secrets.token_hex(8)}.tmp")
    with _named_in_errors(path, temporary):
        try:
            # Unlike a file of tempfile, this one has the permissions that the umask allows.
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
            with os.fdopen(os.open(temporary, flags, 0o666), "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileNotFoundError):
                temporary.chmod(stat.S_IMODE(path.stat().st_mode))
            os.replace(temporary, path)
            _sync_folder(path.parent)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def _named_in_errors(path, temporary):
    """Name a file in errors by the name that people know."""
    try:
        yield
    except OSError as error:
        is_ours = error.filename is not None and os.fspath(error.filename) == str(temporary)
        # The system names no file when a disk is full.
        if is_ours or (error.filename is None and error.errno in _FULL):
            error.filename, error.filename2 = str(path), None
        raise


def remove_leftovers(folder):
    """Remove the temporary files of a process that was killed while it wrote.

    Parameters
    ----------
    folder : path-like
        A folder in which nobody else is writing.
    """
    for path in Path(folder).glob(".*.tmp"):
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def hold_folder(folder):
    """Keep other processes out of a folder; those that ask the same way.

    The system drops the lock when the process ends, however it ends: that of a killed process
    is free for the next one.

    Parameters
    ----------
    folder : path-like
        The folder, which exists.

    Yields
    ------
    None

    Raises
    ------
    FolderHeldError
        If another process holds it; it says which, and where.
    NoLocksError
        If the file system has no locks.
    """
    path = Path(folder) / _LOCK
    handle = _open_lock(folder, path)
    try:
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps(_myself()).encode(), 0)
        yield
    finally:
        # Removed while it is still held: whoever waits at its name makes a new one.
        with contextlib.suppress(OSError):
            path.unlink()
        os.close(handle)


def _open_lock(folder, path):
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644)
        with contextlib.ExitStack() as unlocked:
            unlocked.callback(os.close, handle)
            try:
                lock(handle, folder, wait=False)
            except BlockingIOError:
                raise FolderHeldError(folder, _holder(handle)) from None
            # Its last holder may have removed it between the two calls above.
            if fcntl is None or _is_at(handle, path):
                unlocked.pop_all()
                return handle


def lock(handle, folder, *, wait=True):
    """Lock an open file until it is closed, where the system can.

    Parameters
    ----------
    handle : int
        The file.
    folder : path-like
        The folder that the lock is for.
    wait : bool, default=True
        Wait for whoever holds it.

    Raises
    ------
    BlockingIOError
        If another process holds it, and `wait` is False.
    NoLocksError
        If the file system has no locks.
    """
    if fcntl is None:
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError as error:
        if error.errno in _NO_LOCKS:
            raise NoLocksError(folder, error.strerror) from error
        raise


def _is_at(handle, path):
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False


def _myself():
    return {"pid": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%F %T")}


def _holder(handle):
    """Describe who wrote a lock file; that may be just about to happen."""
    try:
        found = json.loads(os.pread(handle, 1000, 0))
    except json.JSONDecodeError:
        return "another process"
    return f"process {found['pid']} on {found['host']}, since {found['since']}"


def _sync_folder(folder):
    """Make a rename last through a power loss, where the system lets folders be synced."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
