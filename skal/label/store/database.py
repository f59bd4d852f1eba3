"""The data base of a project: every change is on disk before anybody is told of it."""

import contextlib
import shutil
import threading
from pathlib import Path

from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from skal.label.asking.records import ProjectError
from skal.label.store import tables as schema

__all__ = ["ProjectStore"]

# Seconds that a process waits for another one to finish writing.
_PATIENCE = 30
# Held on servers while a transaction writes, as SQLite does by itself.
_ADVISORY_LOCK = 0x736B616C


class ProjectStore:
    """A data base with the tables of a project.

    Parameters
    ----------
    address : path-like or str
        A file of SQLite, or the address of a server as SQLAlchemy writes it, such as
        ``postgresql+psycopg://user@host/name``.
    """

    def __init__(self, address):
        self.address = address
        self._engine = None
        # Threads that wait for each other here get their turn at once; at SQLite's own lock
        # they would sleep and try again.
        self._turn = threading.Lock()

    @property
    def file(self):
        """Return the file of SQLite, None on a server."""
        return None if "://" in str(self.address) else Path(self.address)

    def open(self):
        """Connect, and make the tables where there are none.

        Returns
        -------
        ProjectStore
            The object itself.

        Raises
        ------
        ProjectError
            If the data base cannot be reached or is none of skal's.
        """
        if self._engine is not None:
            return self
        self._engine = _make_engine(self.address)
        with contextlib.ExitStack() as unfinished:
            unfinished.callback(self.close)
            with self.write() as connection:
                schema.metadata.create_all(connection)
                self._check_version(connection)
            unfinished.pop_all()
        return self

    def close(self):
        """Disconnect; what was committed stays."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    @property
    def is_new(self):
        """Tell whether nothing was ever stored here."""
        with self.read() as connection:
            query = schema.settings.select().where(schema.settings.c.key == "created")
            return connection.execute(query).first() is None

    @contextlib.contextmanager
    def read(self):
        """Open a transaction that sees one state of the project and changes nothing.

        Yields
        ------
        sqlalchemy.Connection
        """
        with _plain_errors(self.address), self._connected().connect() as connection:
            yield connection

    @contextlib.contextmanager
    def write(self):
        """Open a transaction; all of it is on disk when the block ends, or none of it.

        One transaction writes at a time, and sees what those before it have written.

        Yields
        ------
        sqlalchemy.Connection
        """
        with self._turn, _plain_errors(self.address):
            writing = self._connected().execution_options(skal_writes=True)
            with writing.begin() as connection:
                if connection.dialect.name == "postgresql":
                    lock = text("SELECT pg_advisory_xact_lock(:key)")
                    connection.execute(lock, {"key": _ADVISORY_LOCK})
                yield connection

    def _connected(self):
        if self._engine is None:
            raise ProjectError("no_such_project", "the project is closed: call open() first")
        return self._engine

    def _check_version(self, connection):
        settings = schema.settings
        found = connection.execute(settings.select().where(settings.c.key == "version")).first()
        if found is None:
            connection.execute(settings.insert().values(key="version", value=schema.VERSION))
        elif found.value != schema.VERSION:
            raise ProjectError(
                "store",
                f"{_hidden(self.address)} was made by another version of skal (its tables are of "
                f"version {found.value}, not {schema.VERSION}): export its labels there, import "
                "them here",
            )


def _make_engine(address):
    if "://" in str(address):
        try:
            url = make_url(str(address))
            engine = create_engine(url, pool_pre_ping=True)
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            raise ProjectError(
                "store",
                f"{_hidden(address)} is no address of a data base that can be used here "
                f"({error}). An example: postgresql+psycopg://user@host/name, after "
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


def _prepare_sqlite(connection, _record):
    # Transactions begin where we say so, not where the driver thinks that one is needed.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection):
    # IMMEDIATE: whoever will write waits for its turn before it reads.
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


def _explain(error, address):
    """Return what an error of the data base means for people."""
    place = _hidden(address)
    name = getattr(error.orig, "sqlite_errorname", "")
    said = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else name
    if name.startswith("SQLITE_FULL") or "No space left" in said or "disk full" in said.lower():
        return _disk_full(place)
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return ProjectError(
            "read_only",
            f"{place} cannot be written ({said}): change the permissions, or keep the project "
            "in another folder (--project DIR)",
        )
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return ProjectError(
            "locked", f"{place} is held by another process ({said}): end it, or try again"
        )
    if name.startswith("SQLITE_IOERR"):
        return _explain_io(place, said, name)
    return ProjectError("store", f"{place}: {said}. Nothing was written")


def _explain_io(place, said, name):
    """A file that could not grow is reported as a failed write on some file systems."""
    folder = Path(place).parent
    with contextlib.suppress(OSError):
        if shutil.disk_usage(folder).free < 2**20:
            return _disk_full(place)
    return ProjectError("store", f"{place}: {said} ({name}): is the disk still there?")


def _disk_full(place):
    return ProjectError(
        "disk_full",
        f"the disk of {place} is full: nothing was written. What was answered before is safe; "
        "make room and go on",
    )
