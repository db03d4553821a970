"""Paths as qBittorrent reports them."""

from __future__ import annotations


def normalize_path(path: str) -> str:
    """A path as it is compared: no trailing separator (qBittorrent 4.2 and 4.3 add one); on Windows `/` for `\\`."""
    if len(path) > 1 and (path[1] == ":" or path.startswith("\\\\")):
        path = path.replace("\\", "/")
    return path.rstrip("/") or path[:1]
