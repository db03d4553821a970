"""The table of known preferences, from real servers. As a program, it queries all versions and writes the table."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import reconciler.desired
from reconciler.demo.packages import QBITTORRENT_PACKAGES
from reconciler.demo.servers import QbittorrentServer
from tests.support.raw import RawClient

TABLE: Final = Path(reconciler.desired.__file__).parent / "build" / "preferences.json"
_SOURCE: Final = (
    "GET app/preferences of fresh qBittorrent servers; written by python -m tests.support.preference_table. "
    "web_ui_password can be set and is never told."
)
_NUMBERS: Final = ("max_ratio",)  # the only one that is no whole number; a fresh server says -1


def kinds(preferences: Mapping[str, Any]) -> dict[str, str]:
    """Each preference of a server with the type of its value."""
    words = {bool: "flag", int: "integer", float: "number", str: "text", dict: "mapping"}
    return {key: "number" if key in _NUMBERS else words[type(value)] for key, value in preferences.items()}


def asked(version: str | Path) -> dict[str, str]:
    """Return the preferences of a fresh server of that version, or of a program."""
    with QbittorrentServer(version) as server:
        return kinds(RawClient(server).post("app/preferences").json()) | {"web_ui_password": "text"}


def table_of(versions: Iterable[str]) -> str:
    """The table as it is kept: a line for each preference."""
    versions_by_key: defaultdict[str, defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for version in versions:
        for key, kind in asked(version).items():
            versions_by_key[key][kind].append(version)
    lines = (f"{json.dumps(key)}: {json.dumps(versions_by_key[key])}" for key in sorted(versions_by_key))
    return f'{{"source": {json.dumps(_SOURCE)},\n"keys": {{\n' + ",\n".join(lines) + "\n}}\n"


if __name__ == "__main__":
    TABLE.write_text(table_of(QBITTORRENT_PACKAGES), encoding="utf-8")
