"""Where the journal is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

FILE_NAME: Final = "journal.sqlite3"


def default_state_dir(environ: Mapping[str, str]) -> Path | None:
    """`$XDG_STATE_HOME/reconcile`, else `~/.local/state/reconcile` (XDG base directories); None without a home."""
    given = environ.get("XDG_STATE_HOME", "")
    if given.startswith("/"):  # the specification: a relative path is to be ignored
        return Path(given) / "reconcile"
    home = environ.get("HOME", "")
    return Path(home) / ".local/state/reconcile" if home.startswith("/") else None
