"""`torrents/filePrio`: the priorities of single files, as rules of the entry."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from starlette.exceptions import HTTPException

from reconciler.model.desired import DesiredTorrent
from reconciler.model.fields.names import CONTENT_LAYOUT
from reconciler.model.intake import EntryChanges
from reconciler.model.metainfo import parse_metainfo
from reconciler.model.rows import InstanceUnavailable, LiveRows
from reconciler.model.torrent_file import TorrentFile, TorrentFileError
from reconciler.web.catalogue import KnownTorrent
from reconciler.web.gateway.change_call import ChangeOne
from reconciler.web.gateway.parameters import parse_int

_PRIORITIES: Final[Mapping[int, str]] = MappingProxyType({0: "skip", 1: "normal", 6: "high", 7: "maximal"})
_NO_METADATA_TEXT: Final = "Torrent's metadata has not yet downloaded"
_GLOB_CHARACTER: Final = re.compile(r"[*?[]")


def check_priority(fields: Mapping[str, str]) -> str:
    """Return the priority as rules name it. Raises `HTTPException` (400)."""
    number = parse_int(fields["priority"])
    if number is None:
        raise HTTPException(400, "Priority must be an integer")
    if number not in _PRIORITIES:
        raise HTTPException(400, "Priority is not valid")
    return _PRIORITIES[number]


def make_priority_change(fields: Mapping[str, str], known: KnownTorrent, rows: LiveRows) -> ChangeOne:
    """Return the change that puts a rule for each of the files before the others. Raises `HTTPException`."""
    priority = check_priority(fields)
    paths = _read_paths(known, rows)
    globs = []
    for text in fields["id"].split("|"):
        index = parse_int(text)
        if index is None:
            raise HTTPException(400, "File IDs must be integers")
        if index not in paths:
            raise HTTPException(409, "File ID is not valid")
        globs.append(make_exact_glob(paths[index]))

    def change(_known: KnownTorrent, entry: DesiredTorrent) -> EntryChanges:
        return {"files": put_rules_first(entry, globs, priority)}

    return change


def put_rules_first(entry: DesiredTorrent, globs: Sequence[str], priority: str) -> Any:
    """Return the rules of an entry with new ones before them, which replace those for the same files."""
    rules = [{"match": glob, "priority": priority} for glob in dict.fromkeys(globs)]
    return rules + [
        {"match": rule.glob, "priority": rule.priority.value} for rule in entry.files if rule.glob not in globs
    ]


def make_exact_glob(path: str) -> str:
    """Return the glob that matches one file and no other."""
    return "/" + _GLOB_CHARACTER.sub(lambda match: f"[{match[0]}]", path)


def _read_paths(known: KnownTorrent, rows: LiveRows) -> dict[int, str]:
    """Return the paths of the files of a torrent, by their indexes."""
    if not known.instance:
        return _read_declared_paths(known)
    try:
        reply = rows.ask(known.instance, "torrents/files", {"hash": str(known.row["hash"])})
        files = json.loads(reply.body) if reply.status == 200 else []
        paths = {int(file.get("index", number)): str(file["name"]) for number, file in enumerate(files)}
    except (InstanceUnavailable, ValueError, TypeError, KeyError, AttributeError) as error:
        raise HTTPException(409, "The files of the torrent cannot be read now.") from error
    if not paths:
        raise HTTPException(409, _NO_METADATA_TEXT)
    return paths


def _read_declared_paths(known: KnownTorrent) -> dict[int, str]:
    """Return the paths of the .torrent file that was handed in, for a torrent that no instance lists yet."""
    entry = known.entry
    if entry is None or not isinstance(entry.source, TorrentFile) or entry.options.get(CONTENT_LAYOUT):
        raise HTTPException(409, _NO_METADATA_TEXT)
    try:
        return dict(enumerate(parse_metainfo(entry.source.read_bytes()).files))
    except TorrentFileError as error:
        raise HTTPException(409, "The files of the torrent cannot be read now.") from error
