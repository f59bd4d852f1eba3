"""The database of a project: changes are on disk before they are confirmed."""

import contextlib
import json
import os
import shutil
import threading
from pathlib import Path

from sqlalchemy import create_engine, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from skal._utils.files.atomic import NoLocksError, write_atomically
from skal.label.store import tables
from skal.label.store.migration import upgrade
from skal.label.store.project_error import ProjectError
from skal.label.store.settings import read_settings

__all__ = ["Database", "database_url"]

# Seconds to wait while another process writes.
_PATIENCE = 30
_MARK = (
    "The file of the same name without .txt holds all answers of this project. Copy it while skal "
    "label is stopped. This file tells skal that there was one, if it is missing.\n"
)
# Servers let several transactions write at once; this lock makes them take turns, as in SQLite.
_ADVISORY_LOCK = 0x736B616C
# SQLite's errors on file systems without locks or shared memory.
_NO_LOCKS = (
    *("SQLITE_PROTOCOL", "SQLITE_IOERR_LOCK", "SQLITE_IOERR_RDLOCK", "SQLITE_IOERR_UNLOCK"),
    *("SQLITE_IOERR_CHECKRESERVEDLOCK", "SQLITE_IOERR_SHM"),
)


class Database:
    """The database of a project: a SQLite file, or a server by SQLAlchemy address."""

    def __init__(self, address):
        self.address = address
        self._engine = None
        self._file, self._files, self._anchor = None, (), None
        # With this lock, threads take turns at once; at SQLite's own lock they sleep and poll.
        self._turn = threading.Lock()

    def open(self):
        """Connect, and create or upgrade the tables."""
        if self._engine is not None:
            return self
        self._engine = _make_engine(self.address)
        self._file = _sqlite_file(self._engine)
        if self._file is not None:
            _create_whole(self._file)
        with contextlib.ExitStack() as unfinished:
            unfinished.callback(self.close)
            with self.write() as connection:
                self._prepare_tables(connection)
            if self._file is not None:
                self._check_content()
                # SQLite removes its log with the last connection, so keep one connection open.
                self._anchor = self._engine.raw_connection()
            self._files = _identities(self._file)
            unfinished.pop_all()
        return self

    def close(self):
        """Disconnect; committed changes stay."""
        if self._anchor is not None:
            self._anchor.close()
        if self._engine is not None:
            self._engine.dispose()
        self._engine, self._files, self._anchor = None, (), None

    def check_place(self):
        """Raise an error if the file was removed or replaced: writes would be lost."""
        # The operating system allows writes to a removed file, and SQLite does not check.
        if self._files and _identities(self._file) != self._files:
            raise ProjectError(
                "store",
                f"{self._file} was removed or replaced while it was open: nothing can be stored "
                "there. Put its folder back, or stop skal and start it again",
            )

    @contextlib.contextmanager
    def read(self):
        """Open a read-only transaction that sees one state of the project."""
        self.check_place()
        with _plain_errors(self.address), self._connected().connect() as connection:
            yield connection

    @contextlib.contextmanager
    def write(self):
        """Open a transaction that is committed to disk as a whole, or not at all."""
        # One transaction writes at a time, and sees what earlier ones wrote.
        with self._turn, _plain_errors(self.address):
            self.check_place()
            writing = self._connected().execution_options(skal_writes=True)
            with writing.begin() as connection:
                if connection.dialect.name == "postgresql":
                    lock = text("SELECT pg_advisory_xact_lock(:key)")
                    connection.execute(lock, {"key": _ADVISORY_LOCK})
                yield connection
            # The change is on disk only after the commit.
            self.check_place()

    def _connected(self):
        if self._engine is None:
            raise ProjectError("no_such_project", "the project is closed: call open() first")
        return self._engine

    def _check_content(self):
        """Compare the tables with their indexes: SQLite keeps no checksums of its own."""
        with self.read() as connection:
            found = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar()
            strays = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
        if found != "ok" or strays is not None:
            reason = found if found != "ok" else f"a row of {strays[0]} belongs to nothing"
            raise ProjectError(
                "store",
                f"{self._file} is damaged ({reason.splitlines()[-1]}): put a copy in its place. "
                "Without one, sqlite3's command .recover saves what can still be read",
            )

    def _prepare_tables(self, connection):
        version = None
        if inspect(connection).has_table("settings"):
            version = read_settings(connection).get("version")
            if version is not None:
                version = upgrade(connection, version)
        if version not in (None, tables.VERSION):
            raise ProjectError(
                "store",
                f"{_hidden(self.address)} was made by another version of skal (its tables have "
                f"version {version}, not {tables.VERSION}): export its labels there, import "
                "them here",
            )
        if version is None:
            tables.metadata.create_all(connection)
            row = {"key": "version", "value": tables.VERSION}
            connection.execute(tables.settings.insert().values(row))


