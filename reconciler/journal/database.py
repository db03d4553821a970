"""The file of the journal, opened for each use, so that it may be deleted, replaced or shared at any time."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from types import UnionType
from typing import Any, Final

from reconciler.atomic_file import PRIVATE_MODE
from reconciler.model.history import UnreadableHistory

JOURNAL_FILE_NAME: Final = "journal.sqlite3"
SCHEMA_VERSION: Final = 8  # PRAGMA user_version; each table below the first has its own
LOCK_TIMEOUT: Final = 1.0  # seconds, while another process writes
MAX_PAGES: Final = 16_384  # of 4 KiB: 64 MiB
_DAMAGE_CODES: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_RECOVERY_CODES: Final = (sqlite3.SQLITE_READONLY_ROLLBACK, sqlite3.SQLITE_READONLY_RECOVERY)

_TABLES_SQL: Final = """
CREATE TABLE run (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    owner TEXT NOT NULL, began REAL NOT NULL, seconds REAL NOT NULL,  -- seconds since 1970, UTC; seconds
    mode TEXT NOT NULL, trigger TEXT NOT NULL, plan_hash TEXT NOT NULL, exit_code INTEGER NOT NULL
);
CREATE TABLE instance (
    run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE, name TEXT NOT NULL, status TEXT NOT NULL, error TEXT
);
CREATE INDEX instance_of_run ON instance (run);
CREATE TABLE action (
    run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE, instance TEXT NOT NULL, verb TEXT NOT NULL,
    kind TEXT NOT NULL, name TEXT NOT NULL, infohash TEXT, changes TEXT NOT NULL, outcome TEXT NOT NULL, error TEXT
);
CREATE INDEX action_of_run ON action (run);
CREATE TABLE owned (
    owner TEXT NOT NULL, instance TEXT NOT NULL, url TEXT NOT NULL, torrents INTEGER NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (owner, instance, url)
) WITHOUT ROWID;
CREATE TABLE contested (
    owner TEXT NOT NULL, instance TEXT NOT NULL, kind TEXT NOT NULL, item TEXT NOT NULL, field TEXT NOT NULL,
    until REAL NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (owner, instance, kind, item, field)
) WITHOUT ROWID
"""
_PLACEMENT_TABLES_SQL: Final = """
CREATE TABLE down (
    owner TEXT NOT NULL, instance TEXT NOT NULL, url TEXT NOT NULL, since REAL NOT NULL, reason TEXT NOT NULL,
    PRIMARY KEY (owner, instance)
) WITHOUT ROWID;
CREATE TABLE held (  -- ids: infohashes, one a line, deflated
    owner TEXT NOT NULL, instance TEXT NOT NULL, url TEXT NOT NULL, ids BLOB NOT NULL, PRIMARY KEY (owner, instance)
);
CREATE TABLE pending (
    owner TEXT NOT NULL, grp TEXT NOT NULL, infohash TEXT NOT NULL, name TEXT NOT NULL, reason TEXT NOT NULL,
    file TEXT NOT NULL, line INTEGER NOT NULL, col INTEGER NOT NULL, until REAL, since REAL NOT NULL,
    PRIMARY KEY (owner, grp, infohash)
) WITHOUT ROWID
"""
_UNTAGGED_TABLE_SQL: Final = """
CREATE TABLE untagged (  -- ids as in held; at: the last add
    owner TEXT NOT NULL, instance TEXT NOT NULL, url TEXT NOT NULL, ids BLOB NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (owner, instance, url)
)
"""
_LOGIN_TABLE_SQL: Final = """
CREATE TABLE login (  -- that was not accepted; digest: of the credentials, see `login_rows`
    url TEXT NOT NULL, salt BLOB NOT NULL, digest BLOB NOT NULL, failures INTEGER NOT NULL, refused INTEGER NOT NULL,
    at REAL NOT NULL
)
"""
_DECLARED_TABLE_SQL: Final = """
CREATE TABLE declared (  -- ids as in held; file: its absolute path
    owner TEXT NOT NULL, instance TEXT NOT NULL, url TEXT NOT NULL, file TEXT NOT NULL, ids BLOB NOT NULL,
    PRIMARY KEY (owner, instance, file)
)
"""
_DRIFT_TABLE_SQL: Final = """
CREATE TABLE drift (  -- found, remaining: changes, NULL if unknown; seen: the end of the last run that saw the same
    number INTEGER PRIMARY KEY AUTOINCREMENT, owner TEXT NOT NULL, instance TEXT NOT NULL,
    began REAL NOT NULL, ended REAL NOT NULL, found INTEGER, remaining INTEGER, seen REAL NOT NULL
);
CREATE INDEX drift_of_instance ON drift (owner, instance)
"""
_SUSPENDED_TABLE_SQL: Final = """
CREATE TABLE suspended (  -- by a person; until: seconds since 1970, UTC
    owner TEXT NOT NULL, instance TEXT NOT NULL, until REAL NOT NULL, PRIMARY KEY (owner, instance)
) WITHOUT ROWID
"""
_HELD_PATHS_TABLE_SQL: Final = f"""
CREATE TABLE held_paths (  -- paths: the path of each infohash as JSON, deflated
    owner TEXT NOT NULL, instance TEXT NOT NULL, url TEXT NOT NULL, paths BLOB NOT NULL, PRIMARY KEY (owner, instance)
);
PRAGMA user_version = {SCHEMA_VERSION}
"""
# Each from a `user_version` to the next.
MIGRATIONS: Final = (
    _TABLES_SQL,
    _PLACEMENT_TABLES_SQL,
    _UNTAGGED_TABLE_SQL,
    _LOGIN_TABLE_SQL,
    _DECLARED_TABLE_SQL,
    _DRIFT_TABLE_SQL,
    _SUSPENDED_TABLE_SQL,
    _HELD_PATHS_TABLE_SQL,
)


class JournalError(UnreadableHistory):
    """The journal cannot be used; the message says why and what to do. `damaged`: the file is corrupt."""

    def __init__(self, message: str, *, damaged: bool = False) -> None:
        super().__init__(message)
        self.damaged = damaged


def get_default_state_dir(environ: Mapping[str, str]) -> Path | None:
    """Return `$XDG_STATE_HOME/reconcile`, or `~/.local/state/reconcile`; None without a home directory."""
    state_home = environ.get("XDG_STATE_HOME", "")
    if state_home.startswith("/"):  # the XDG specification requires to ignore a relative path
        return Path(state_home) / "reconcile"
    home = environ.get("HOME", "")
    return Path(home) / ".local/state/reconcile" if home.startswith("/") else None


@contextmanager
def open_for_writing(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a transaction, committed unless the block raises. Create the file if needed. Raises `JournalError`."""
    with _translate_errors(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make_private(path)
        with closing(_connect(path, "rwc")) as connection:
            _prepare_schema(connection, path)
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")
            connection.execute("PRAGMA incremental_vacuum").fetchall()


@contextmanager
def open_for_reading(path: Path, min_version: int = 1) -> Iterator[sqlite3.Connection | None]:
    """Open a consistent view of the file; None if there is no file or its schema is older. Raises `JournalError`.

    A value that the block cannot use (wrong type, broken text, a time beyond all calendars) means a damaged file.
    """
    with _translate_errors(path), report_damaged_values(path):
        if not path.exists():
            yield None
            return
        with closing(_connect_for_reading(path)) as connection:
            version = _read_version(connection, path)
            connection.execute("BEGIN")
            yield connection if version >= min_version else None


@contextmanager
def report_damaged_values(path: Path) -> Iterator[None]:
    """Raise `JournalError` for an error of a block that reads values from the file: the values make no sense."""
    try:
        yield
    except (ValueError, OverflowError, zlib.error) as error:
        raise JournalError(
            f"the journal {path} is damaged (it contains values that make no sense). It is safe to delete", damaged=True
        ) from error


def read_rows(
    connection: sqlite3.Connection,
    query: str,
    parameters: Sequence[object] | Mapping[str, object],
    *types: type | UnionType,
) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a query. Raises `ValueError` if a column has another type; `object` allows any.

    SQLite takes any value in any column.
    """
    for row in connection.execute(query, parameters):
        if not all(map(isinstance, row, types)):
            raise ValueError("a value has the wrong type")
        yield row


def compress_ids(ids: frozenset[str]) -> bytes:
    """Return infohashes as a value of a column."""
    # the fastest level halves random digits as the slowest does, in a third of the time
    return zlib.compress("\n".join(sorted(ids)).encode(), zlib.Z_BEST_SPEED)


def decompress_ids(ids: bytes) -> frozenset[str]:
    """Return the infohashes in a value of a column. Raises `zlib.error` or `ValueError`."""
    return frozenset(zlib.decompress(ids).decode().split())


def compress_paths(paths: Mapping[str, str]) -> bytes:
    """Return the paths of infohashes as a value of a column."""
    return zlib.compress(json.dumps(paths, sort_keys=True).encode())


def decompress_paths(paths: bytes) -> Mapping[str, str]:
    """Return the paths in a value of a column. Raises `zlib.error` or `ValueError`."""
    values = json.loads(zlib.decompress(paths))
    if not isinstance(values, dict) or not all(isinstance(path, str) for path in values.values()):
        raise ValueError("not the paths of infohashes")
    return values


def rename_damaged(path: Path, stamp: str) -> Path:
    """Rename a damaged file, so that nothing is lost and a new one can begin; return its path. Raises `OSError`."""
    new_path = path.with_name(f"{path.name}.damaged-{stamp}")
    path.rename(new_path)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return new_path


def _make_private(path: Path) -> None:
    """Make the file, which names torrents, readable by its owner only; SQLite gives its other files the same mode.

    A file of another user is left as it is, since it cannot be changed.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_MODE))
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError, PermissionError):
            file = path.with_name(path.name + suffix)
            if stat.S_ISREG(mode := file.stat().st_mode) and stat.S_IMODE(mode) & ~PRIVATE_MODE:
                file.chmod(PRIVATE_MODE)


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    if path.exists() and not path.is_file():
        raise JournalError(f"the journal {path} cannot be used: it is not a file. Choose a folder with --state-dir")
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, timeout=LOCK_TIMEOUT, isolation_level=None)
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _connect_for_reading(path: Path) -> sqlite3.Connection:
    """Connect read-only; read-write if a process was killed while it created the file.

    That process leaves a transaction to roll back, which SQLite refuses on a read-only connection.
    """
    connection = _connect(path, "ro")
    try:
        connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.Error as error:
        connection.close()
        if error.sqlite_errorcode not in _RECOVERY_CODES:
            raise
        return _connect(path, "rw")
    return connection


