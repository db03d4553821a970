"""Paths of an instance as its clients see them, and back: the `path_map` of an instance, by prefixes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

PathMap = Mapping[str, str]
"""The paths that clients see, by the paths of the instance that they stand for."""


def to_client_path(path_map: PathMap, path: str) -> str:
    """Return a path of the instance as clients see it. A path that nothing maps stays as it is."""
    return _replace_prefix(path_map.items(), path)


def to_instance_path(path_map: PathMap, path: str) -> str:
    """Return a path of a client as the instance sees it. A path that nothing maps stays as it is."""
    return _replace_prefix(((client, instance) for instance, client in path_map.items()), path)


def _replace_prefix(pairs: Iterable[tuple[str, str]], path: str) -> str:
    """Replace the longest prefix, of whole folders."""
    matches = [
        (len(prefix), new.rstrip("/"), path[len(prefix) :])
        for old, new in pairs
        if path.startswith(prefix := old.rstrip("/\\")) and path[len(prefix) : len(prefix) + 1] in ("", "/", "\\")
    ]
    if not path or not matches:
        return path
    _, new, rest = max(matches)
    return (new + (rest.replace("\\", "/") if "\\" not in new else rest)) or "/"
