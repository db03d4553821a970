"""The torrents that content became: what other instances need of them is read from the instance that made them.

See docs/decisions/0084-read-the-source-instance-of-shared-content.md.
"""

from __future__ import annotations

import socket
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from reconciler.engine.concurrency import contain_errors, map_instances
from reconciler.engine.observation import Observation, Observations, OpenTarget, collect_snapshots
from reconciler.model.content import ContentReference
from reconciler.model.desired import DesiredState, Instance
from reconciler.model.errors import InstanceError, InternalError, StopRequested
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.snapshot import Snapshot
from reconciler.model.torrent_file import TorrentFile, TorrentFileError, identify_torrent
from reconciler.plan.match import index_live_torrents
from reconciler.plan.resolve import ResolvedDesired
from reconciler.retry import RetryPolicy


def read_content_torrents(resolved: ResolvedDesired, observations: Observations, retry: RetryPolicy) -> Observations:
    """Return the observations with everything that entries with `content_of` need, once it is known what they mean.

    That is the .torrent files to add on other instances, and the files of the torrents that are there already. The
    very same observations are returned, without a request, where nothing is missing.
    """
    if not resolved.desired.entries_with_content:
        return observations
    snapshots = collect_snapshots(observations)
    exports = _list_wanted_exports(resolved.desired, snapshots)
    unread_files = _find_torrents_without_files(resolved.desired, snapshots)
    if not (exports or unread_files):
        return observations
    reader = _ContentReader(resolved.desired, observations, exports, unread_files, retry)
    return {
        **observations,
        **map_instances(sorted({*exports, *unread_files}), contain_errors(reader.read, reader.fail)),
    }


@dataclass(frozen=True, slots=True)
class _ContentReader:
    """Reads .torrent files (`exports`) and file lists (`unread_files`), given by instance as torrent ids."""

    desired: DesiredState
    observations: Observations
    exports: Mapping[str, Sequence[str]]
    unread_files: Mapping[str, Sequence[str]]
    retry: RetryPolicy

    def read(self, name: str) -> Observation:
        """Return the observation of one instance with what was missing."""
        observation = self.observations[name]
        if ids := self.exports.get(name):
            observation = _add_exports(observation, self.desired.instances[name], ids, self.retry)
        if ids := self.unread_files.get(name):
            observation = _add_files(observation, ids, self.retry)
        return observation

    def fail(self, name: str, error: InternalError) -> Observation:
        """Return the observation of an instance that a bug of ours made impossible."""
        return replace(self.observations[name], snapshot=None, error=error)


def _add_exports(observation: Observation, instance: Instance, ids: Sequence[str], retry: RetryPolicy) -> Observation:
    if observation.snapshot is None:
        return observation
    exports = dict(observation.snapshot.exported_files)
    public_ids = []
    for torrent_id in ids:
        try:
            exports[torrent_id], is_private = _export_torrent(observation, torrent_id, retry)
            public_ids += [] if is_private else [torrent_id]
        except TorrentFileError as error:
            exports[torrent_id] = error
    address = find_peer_address(observation.target, instance, retry) if public_ids else None
    peers = {**observation.snapshot.peer_addresses, **(dict.fromkeys(public_ids, address) if address else {})}
    return replace(observation, snapshot=replace(observation.snapshot, exported_files=exports, peer_addresses=peers))


def _export_torrent(observation: Observation, torrent_id: str, retry: RetryPolicy) -> tuple[TorrentFile, bool]:
    """Return a .torrent file, and True if it is private. Raises `TorrentFileError`."""
    try:
        data = retry.call_with_retry(lambda: observation.target.export_torrent(torrent_id))
    except (InstanceError, StopRequested) as error:
        raise TorrentFileError(str(error)) from None
    if data is None:
        raise TorrentFileError("it has no metadata, or is gone")
    identity = identify_torrent(data)
    return TorrentFile(torrent_id, identity.infohashes, identity.name, len(data), lambda: data), identity.private


def find_peer_address(target: OpenTarget, instance: Instance, retry: RetryPolicy) -> str | None:
    """Return the address (`host:port`) where peers reach the instance; None if unknown.

    The host is that of its Web API, as it resolves here.
    """
    try:
        preferences = retry.call_with_retry(target.read_preferences)
        port = preferences.get("listen_port")  # 0: a random one, which no API reports
        addresses = socket.getaddrinfo(urlsplit(instance.url).hostname, None, type=socket.SOCK_STREAM) if port else []
    except (InstanceError, StopRequested, OSError):
        return None
    ips = [str(address[0]) for *_, address in addresses]
    return next((f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}" for ip in ips), None)


def _list_wanted_exports(desired: DesiredState, snapshots: Mapping[str, Snapshot]) -> Mapping[str, Sequence[str]]:
    """Return, by instance, the torrents whose .torrent files are needed to add them to other instances."""
    wanted: defaultdict[str, dict[str, None]] = defaultdict(dict)
    indexes = {name: index_live_torrents(snapshot.torrents) for name, snapshot in snapshots.items()}
    for entry in desired.entries_with_content:
        content_of, live_index = entry.content, indexes.get(entry.instance)
        if not isinstance(content_of, ContentReference) or live_index is None or entry.absent or not entry.infohashes:
            continue
        if live_index.keys().isdisjoint(entry.ids):
            source_index = indexes[content_of.instance]  # it is known from there
            ids = [source_index[key].id for key in entry.ids if key in source_index]
            exported = snapshots[content_of.instance].exported_files
            wanted[content_of.instance] |= {torrent_id: None for torrent_id in ids if torrent_id not in exported}
    return {name: tuple(ids) for name, ids in wanted.items() if ids}


def _find_torrents_without_files(
    desired: DesiredState, snapshots: Mapping[str, Snapshot]
) -> Mapping[str, Sequence[str]]:
    """Return the ids of torrents whose files are declared and were not read, by instance.

    A snapshot does not have them because it was not known before which torrents the entries mean.
    """
    unread_files: defaultdict[str, list[str]] = defaultdict(list)
    indexes = {name: index_live_torrents(snapshot.torrents) for name, snapshot in snapshots.items()}
    for entry in desired.entries_with_content:
        if not (isinstance(entry.content, ContentReference) and entry.files) or "files" in entry.ignore_changes:
            continue
        index = indexes.get(entry.instance, {})
        live_torrents = {index[key].id: index[key] for key in entry.ids if key in index}
        unread_files[entry.instance] += [
            torrent.id for torrent in live_torrents.values() if torrent.has_metadata and torrent.files is None
        ]
    return {name: ids for name, ids in unread_files.items() if ids}


def _add_files(observation: Observation, ids: Sequence[str], retry: RetryPolicy) -> Observation:
    """Return the observation with the files of these torrents; unchanged where they cannot be read, so changes wait."""
    if observation.snapshot is None:
        return observation
    try:
        files = retry.call_with_retry(lambda: observation.target.read_files(ids))
    except (InstanceError, StopRequested):
        return observation
    torrents = tuple(
        replace(torrent, files=files[torrent.id]) if torrent.id in files else torrent
        for torrent in observation.snapshot.torrents
    )
    return replace(observation, snapshot=replace(observation.snapshot, torrents=torrents))
