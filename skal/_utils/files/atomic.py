"""Atomic writing of files, and locks on folders."""

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
except ImportError:  # Windows has no flock, so folders are not locked there.
    fcntl = None  # type: ignore[assignment]

_LOCK = ".lock"
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
_FULL = {errno.ENOSPC, errno.EFBIG, errno.EIO, getattr(errno, "EDQUOT", errno.ENOSPC)}


class FolderHeldError(OSError):
    """Another process holds a folder."""

    def __init__(self, folder, holder):
        self.holder = holder
        super().__init__(f"{folder} is held by {holder}")


class NoLocksError(OSError):
    """A folder is in a file system without locks."""

    def __init__(self, folder, reason):
        super().__init__(
            f"{folder} lies in a file system without locks ({reason}), where two processes could "
            "write at once: keep it on a local disk, or mount the file system with locks"
        )


@contextlib.contextmanager
def write_atomically(path):
    """Open a file that appears under its name only when it is complete and on disk."""
    path = Path(path)
    temporary = path.with_name(f".{path.name[:40]}.{secrets.token_hex(8)}.tmp")
    with _named_in_errors(path, temporary):
        try:
            # Not tempfile, whose files ignore the umask.
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
    """Name the target in errors, not the temporary file."""
    try:
        yield
    except OSError as error:
        is_ours = error.filename is not None and os.fspath(error.filename) == str(temporary)
        # The operating system names no file when a disk is full.
        if is_ours or (error.filename is None and error.errno in _FULL):
            error.filename, error.filename2 = str(path), None
        raise


def remove_leftovers(folder):
    """Remove temporary files of killed processes from a folder without other writers."""
    for path in Path(folder).glob(".*.tmp"):
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def hold_folder(folder):
    """Lock a folder against other processes that also call this function."""
    # The operating system releases the lock however the process ends, even if it is killed.
    path = Path(folder) / _LOCK
    handle = _open_lock(folder, path)
    try:
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps(_myself()).encode(), 0)
        yield
    finally:
        # Remove the file while holding the lock: waiting processes then create a new one.
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
            # The last holder may have removed the file between the two calls above.
            if fcntl is None or _is_at(handle, path):
                unlocked.pop_all()
                return handle


def lock(handle, folder, *, wait=True):
    """Lock an open file until it is closed, if the system supports it."""
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
    """Describe the holder of a lock file, which may not be written yet."""
    try:
        found = json.loads(os.pread(handle, 1000, 0))
    except json.JSONDecodeError:
        return "another process"
    return f"process {found['pid']} on {found['host']}, since {found['since']}"


def _sync_folder(folder):
    """Sync a folder, so that a rename survives a power loss."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