def _prepare_schema(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute(f"PRAGMA max_page_count = {MAX_PAGES}")
    if _read_version(connection, path) == SCHEMA_VERSION:
        return
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # before the first table
    connection.execute("PRAGMA journal_mode = WAL")  # readers and a writer do not block each other
    connection.execute("BEGIN IMMEDIATE")
    for migration in MIGRATIONS[_read_version(connection, path) :]:  # none if another process was faster
        for statement in migration.split(";\n"):
            connection.execute(statement)
    connection.execute("COMMIT")


def _read_version(connection: sqlite3.Connection, path: Path) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > SCHEMA_VERSION:
        raise JournalError(
            f"the journal {path} was written by a newer version of reconcile. "
            "Update this one, or choose another --state-dir"
        )
    return version


@contextmanager
def _translate_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise _make_journal_error(error, path) from error
    except OSError as error:
        raise JournalError(
            f"the journal {path} cannot be used: {error.strerror or error}. Choose a folder with --state-dir"
        ) from error


def _make_journal_error(error: sqlite3.Error, path: Path) -> JournalError:
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF  # the primary result code
    if code in _DAMAGE_CODES or "Could not decode" in str(error):  # the second is an error of Python's own module
        return JournalError(f"the journal {path} is damaged ({error}). It is safe to delete", damaged=True)
    hint = {
        sqlite3.SQLITE_BUSY: "Another process has locked it; the next run tries again",
        sqlite3.SQLITE_FULL: "The disk is full, or the journal has reached its limit of 64 MiB. It is safe to delete",
        sqlite3.SQLITE_READONLY: "Make the file and its folder writable, or choose another --state-dir",
        sqlite3.SQLITE_CANTOPEN: "It cannot be opened. Choose a folder with --state-dir",
    }.get(code, "It is safe to delete")
    return JournalError(f"the journal {path} cannot be used: {error}. {hint}")
