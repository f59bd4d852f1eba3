"""The data base: whole transactions, on disk, with errors that people understand."""

import contextlib
import errno
import os
import shutil
import socket
import sqlite3
import struct
import subprocess
import threading
import time

import pytest
from sklearn.linear_model import LogisticRegression
from sqlalchemy import insert, select

from skal.label import LabelingProject, ProjectError
from skal.label.store import tables
from skal.label.store.database import Database
from tests.label.recordings import answer_next, train, write_tones


@pytest.fixture
def store(tmp_path):
    """Return an open store."""
    store = Database(tmp_path / "project.sqlite").open()
    yield store
    store.close()


def add_setting(connection, key, value=0):
    connection.execute(insert(tables.settings).values(key=key, value=value))


def keys(store):
    with store.read() as connection:
        return set(connection.execute(select(tables.settings.c.key)).scalars())


def test_tables_are_made_once(store, tmp_path):
    with store.write() as connection:
        add_setting(connection, "mine")
    again = Database(tmp_path / "project.sqlite").open()
    assert keys(again) == {"version", "mine"}
    again.close()


def test_every_commit_is_synced(store):
    with store.read() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_a_failed_transaction_leaves_nothing(store):
    with pytest.raises(ZeroDivisionError), store.write() as connection:
        add_setting(connection, "half")
        _ = 1 / 0
    assert keys(store) == {"version"}


def test_a_reader_sees_one_state(store):
    with store.read() as connection:
        before = connection.execute(select(tables.settings.c.key)).all()
        with store.write() as writing:
            add_setting(writing, "new")
        assert connection.execute(select(tables.settings.c.key)).all() == before
    assert "new" in keys(store)


def remove(folder):
    shutil.rmtree(folder)


def move_away(folder):
    folder.rename(folder.with_name("away"))


def replace_by_a_copy(folder):
    move_away(folder)
    shutil.copytree(folder.with_name("away"), folder)


def remove_the_log(folder):
    (folder / "project.sqlite-wal").unlink()


@pytest.mark.parametrize("harm", [remove, move_away, replace_by_a_copy, remove_the_log])
def test_no_answer_is_acknowledged_after_the_folder_is_gone(tones, truth, harm):
    with LabelingProject(tones, ["low", "high"]) as project:
        answer_next(project, "ann", truth, 3)
        question = project.next("ann")
        harm(tones / ".skal")
        with pytest.raises(ProjectError, match="was removed or replaced"):
            project.answer(question.question_id, "ann", "label", truth[question.name])
        with pytest.raises(ProjectError, match="was removed or replaced"):
            project.next("ann")


def test_a_write_that_ends_after_the_removal_is_refused(store, tmp_path):
    with pytest.raises(ProjectError, match="was removed or replaced"), store.write() as connection:
        add_setting(connection, "late")
        (tmp_path / "project.sqlite").unlink()


def test_a_folder_that_is_put_back_is_used_again(tones, truth):
    away = tones.parent / "away"
    with LabelingProject(tones, ["low", "high"]) as project:
        answer_next(project, "ann", truth, 3)
        (tones / ".skal").rename(away)
        with pytest.raises(ProjectError):
            project.next("ann")
        away.rename(tones / ".skal")
        answer_next(project, "ann", truth, 3)
        assert len(project.labels()) == 6


def test_a_file_system_without_locks_gets_the_right_advice(tones, monkeypatch):
    def flock(handle, how):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("skal._utils.files.atomic.fcntl.flock", flock)
    with pytest.raises(ProjectError, match=r"without locks .*--project DIR"):
        LabelingProject(tones, ["low", "high"]).open()


