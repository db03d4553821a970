"""The calls that change the trackers of a torrent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from urllib.parse import unquote, urlsplit

from starlette.exceptions import HTTPException

from reconciler.model.desired import DesiredTorrent
from reconciler.model.intake import EntryChanges
from reconciler.model.magnet import Magnet
from reconciler.model.metainfo import list_trackers
from reconciler.model.torrent_file import TorrentFile, TorrentFileError
from reconciler.web.catalogue import KnownTorrent
from reconciler.web.gateway.change_call import ChangeContext, ChangeOne


def add_trackers(fields: Mapping[str, str], _context: ChangeContext) -> ChangeOne:
    """Return the change for `addTrackers`. Blank lines, which part tiers, mean nothing: tiers cannot be declared."""
    added = [url for line in fields["urls"].split("\n") if (url := line.strip())]

    def change(_known: KnownTorrent, entry: DesiredTorrent) -> EntryChanges:
        urls = list(dict.fromkeys((*entry.trackers, *added)))
        return _declare(urls, only=entry.only_trackers) if len(urls) > len(entry.trackers) else {}

    return change


def edit_tracker(fields: Mapping[str, str], _context: ChangeContext) -> ChangeOne:
    """Return the change for `editTracker`. It raises `HTTPException` (409) as 5.1 does."""
    old, new = fields["origUrl"], fields["newUrl"]

    def change(known: KnownTorrent, entry: DesiredTorrent) -> EntryChanges:
        urls = find_trackers(known, entry)
        if old == new:
            return {}
        if new in urls:
            raise HTTPException(409, "New tracker URL already exists")
        if old not in urls:
            raise HTTPException(409, "Tracker not found")
        return _declare([new if url == old else url for url in urls], only=True)

    if old != new and not _is_url(new):
        raise HTTPException(400, "New tracker URL is invalid")
    return change


def remove_trackers(fields: Mapping[str, str], _context: ChangeContext) -> ChangeOne:
    """Return the change for `removeTrackers`: the trackers of the torrent are then declared in full."""
    removed = {unquote(url) for url in fields["urls"].split("|") if url}
    if fields["hash"] == "*":
        raise HTTPException(409, "Trackers can be removed from one torrent at a time.")

    def change(known: KnownTorrent, entry: DesiredTorrent) -> EntryChanges:
        urls = find_trackers(known, entry)
        rest = [url for url in urls if url not in removed]
        return {} if rest == urls else _declare(rest, only=True)

    return change


def find_trackers(known: KnownTorrent, entry: DesiredTorrent) -> list[str]:
    """Return the trackers that a torrent has, or will have once it is added."""
    if entry.only_trackers:
        return list(entry.trackers)
    urls = known.trackers if known.instance else _list_source_trackers(entry)
    return list(dict.fromkeys((*urls, *entry.trackers)))


def _list_source_trackers(entry: DesiredTorrent) -> Sequence[str]:
    if isinstance(entry.source, TorrentFile):
        with suppress(TorrentFileError):
            return list_trackers(entry.source.read_bytes())
    return entry.source.trackers if isinstance(entry.source, Magnet) else ()


def _declare(urls: Sequence[str], *, only: bool) -> EntryChanges:
    return {"trackers": {"only": list(urls)} if only else list(urls)}


def _is_url(text: str) -> bool:
    try:
        return bool(urlsplit(text).scheme and urlsplit(text).hostname)
    except ValueError:
        return False
