"""The rows of logins that were not accepted. They contain a salted digest of the credentials."""

from __future__ import annotations

import hmac
import secrets
import sqlite3
from datetime import UTC, datetime
from typing import Final

from reconciler.journal.database import read_rows
from reconciler.model.login import SALT_SIZE, LoginRecord, digest_credentials
from reconciler.model.secret import Secret

MAX_AGE_DAYS: Final = 400


def read_login_row(connection: sqlite3.Connection, url: str, credentials: Secret) -> LoginRecord | None:
    """Return the record of these credentials at this URL."""
    row = _find_row(connection, url, credentials)
    if row is None:
        return None
    _, failures, refused, at = row
    return LoginRecord(failures, bool(refused), datetime.fromtimestamp(at, UTC))


def write_login_row(connection: sqlite3.Connection, url: str, credentials: Secret, record: LoginRecord) -> None:
    """Replace the record of these credentials at this URL, and delete old ones."""
    oldest = record.at.timestamp() - MAX_AGE_DAYS * 86_400
    connection.execute("DELETE FROM login WHERE at < ?", (oldest,))
    row = _find_row(connection, url, credentials)
    if row:
        connection.execute("DELETE FROM login WHERE rowid = ?", (row[0],))
    salt = secrets.token_bytes(SALT_SIZE)
    values = (
        url,
        salt,
        digest_credentials(salt, credentials),
        record.failures,
        record.is_refused,
        record.at.timestamp(),
    )
    connection.execute("INSERT INTO login VALUES (?, ?, ?, ?, ?, ?)", values)


def has_failed_logins(connection: sqlite3.Connection, url: str) -> bool:
    """True if a record at this URL has failures."""
    return connection.execute("SELECT 1 FROM login WHERE url = ? AND failures > 0", (url,)).fetchone() is not None


def clear_failed_logins(connection: sqlite3.Connection, url: str, at: datetime) -> None:
    """Let every record at this URL be one of a login that was accepted."""
    connection.execute("UPDATE login SET failures = 0, refused = 0, at = ? WHERE url = ?", (at.timestamp(), url))


def _find_row(connection: sqlite3.Connection, url: str, credentials: Secret) -> tuple[int, int, int, float] | None:
    query = "SELECT rowid, salt, digest, failures, refused, at FROM login WHERE url = ? ORDER BY rowid DESC"
    for rowid, salt, digest, *values in read_rows(connection, query, (url,), int, bytes, bytes, int, int, float):
        if hmac.compare_digest(digest, digest_credentials(salt, credentials)):
            return rowid, *values
    return None