def test_writers_take_turns(store):
    def count_up():
        for _ in range(20):
            with store.write() as connection:
                (value,) = connection.execute(
                    select(tables.settings.c.value).where(tables.settings.c.key == "n")
                ).one()
                connection.execute(
                    tables.settings.update()
                    .where(tables.settings.c.key == "n")
                    .values(value=value + 1)
                )

    with store.write() as connection:
        add_setting(connection, "n", 0)
    threads = [threading.Thread(target=count_up) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as connection:
        query = select(tables.settings.c.value).where(tables.settings.c.key == "n")
        assert connection.execute(query).scalar() == 160


def test_another_version_is_refused(store, tmp_path):
    with store.write() as connection:
        connection.execute(tables.settings.update().values(value=99))
    with pytest.raises(ProjectError, match="another version") as caught:
        Database(tmp_path / "project.sqlite").open()
    assert caught.value.code == "store"


def test_a_file_that_is_no_data_base(tmp_path):
    (tmp_path / "project.sqlite").write_text("something else, and long enough to be read " * 50)
    with pytest.raises(ProjectError, match="not a database") as caught:
        Database(tmp_path / "project.sqlite").open()
    assert caught.value.code == "store"


@pytest.mark.parametrize("address", ["nonsense://x", "oracle+cx_oracle://u:secret@h/x", "://"])
def test_an_address_that_leads_nowhere(address):
    with pytest.raises(ProjectError, match="not the address") as caught:
        Database(address).open()
    assert "secret" not in str(caught.value)


def test_a_closed_store_says_so(tmp_path):
    with pytest.raises(ProjectError, match="closed"), Database(tmp_path / "x").read():
        pass


def test_a_held_data_base(store, tmp_path, monkeypatch):
    monkeypatch.setattr("skal.label.store.database._PATIENCE", 0.1)
    patient = Database(tmp_path / "project.sqlite").open()
    other = sqlite3.connect(tmp_path / "project.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(ProjectError, match="another process") as caught, patient.write():
        pass
    assert caught.value.code == "locked"
    other.execute("ROLLBACK")
    other.close()
    with patient.write() as connection:
        add_setting(connection, "after")
    patient.close()


@pytest.fixture
def small_disk(tmp_path):
    """Mount a disk of 1 MB in memory; only root may, and not everywhere."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_full_disk_loses_nothing(tmp_path, small_disk):
    truth = write_tones(tmp_path / "tones", 60)
    project = LabelingProject(tmp_path / "tones", ["low", "high"], folder=small_disk / "p").open()
    answer_next(project, "ann", truth, 5)
    question = project.next("ann")
    ballast = small_disk / "ballast"
    stat = os.statvfs(small_disk)
    ballast.write_bytes(bytes(stat.f_bavail * stat.f_bsize))
    confirmed = 5
    with pytest.raises(ProjectError, match="full") as caught:
        for i in range(200):  # what lies in the log of the data base already is free to use
            project.answer(question.question_id, "ann", "label", "low", 1.0, f"key {i}")
            confirmed += 1
            question = project.next("ann")
    assert caught.value.code == "disk_full"
    assert len(project.labels()) == confirmed
    ballast.unlink()
    receipt = project.answer(question.question_id, "ann", "label", "low", 1.0, "at last")
    assert not receipt.duplicate
    assert len(project.labels()) == confirmed + 1
    project.close()
    with LabelingProject(tmp_path / "tones", folder=small_disk / "p") as again:
        assert len(again.labels()) == confirmed + 1


def test_no_project_on_a_full_disk(tmp_path, small_disk):
    write_tones(tmp_path / "tones", 4)
    stat = os.statvfs(small_disk)
    (small_disk / "ballast").write_bytes(bytes(stat.f_bavail * stat.f_bsize))
    with pytest.raises(ProjectError) as caught:
        LabelingProject(tmp_path / "tones", folder=small_disk / "p").open()
    assert caught.value.code == "disk_full"
    (small_disk / "ballast").unlink()
    with LabelingProject(tmp_path / "tones", folder=small_disk / "p") as project:
        assert project.next("ann") is not None


def test_a_read_only_folder(tmp_path, small_disk):
    truth = write_tones(tmp_path / "tones", 10)
    project = LabelingProject(tmp_path / "tones", ["low", "high"], folder=small_disk / "p").open()
    answer_next(project, "ann", truth, 3)
    project.close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(ProjectError, match="--project DIR") as caught:
        project.open()
    assert caught.value.code == "read_only"
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    with project:
        assert len(project.labels()) == 3


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Run a PostgreSQL of our own, where there is one; return its address."""
    pytest.importorskip("psycopg")
    found = [shutil.which(name) for name in ("initdb", "postgres")]
    if not all(found):
        pytest.skip("no PostgreSQL here")
    folder = tmp_path_factory.mktemp("postgres")
    user = {"user": "nobody"} if os.geteuid() == 0 else {}
    if user:
        subprocess.run(["chown", "nobody", str(folder)], check=True)
        for parent in folder.parents[:3]:
            parent.chmod(0o755)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    made = subprocess.run(
        [found[0], "-D", folder / "data", "-U", "skal", "--auth=trust", "--no-sync"],
        capture_output=True,
        cwd="/",
        **user,
    )
    if made.returncode:
        pytest.skip(f"no PostgreSQL can be made here: {made.stderr[-200:]}")
    options = f"-c listen_addresses=127.0.0.1 -p {port} -k {folder} -c fsync=off"
    process = subprocess.Popen(
        [found[1], "-D", folder / "data", *options.split()],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        **user,
    )
    yield f"postgresql+psycopg://skal@127.0.0.1:{port}/postgres"
    process.terminate()
    process.wait()


def open_patiently(*args, **kwargs):
    for _ in range(100):
        try:
            return LabelingProject(*args, **kwargs).open()
        except ProjectError as error:
            assert error.code == "store"
            time.sleep(0.2)
    raise AssertionError("the server does not answer")


def test_a_team_may_use_a_server(server, tmp_path):
    truth = write_tones(tmp_path / "tones", 40)
    project = open_patiently(
        tmp_path / "tones", ["low", "high"], store=server, shared_share=0.5, n_instances=5
    )
    asked = {"ann": [], "bob": []}

    def label(person):
        asked[person] += answer_next(project, person, truth, 15, client=person)

    threads = [threading.Thread(target=label, args=(person,)) for person in asked]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(project.answers()) == 30
    assert {row.path: row.label for row in project.labels()}.items() <= truth.items()
    shared = {row.path for row in project.labels() if row.n_people == 2}
    assert shared == set(asked["ann"]) & set(asked["bob"])
    assert shared
    assert project.progress().agreement.cohen == 1
    project.undo("ann")
    assert len(project.answers()) == 31
    project.estimator = LogisticRegression()
    assert train(project) == 0
    assert project.next("ann", exclude=[project.next("ann").clip_id]).reason in ("chosen", "audit")
    project.close()


def test_a_file_that_lost_its_content_is_no_new_project(tmp_path):
    write_tones(tmp_path / "tones", 4)
    with LabelingProject(tmp_path / "tones", ["low", "high"]) as project:
        file = project.folder / "project.sqlite"
    file.write_bytes(b"")
    with pytest.raises(ProjectError, match=r"project\.sqlite is empty") as caught:
        LabelingProject(tmp_path / "tones", ["low", "high"]).open()
    assert caught.value.code == "store"
    assert file.read_bytes() == b""


def test_a_missing_file_is_no_new_project(tmp_path):
    file = tmp_path / "project.sqlite"
    Database(file).open().close()
    content = file.read_bytes()
    file.unlink()
    with pytest.raises(ProjectError, match=r"project\.sqlite is missing: its answers are lost"):
        Database(file).open()
    assert not file.exists()
    file.write_bytes(content)
    Database(file).open().close()


def test_a_new_file_is_never_empty(tmp_path, monkeypatch):
    sizes = []
    replace = os.replace

    def watched(source, target):
        if str(target).endswith(".sqlite"):
            sizes.append(os.path.getsize(source))
        replace(source, target)

    monkeypatch.setattr(os, "replace", watched)
    Database(tmp_path / "project.sqlite").open().close()
    assert len(sizes) == 1 and sizes[0] > 0
    assert {path.name for path in tmp_path.iterdir()} == {"project.sqlite", "project.sqlite.txt"}


def test_damage_that_the_driver_cannot_describe(tmp_path):
    file = tmp_path / "project.sqlite"
    Database(file).open().close()
    # The driver decodes SQLite's message, which quotes the damaged schema.
    content = file.read_bytes().replace(b"CREATE TABLE", b"CREATE T\xd4BLE")
    file.write_bytes(content)
    with pytest.raises(ProjectError, match=r"project\.sqlite.*(damaged|malformed)"):
        Database(file).open()


@pytest.mark.parametrize("changed", ["class", "path", "answer"])
def test_content_that_changed_on_the_disk_is_an_error(tones, truth, changed):
    with LabelingProject(tones, ["low", "high"]) as project:
        answer_next(project, "ann", truth, 5)
        file = project.folder / "project.sqlite"
    if changed == "answer":
        with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as connection:
            connection.execute("UPDATE answers SET class_id = 99 WHERE id = 1")
    else:
        # Once in the table and once in its index: one of them changes.
        was, now = {"class": (b"high", b"hihh"), "path": (b"0001.wav", b"0001.wev")}[changed]
        assert file.read_bytes().count(was) >= 2
        file.write_bytes(file.read_bytes().replace(was, now, 1))
    with pytest.raises(ProjectError, match=r"project\.sqlite is damaged"):
        LabelingProject(tones).open()


def test_the_time_of_an_answer_that_changed_on_the_disk(tones, truth):
    with LabelingProject(tones, ["low", "high"]) as project:
        answer_next(project, "ann", truth, 5)
        file = project.folder / "project.sqlite"
    with contextlib.closing(sqlite3.connect(file)) as connection:
        (at,) = connection.execute("SELECT at FROM answers WHERE id = 3").fetchone()
    content, was = file.read_bytes(), struct.pack(">d", at)
    places = [i for i in range(len(content)) if content[i : i + 8] == was]
    found = []
    for place in places:  # in the table, in its index, and perhaps in unused bytes
        file.write_bytes(content[:place] + struct.pack(">d", at + 1) + content[place + 8 :])
        try:
            LabelingProject(tones).open().close()
        except ProjectError as error:
            found.append(str(error))
    assert len(found) >= 2 and all("project.sqlite is damaged" in error for error in found)
