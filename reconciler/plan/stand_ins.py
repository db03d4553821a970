"""Stand-ins for torrents that only a server could identify, so that two desired states can be compared without any.

| declared by | stand-in                                                                            |
|-------------|-------------------------------------------------------------------------------------|
| a URL       | a torrent that the URL identifies: nothing is fetched                               |
| content     | a torrent that the path on its instance identifies                                  |
| content_of  | the torrent of that content                                                         |
| infohash    | a magnet link of it: the torrent is taken to be there, or to appear                 |
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from reconciler.model.content import Content, ContentReference
from reconciler.model.data_overlap import normalize_data_path
from reconciler.model.desired import DesiredState, DesiredTorrent
from reconciler.model.fields.names import STOP_CONDITION
from reconciler.model.infohash import InfoHashes
from reconciler.model.magnet import Magnet
from reconciler.model.torrent_file import TorrentFile, TorrentFileError

_LOCATION = "stand-in:"


def build_url_stand_in(url: str) -> TorrentFile:
    """Return the torrent that stands for what a URL leads to."""
    return _build_stand_in(f"url {url}", f"torrent from {urlsplit(url).netloc.rpartition('@')[2]}")


def is_stand_in(entry: DesiredTorrent) -> bool:
    """True if the infohash of an entry is made up, and must not be shown."""
    return isinstance(entry.source, TorrentFile) and entry.source.location == _LOCATION


def fill_stand_ins(desired: DesiredState) -> DesiredState:
    """Return the desired state with an infohash and a source for every entry.

    The rules for files and the exports are left out, because they depend on files that nobody has: they are compared
    as they are declared.
    """
    return replace(desired, torrents=tuple(map(_fill_entry, desired.torrents)))


def without_stop_conditions(desired: DesiredState) -> DesiredState:
    """Return the desired state without the conditions at which a new torrent stops: it has met them long ago."""
    torrents = (_drop_stop_condition(entry) if entry.create_only else entry for entry in desired.torrents)
    return replace(desired, torrents=tuple(torrents))


def _drop_stop_condition(entry: DesiredTorrent) -> DesiredTorrent:
    kept: Mapping[str, object] = {key: value for key, value in entry.create_only.items() if key != STOP_CONDITION}
    return replace(entry, create_only=kept)  # type: ignore[arg-type]


def _fill_entry(entry: DesiredTorrent) -> DesiredTorrent:
    if entry.files:
        entry = replace(entry, files=())
    if entry.content:
        return _fill_content(entry, entry.content)
    if entry.source is None and entry.infohashes:
        return replace(entry, source=Magnet("", entry.infohashes, entry.name))
    return entry


def _fill_content(entry: DesiredTorrent, content: Content | ContentReference) -> DesiredTorrent:
    made, instance = (content, entry.instance) if isinstance(content, Content) else (content.content, content.instance)
    file = _build_stand_in(f"content {instance} {normalize_data_path(made.path)}", made.name)
    if isinstance(content, Content):
        content = replace(content, export=None)
    return replace(entry, content=content, infohashes=file.infohashes, source=file)


def _build_stand_in(key: str, name: str) -> TorrentFile:
    infohashes = InfoHashes(hashlib.sha1(key.encode(errors="surrogateescape"), usedforsecurity=False).hexdigest())
    return TorrentFile(_LOCATION, infohashes, name, 0, _refuse_to_read)


def _refuse_to_read() -> bytes:
    raise TorrentFileError("nothing was fetched")
