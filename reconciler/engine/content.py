"""What one instance needs of another: the torrents that content there has become."""

from __future__ import annotations

import socket
from collections import defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import partial
from urllib.parse import urlsplit

from reconciler.engine.observe import map_instances
from reconciler.engine.reading import Observation
from reconciler.model.content import Content, ContentReference
from reconciler.model.desired import DesiredState, DesiredTorrent, Instance
from reconciler.model.errors import InstanceError, StopRequested
from reconciler.model.links import build_magnet, has_likely_passkey
from reconciler.model.plan import Outcome, Verb
from reconciler.model.position import Position
from reconciler.model.run import ActionResult, ContentResult, InstanceResult
from reconciler.model.snapshot import LiveTorrent, Snapshot
from reconciler.model.torrent_file import TorrentFile, TorrentFileError, identify_torrent
from reconciler.plan import Plan
from reconciler.plan.match import index_live_torrents, match_entries
from reconciler.plan.resolve import list_wanted_exports, resolve_entries
from reconciler.retry import RetryPolicy

Observations = Mapping[str, Observation]


def content_sources(desired: DesiredState, names: AbstractSet[str]) -> set[str]:
    """The instances where content is made that these instances have from there."""
    return {
        entry.content.instance
        for entry in desired.entries_with_content
        if isinstance(entry.content, ContentReference) and entry.instance in names
    }


def collect_snapshots(observations: Observations) -> dict[str, Snapshot]:
    """Those that could be read."""
    return {name: reading.snapshot for name, reading in observations.items() if reading.snapshot}


def export_content_torrents(desired: DesiredState, observations: Observations, retry: RetryPolicy) -> Observations:
    """The readings, with the .torrent files that are to be added elsewhere, and the files of what came from elsewhere.

    It takes no request where every such torrent is where it should be, and declares no files.
    """
    snapshots = collect_snapshots(observations)
    resolved = resolve_entries(desired, snapshots)
    if resolved.desired is desired:
        return observations
    wanted = list_wanted_exports(resolved, snapshots)
    exported = map_instances(
        wanted, lambda name: _add_exports(observations[name], desired.instances[name], wanted[name], retry)
    )
    observations = {**observations, **exported}
    lacking = _find_torrents_without_files(resolved.desired, snapshots)
    return {**observations, **map_instances(lacking, lambda name: _add_files(observations[name], lacking[name], retry))}


def _add_exports(observation: Observation, instance: Instance, ids: Sequence[str], retry: RetryPolicy) -> Observation:
    if observation.snapshot is None:
        return observation
    exports: dict[str, TorrentFile | TorrentFileError] = {}
    public = []
    for key in ids:
        try:
            exports[key], private = _export_torrent(observation, key, retry)
            public += [] if private else [key]
        except TorrentFileError as error:
            exports[key] = error
    address = _find_peer_address(observation, instance, retry) if public else None
    peers = dict.fromkeys(public, address) if address else {}
    return replace(observation, snapshot=replace(observation.snapshot, exported_files=exports, peer_addresses=peers))


def _export_torrent(observation: Observation, torrent_id: str, retry: RetryPolicy) -> tuple[TorrentFile, bool]:
    """A .torrent file, and whether it is private. Raises `TorrentFileError`."""
    try:
        data = retry.call_with_retry(partial(observation.target.export_torrent, torrent_id))
    except (InstanceError, StopRequested) as error:
        raise TorrentFileError(str(error)) from None
    if data is None:
        raise TorrentFileError("it has no metadata, or is gone")
    found = identify_torrent(data)
    return TorrentFile(torrent_id, found.infohashes, found.name, len(data), lambda: data), found.private


def _find_peer_address(observation: Observation, instance: Instance, retry: RetryPolicy) -> str | None:
    """Where other peers find the instance: on the machine of its Web API, as far as we can see; None if not known."""
    try:
        port = retry.call_with_retry(observation.target.read_preferences).get(
            "listen_port"
        )  # 0: any, and nobody says which
        found = socket.getaddrinfo(urlsplit(instance.url).hostname, None, type=socket.SOCK_STREAM) if port else []
    except (InstanceError, StopRequested, OSError):
        return None
    ips = [str(address[0]) for *_, address in found]
    return next((f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}" for ip in ips), None)


def _find_torrents_without_files(
    desired: DesiredState, snapshots: Mapping[str, Snapshot]
) -> Mapping[str, Sequence[str]]:
    """The torrents whose files are declared and not known: which torrents these are was not known when it was read."""
    lacking: defaultdict[str, list[str]] = defaultdict(list)
    indexes = {name: index_live_torrents(snapshot.torrents) for name, snapshot in snapshots.items()}
    for entry in desired.entries_with_content:
        if not (isinstance(entry.content, ContentReference) and entry.files) or "files" in entry.ignore_changes:
            continue
        there = indexes.get(entry.instance, {})
        found = {there[key].id: there[key] for key in entry.ids if key in there}
        lacking[entry.instance] += [live.id for live in found.values() if live.has_metadata and live.files is None]
    return {name: ids for name, ids in lacking.items() if ids}


def _add_files(observation: Observation, ids: Sequence[str], retry: RetryPolicy) -> Observation:
    """Where they cannot be had now, the files are not known, and what is declared of them waits."""
    if observation.snapshot is None:
        return observation
    try:
        files = retry.call_with_retry(lambda: observation.target.read_files(ids))
    except (InstanceError, StopRequested):
        return observation
    torrents = tuple(
        replace(live, files=files[live.id]) if live.id in files else live for live in observation.snapshot.torrents
    )
    return replace(observation, snapshot=replace(observation.snapshot, torrents=torrents))


def content_results(
    plan: Plan, snapshots: Mapping[str, Snapshot], results: Mapping[str, InstanceResult]
) -> Mapping[str, tuple[ContentResult, ...]]:
    """By instance, every torrent that is declared by its content, with what was read and what was added since."""
    desired = plan.resolved.desired
    if not desired.entries_with_content:
        return {}
    found: defaultdict[str, list[ContentResult]] = defaultdict(list)
    for name, result in results.items():
        entries = [one for one in desired.torrents if one.instance == name and isinstance(one.content, Content)]
        torrents = snapshots[name].torrents if name in snapshots else ()
        lives = {one.entry.position: one.live for one in match_entries(entries, torrents)}
        added = {one.action.position: one for one in result.results if _is_added(one)}
        found[name] += [
            _build_content_result(entry, lives.get(entry.position), added) for entry in entries if not entry.absent
        ]
    return {name: tuple(some) for name, some in found.items() if some}


def _is_added(result: ActionResult) -> bool:
    return result.action.verb is Verb.ADD and result.outcome is Outcome.APPLIED and result.action.add_source is not None


def _build_content_result(
    entry: DesiredTorrent, live: LiveTorrent | None, added: Mapping[Position | None, ActionResult]
) -> ContentResult:
    path = entry.content.path if isinstance(entry.content, Content) else ""
    bare = ContentResult(entry.label, path, entry.position)
    done = added.get(entry.position)
    if live:
        hashes, name = live.infohashes, live.name
    elif done and isinstance(done.action.add_source, TorrentFile):
        hashes, name = done.action.add_source.infohashes, done.action.name
    else:
        return bare
    magnet = build_magnet(hashes, name, [url for url in entry.trackers if not has_likely_passkey(url)])
    return ContentResult(entry.label, path, entry.position, str(hashes), magnet)