def database_url(given, folder):
    """Return the address of a project's database: the given one, or a file in its folder."""
    if given is None:
        return folder / "project.sqlite"
    if "://" not in str(given):
        raise ProjectError(
            "store",
            f"{given!r} is not the address of a database; an example is "
            "postgresql+psycopg://USER@HOST/NAME. For a folder, use --project",
        )
    return given


def _make_engine(address):
    if "://" in str(address):
        try:
            url = make_url(str(address))
            engine = create_engine(url, pool_pre_ping=True)
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            raise ProjectError(
                "store",
                f"{_hidden(address)} is not the address of a usable database "
                f"({error}). Example: postgresql+psycopg://user@host/name, after "
                "pip install 'psycopg[binary]'",
            ) from error
        if engine.dialect.name != "sqlite":
            return engine
    else:
        url = URL.create("sqlite", database=str(address))
    engine = create_engine(
        url, connect_args={"timeout": _PATIENCE}, pool_size=8, max_overflow=32, pool_timeout=60
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _sqlite_file(engine):
    """Return the file of a SQLite database, or None."""
    if engine.dialect.name != "sqlite" or engine.url.database in (None, "", ":memory:"):
        return None
    return engine.url.database


def _create_whole(file):
    """Create a database file that has a header from its first moment, or refuse a lost one."""
    # For SQLite an empty or missing file is a new database: a project that lost its file would
    # begin again without a word. The mark beside the file tells that there was one.
    mark = Path(f"{file}.txt")
    size = os.stat(file).st_size if os.path.exists(file) else None
    if size == 0 or (size is None and mark.exists()):
        raise ProjectError(
            "store",
            f"{file} is {'missing' if size is None else 'empty'}: its answers are lost. Put a "
            "copy in its place or, to begin again without labels, remove the folder "
            f"{mark.parent}",
        )
    if size is None:
        _create(file)
    if not mark.exists():
        with write_atomically(mark) as opened:
            opened.write(_MARK.encode())


def _create(file):
    fresh = f"{file}.new"
    engine = _make_engine(fresh)
    with _plain_errors(file), engine.connect():
        pass
    engine.dispose()
    os.replace(fresh, file)


def _identities(file):
    """Return the identities of a database file and its log, to detect replacement."""
    if file is None:
        return ()
    found = []
    for path in (file, f"{file}-wal"):
        try:
            status = os.stat(path)
        except OSError:
            found.append(None)
        else:
            found.append((status.st_dev, status.st_ino))
    return tuple(found)


def _prepare_sqlite(connection, _record):
    # Begin transactions here: the driver begins them only before a change.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection):
    # IMMEDIATE: a writer waits before it reads, so that what it read stays valid.
    writes = connection.get_execution_options().get("skal_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _hidden(address):
    """Return an address without its password."""
    if "://" not in str(address):
        return str(address)
    try:
        return make_url(str(address)).render_as_string(hide_password=True)
    except ArgumentError:
        return "the given address"


@contextlib.contextmanager
def _plain_errors(address):
    try:
        yield
    except DBAPIError as error:
        raise _explain(error, address) from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        # The driver decodes messages that quote damaged bytes; settings are stored as JSON.
        raise ProjectError(
            "store", f"{_hidden(address)} is damaged ({error}): put a copy in its place"
        ) from error


def _explain(error, address):
    """Turn a database error into a ProjectError that says what to do."""
    place = _hidden(address)
    name = getattr(error.orig, "sqlite_errorname", "")
    said = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else name
    if name.startswith("SQLITE_FULL") or "No space left" in said or "disk full" in said.lower():
        return _disk_full(place)
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return ProjectError(
            "read_only",
            f"{place} cannot be written ({said}): change its permissions, or keep the project in "
            "another folder (--project DIR)",
        )
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return ProjectError(
            "locked", f"another process holds {place} ({said}): end it, or try again"
        )
    if name.startswith(_NO_LOCKS):
        return ProjectError("store", f"{NoLocksError(place, said)} (--project DIR)")
    if name.startswith("SQLITE_IOERR"):
        return _explain_io(place, said, name)
    return ProjectError("store", f"{place}: {said}. Nothing was written")


def _explain_io(place, said, name):
    """Explain a failed write; some file systems report a full disk that way."""
    folder = Path(place).parent
    with contextlib.suppress(OSError):
        if shutil.disk_usage(folder).free < 2**20:
            return _disk_full(place)
    return ProjectError("store", f"{place}: {said} ({name}): is the disk still connected?")


def _disk_full(place):
    return ProjectError(
        "disk_full",
        f"the disk of {place} is full: nothing was written. Earlier answers are safe; make room "
        "and continue",
    )
