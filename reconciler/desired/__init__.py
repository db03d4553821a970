"""Loads the user's YAML files as the desired state, or reports everything that is wrong with them.

For: reading files, composing YAML with positions, checking it against the schema, resolving secrets and .torrent files,
and merging all documents into one `DesiredState`. May import `model` only. Never contacts a server on its own, writes
files only in `edit`, and never returns part of a desired state: a run would delete the torrents of the missing part.

`load` passes through the modules in this order: `documents` (with `files`, `includes`, `yaml`) → `check` (with
`schema`, `messages`, `salvage`) → `merge` → `builders`. `render` and `edit` go the other way, from values to text.
"""

from reconciler.desired.context import BeginReading, DesiredStateError, LoadPermissions
from reconciler.desired.documents import list_read_files
from reconciler.desired.files import list_yaml_files
from reconciler.desired.load import load
from reconciler.desired.parsed_files import ParsedFiles
from reconciler.desired.torrent_files import TorrentFetcher, TorrentFileCache

__all__ = [
    "BeginReading",
    "DesiredStateError",
    "LoadPermissions",
    "ParsedFiles",
    "TorrentFetcher",
    "TorrentFileCache",
    "list_read_files",
    "list_yaml_files",
    "load",
]
