"""Extracts the valid part of an invalid document, so that one load also reports problems that span several values.

A wrong value is removed, or replaced with a stand-in where its absence would be another problem. The result serves only
to find problems.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from reconciler.desired.schema.document import DOCUMENT_ADAPTER, UNION_BRANCHES, DocumentEntry
from reconciler.desired.yaml.document import HEADERS_KEY, REFERENCE_KEYS, Loc

_REMOVED: Final = object()
_MAX_ROUNDS: Final = 3  # one round has always been enough; the bound costs nothing


def salvage_document(data: Any, errors: list[ErrorDetails]) -> tuple[DocumentEntry, Sequence[int]]:
    """Return the valid part of `data`, and the index in `data` of each of its torrents."""
    if isinstance(data, dict):
        salvaged = _SalvagedData(data)
        for _ in range(_MAX_ROUNDS):
            for error in errors:
                salvaged.remove_value(tuple(key for key in error["loc"] if key not in UNION_BRANCHES))
            try:
                return DOCUMENT_ADAPTER.validate_python(salvaged.drop_removed()), salvaged.torrent_indexes
            except ValidationError as error:
                errors = error.errors(include_url=False)
    return {"version": 1}, ()


class _SalvagedData:
    """The data of a document with wrong values removed. Only the changed containers are copies of the original."""

    def __init__(self, data: dict[str, Any]) -> None:
        self._data = copy(data)
        self._copied_ids = {id(self._data)}
        self._copied_lists: list[list[Any]] = []
        torrents = data.get("torrents")
        self.torrent_indexes: Sequence[int] = range(len(torrents)) if isinstance(torrents, list) else ()

    def remove_value(self, loc: Loc) -> None:
        """Remove the wrong value at `loc`."""
        if loc and loc[-1] == "[key]":
            loc = loc[:-1]
        loc = _cut_loc(loc)
        *path, last = loc
        container: Any = self._data
        for key in path:
            child = container.get(key) if isinstance(container, dict) else container[int(key)]
            if child is None or child is _REMOVED:
                return  # already gone
            if not isinstance(child, (dict, list)):  # a short form, such as a URL, that the schema expands to a mapping
                last = key
                break
            if id(child) not in self._copied_ids:
                child = container[key] = copy(child)
                self._copied_ids.add(id(child))
                if isinstance(child, list):
                    self._copied_lists.append(child)
            container = child
        if isinstance(container, list):
            container[int(last)] = _choose_stand_in(loc)
        elif (stand_in := _choose_stand_in(loc)) is not _REMOVED:
            container[last] = stand_in
        else:
            container.pop(last, None)

    def drop_removed(self) -> dict[str, Any]:
        """Drop removed items from their lists, update `torrent_indexes`, and return the data."""
        torrents = self._data.get("torrents")
        if isinstance(torrents, list):
            kept = zip(self.torrent_indexes, torrents, strict=True)
            self.torrent_indexes = [index for index, torrent in kept if torrent is not _REMOVED]
        else:
            self.torrent_indexes = ()
        for items in self._copied_lists:
            items[:] = [item for item in items if item is not _REMOVED]
        return self._data


def _cut_loc(loc: Loc) -> Loc:
    """Return the location of what is removed as a whole, if `loc` is in such a value.

    That is a value which may be {env: NAME} or {file: PATH}, and the settings of the intake and of the gateway.
    """
    if loc[:1] in (("intake",), ("gateway",)):
        return loc[:1]
    if loc[:1] != ("instances",):
        return loc
    if loc[2:3] == (HEADERS_KEY,):
        return loc[:4]
    end = next((index for index, key in enumerate(loc[2:], 3) if key in REFERENCE_KEYS), len(loc))
    return loc[:end]


def _choose_stand_in(loc: Loc) -> Any:
    """Return a valid value for a key that is required, or whose absence has a meaning; else `_REMOVED`."""
    match loc:
        case ("version",):
            return 1
        case ("instances", *_):
            return _choose_instance_stand_in(loc)
        case ("groups", _, "strategy"):
            return "failover"
        case ("groups", _, "members", int(), "name"):
            return ""
        case (*_, "only") | ("groups", _, "members"):
            return []
        case (*_, "files", int(), "match"):
            return "stand-in"
        case (*_, "files", int(), "priority"):
            return "normal"
    return _REMOVED


def _choose_instance_stand_in(loc: Loc) -> Any:
    match loc[1:]:
        case (name, "url"):
            return f"http://stand-in.invalid/{name}"
        case (name, "health", index, "gluetun" | "http", "url"):
            return f"http://stand-in.invalid/{name}/{index}"
        case (_, "username" | "password" | "api_key") | (_, "basic_auth", "username" | "password"):
            return "stand-in"
        case (_, "health", int()):
            return {}
        case (_, "health", _, "gluetun", "username" | "password" | "api_key"):
            return "stand-in"
    return _REMOVED
