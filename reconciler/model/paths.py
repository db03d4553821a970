"""Normalizes paths as qBittorrent reports them, and distinguishes those of Windows."""

from __future__ import annotations


def normalize_path(path: str) -> str:
    """Return a path in the form in which paths are compared.

    It has no trailing separator (qBittorrent 4.2 and 4.3 add one), and on Windows `/` instead of `\\`.
    """
    if len(path) > 1 and (path[1] == ":" or path.startswith("\\\\")):
        path = path.replace("\\", "/")
    return path.rstrip("/") or path[:1]


def is_windows_path(path: str) -> bool | None:
    """True for `C:\\data` and `\\\\server\\share`, also with `/`; False for `/data`; None for a relative path."""
    if path[1:2] == ":" or path.startswith(("\\\\", "//")):
        return True
    return False if path.startswith("/") else None
