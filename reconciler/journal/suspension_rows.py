"""The rows of suspensions: until when a person has suspended an instance."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime

from reconciler.journal.database import read_rows


def read_suspension_rows(connection: sqlite3.Connection, owner: str, now: datetime) -> dict[str, datetime]:
    """Return until when (UTC) each instance of an owner is suspended."""
    query = "SELECT instance, until FROM suspended WHERE owner = ? AND until > ?"
    rows = read_rows(connection, query, (owner, now.timestamp()), str, float)
    return {instance: datetime.fromtimestamp(until, UTC) for instance, until in rows}


def write_suspension_rows(
    connection: sqlite3.Connection, owner: str, changes: Mapping[str, datetime | None], now: datetime
) -> None:
    """Replace the ends of these suspensions, where None ends one, and delete the rows of suspensions that are over."""
    connection.execute("DELETE FROM suspended WHERE until <= ?", (now.timestamp(),))
    keys = ((owner, name) for name in changes)
    connection.executemany("DELETE FROM suspended WHERE owner = ? AND instance = ?", keys)
    rows = ((owner, name, until.timestamp()) for name, until in changes.items() if until)
    connection.executemany("INSERT INTO suspended VALUES (?, ?, ?)", rows)
