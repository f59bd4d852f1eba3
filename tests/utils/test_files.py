"""Atomic writing of files, and locks on folders."""

import errno
import json
import multiprocessing
import os
import signal
import threading

import pytest

from skal._utils.files import atomic
from skal._utils.files.atomic import (
    FolderHeldError,
    NoLocksError,
    hold_folder,
    remove_leftovers,
    write_atomically,
)


def hold_until(folder, held, done):
    with hold_folder(folder):
        held.set()
        done.wait(60)


@pytest.fixture
def other(tmp_path):
    """Let another process hold a folder; returns the process and the event that ends it."""
    context = multiprocessing.get_context("fork")
    held, done = context.Event(), context.Event()
    process = context.Process(target=hold_until, args=(tmp_path, held, done))
    process.start()
    assert held.wait(60)
    yield process, done
    process.kill()
    process.join()


def test_a_held_folder_names_its_holder(tmp_path, other):
    process, done = other
    with (
        pytest.raises(FolderHeldError, match=rf"is held by process {process.pid} on \S+, since"),
        hold_folder(tmp_path),
    ):
        raise AssertionError("held by two")
    done.set()
    process.join(60)
    assert list(tmp_path.iterdir()) == []
    with hold_folder(tmp_path):
        assert json.loads((tmp_path / ".lock").read_text())["pid"] == os.getpid()


def test_the_lock_of_a_killed_process_is_taken_over(tmp_path, other):
    process, _ = other
    os.kill(process.pid, signal.SIGKILL)
    process.join(60)
    assert (tmp_path / ".lock").exists()
    with hold_folder(tmp_path):
        assert json.loads((tmp_path / ".lock").read_text())["pid"] == os.getpid()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP])
def test_a_file_system_without_locks_is_named(tmp_path, monkeypatch, code):
    def flock(handle, how):
        raise OSError(code, os.strerror(code))

    n_open = len(os.listdir("/proc/self/fd"))
    monkeypatch.setattr(atomic.fcntl, "flock", flock)
    with pytest.raises(NoLocksError, match=r"without locks .*local disk"), hold_folder(tmp_path):
        raise AssertionError("not locked")
    assert len(os.listdir("/proc/self/fd")) == n_open


def test_never_two_at_once(tmp_path):
    inside, most, turns = [], [], []

    def work():
        while len(turns) < 200:
            try:
                with hold_folder(tmp_path):
                    inside.append(1)
                    most.append(len(inside))
                    inside.pop()
                    turns.append(1)
            except FolderHeldError:
                continue

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1


def test_leftovers_of_a_killed_writer_go(tmp_path):
    (tmp_path / ".a.json.x1y2.tmp").write_text("half")
    (tmp_path / "a.json").write_text("whole")
    remove_leftovers(tmp_path)
    assert os.listdir(tmp_path) == ["a.json"]


def test_a_file_stays_as_it_was_if_writing_fails(tmp_path):
    with write_atomically(tmp_path / "a") as file:
        file.write(b"first")
    with pytest.raises(RuntimeError), write_atomically(tmp_path / "a") as file:
        file.write(b"second")
        raise RuntimeError
    assert (tmp_path / "a").read_bytes() == b"first"
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("umask", [0o022, 0o027, 0o077, 0o002])
def test_the_umask_is_respected(tmp_path, umask):
    before = os.umask(umask)
    try:
        with write_atomically(tmp_path / "x") as file:
            file.write(b"1")
        assert (tmp_path / "x").stat().st_mode & 0o777 == 0o666 & ~umask
        (tmp_path / "x").chmod(0o604)
        with write_atomically(tmp_path / "x") as file:
            file.write(b"2")
        assert (tmp_path / "x").stat().st_mode & 0o777 == 0o604
    finally:
        os.umask(before)


def full(file):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    ("name", "act"), [("no/x.csv", None), ("folder", None), ("x.csv", full), ("file/x", None)]
)
def test_errors_name_the_file_that_people_asked_for(tmp_path, name, act):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(OSError) as caught, write_atomically(tmp_path / name) as file:
        if act is not None:
            act(file)
    assert caught.value.filename == str(tmp_path / name)
    assert caught.value.filename2 is None and ".tmp" not in str(caught.value)
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


def test_errors_about_other_files_keep_their_names(tmp_path):
    with pytest.raises(FileNotFoundError) as caught, write_atomically(tmp_path / "x"):
        (tmp_path / "other").read_text()
    assert caught.value.filename == str(tmp_path / "other")
