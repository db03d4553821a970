"""What one instance needs of another: the torrents that content there has become."""

from __future__ import annotations

import socket
from collections import defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import partial
from urllib.parse import urlsplit

from reconciler.engine.observe import each
from reconciler.engine.reading import Reading
from reconciler.model.content import Content, ContentOf
from reconciler.model.desired import Desired, DesiredTorrent, Instance
from reconciler.model.errors import InstanceError, Stopped
from reconciler.model.links import link_of, looks_private
from reconciler.model.plan import Outcome, Verb
from reconciler.model.position import Position
from reconciler.model.run import ActionResult, ContentResult, InstanceResult
from reconciler.model.snapshot import LiveTorrent, Snapshot
from reconciler.model.torrent_file import SourceError, TorrentFile, identify
from reconciler.plan.match import live_index, match
from reconciler.plan.resolve import resolve, wanted_exports
from reconciler.retry import Pace

Readings = Mapping[str, Reading]


def lenders(desired: Desired, names: AbstractSet[str]) -> set[str]:
    """The instances where content is made that these instances have from there."""
    return {
        entry.content.instance
        for entry in desired.with_content
        if isinstance(entry.content, ContentOf) and entry.instance in names
    }


def snapshots_of(readings: Readings) -> dict[str, Snapshot]:
    """Those that could be read."""
    return {name: reading.snapshot for name, reading in readings.items() if reading.snapshot}


def lend(desired: Desired, readings: Readings, pace: Pace) -> Readings:
    """The readings, with the .torrent files that are to be added elsewhere, and the files of what came from elsewhere.

    It takes no request where every such torrent is where it should be, and declares no files.
    """
    snapshots = snapshots_of(readings)
    resolved = resolve(desired, snapshots)
    if resolved.desired is desired:
        return readings
    wanted = wanted_exports(resolved, snapshots)
    exported = each(wanted, lambda name: _with_exports(readings[name], desired.instances[name], wanted[name], pace))
    readings = {**readings, **exported}
    lacking = _without_files(resolved.desired, snapshots)
    return {**readings, **each(lacking, lambda name: _with_files(readings[name], lacking[name], pace))}


def _with_exports(reading: Reading, instance: Instance, ids: Sequence[str], pace: Pace) -> Reading:
    if reading.snapshot is None:
        return reading
    exports: dict[str, TorrentFile | SourceError] = {}
    public = []
    for key in ids:
        try:
            exports[key], private = _export(reading, key, pace)
            public += [] if private else [key]
        except SourceError as error:
            exports[key] = error
    address = _address(reading, instance, pace) if public else None
    peers = dict.fromkeys(public, address) if address else {}
    return replace(reading, snapshot=replace(reading.snapshot, exports=exports, peers=peers))


def _export(reading: Reading, torrent_id: str, pace: Pace) -> tuple[TorrentFile, bool]:
    """A .torrent file, and whether it is private. Raises `SourceError`."""
    try:
        data = pace.patiently(partial(reading.target.export, torrent_id))
    except (InstanceError, Stopped) as error:
        raise SourceError(str(error)) from None
    if data is None:
        raise SourceError("it has no metadata, or is gone")
    found = identify(data)
    return TorrentFile(torrent_id, found.infohashes, found.name, len(data), lambda: data), found.private


def _address(reading: Reading, instance: Instance, pace: Pace) -> str | None:
    """Where other peers find the instance: on the machine of its Web API, as far as we can see; None if not known."""
    try:
        port = pace.patiently(reading.target.preferences).get("listen_port")  # 0: any, and nobody says which
        found = socket.getaddrinfo(urlsplit(instance.url).hostname, None, type=socket.SOCK_STREAM) if port else []
    except (InstanceError, Stopped, OSError):
        return None
    ips = [str(address[0]) for *_, address in found]
    return next((f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}" for ip in ips), None)


def _without_files(desired: Desired, snapshots: Mapping[str, Snapshot]) -> Mapping[str, Sequence[str]]:
    """The torrents whose files are declared and not known: which torrents these are was not known when it was read."""
    lacking: defaultdict[str, list[str]] = defaultdict(list)
    indexes = {name: live_index(snapshot.torrents) for name, snapshot in snapshots.items()}
    for entry in desired.with_content:
        if not (isinstance(entry.content, ContentOf) and entry.files) or "files" in entry.ignore_changes:
            continue
        there = indexes.get(entry.instance, {})
        found = {there[key].id: there[key] for key in entry.ids if key in there}
        lacking[entry.instance] += [live.id for live in found.values() if live.has_metadata and live.files is None]
    return {name: ids for name, ids in lacking.items() if ids}


def _with_files(reading: Reading, ids: Sequence[str], pace: Pace) -> Reading:
    """Where they cannot be had now, the files are not known, and what is declared of them waits."""
    if reading.snapshot is None:
        return reading
    try:
        files = pace.patiently(lambda: reading.target.files(ids))
    except (InstanceError, Stopped):
        return reading
    torrents = tuple(
        replace(live, files=files[live.id]) if live.id in files else live for live in reading.snapshot.torrents
    )
    return replace(reading, snapshot=replace(reading.snapshot, torrents=torrents))


def content_of(
    desired: Desired, snapshots: Mapping[str, Snapshot], results: Mapping[str, InstanceResult]
) -> Mapping[str, tuple[ContentResult, ...]]:
    """By instance, every torrent that is declared by its content, with what was read and what was added since."""
    known = resolve(desired, snapshots).desired
    if known is desired:
        return {}
    found: defaultdict[str, list[ContentResult]] = defaultdict(list)
    for name, result in results.items():
        entries = [one for one in known.torrents if one.instance == name and isinstance(one.content, Content)]
        torrents = snapshots[name].torrents if name in snapshots else ()
        lives = {one.entry.at: one.live for one in match(entries, torrents)}
        added = {one.action.source: one for one in result.results if _added(one)}
        found[name] += [_result(entry, lives.get(entry.at), added) for entry in entries if not entry.absent]
    return {name: tuple(some) for name, some in found.items() if some}


def _added(result: ActionResult) -> bool:
    return result.action.verb is Verb.ADD and result.outcome is Outcome.APPLIED and result.action.adds is not None


def _result(
    entry: DesiredTorrent, live: LiveTorrent | None, added: Mapping[Position | None, ActionResult]
) -> ContentResult:
    path = entry.content.path if isinstance(entry.content, Content) else ""
    bare = ContentResult(entry.label, path, entry.at)
    done = added.get(entry.at)
    if live:
        hashes, name = live.infohashes, live.name
    elif done and isinstance(done.action.adds, TorrentFile):
        hashes, name = done.action.adds.infohashes, done.action.name
    else:
        return bare
    magnet = link_of(hashes, name, [url for url in entry.trackers if not looks_private(url)])
    return ContentResult(entry.label, path, entry.at, str(hashes), magnet)
