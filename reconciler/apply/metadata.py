"""Gives torrents the metadata that another instance has: adds and updates by the .torrent file that it exports.

The files are read one after the other, while the batch that sends them is made, and forgotten with it. They contain
passkeys, so they are nowhere but in memory and in the request.

See docs/decisions/0085-the-metadata-goes-along.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, Protocol

from reconciler.apply.delivery import Batch, group_jobs, read_jobs
from reconciler.apply.job import Job, find_live, index_by_id
from reconciler.apply.target import Target
from reconciler.model.add_options import build_add_options
from reconciler.model.infohash import InfoHashes
from reconciler.model.links import TRACKERS, WEB_SEEDS, deduplicate_urls, find_excess_trackers, parse_link_urls
from reconciler.model.magnet import Magnet
from reconciler.model.metainfo import MetainfoError, list_trackers, list_web_seeds, replace_links
from reconciler.model.plan import AddTorrent, MetadataSource, Outcome, SetTorrent
from reconciler.model.snapshot import AddOptions, LiveTorrent
from reconciler.model.tags import build_owner_tag, parse_owners
from reconciler.model.torrent_file import TorrentFile, TorrentFileError, identify_torrent
from reconciler.retry import RetryPolicy

MAX_FILES_PER_REQUEST: Final = 100
MAX_REQUEST_BYTES: Final = 8 << 20  # of .torrent files, which are in memory until the request is answered


class MetadataProvider(Protocol):
    """The instances that torrents get their metadata from."""

    def export_torrent(self, source: MetadataSource) -> bytes:
        """Return the .torrent file of a copy. Raises `TorrentFileError`."""

    def find_peer_address(self, source: MetadataSource) -> str | None:
        """Return the address (`IP:port`) where the receiving instance reaches the peer; None if it is unknown."""


class NoMetadata:
    """No instance has any metadata."""

    def export_torrent(self, _source: MetadataSource) -> bytes:
        """Raise `TorrentFileError`."""
        raise TorrentFileError("it was not read")

    def find_peer_address(self, _source: MetadataSource) -> str | None:
        """Return None."""
        return None


class MetadataSender:
    """Sends .torrent files of other instances to one target."""

    def __init__(self, target: Target, retry: RetryPolicy, holders: MetadataProvider) -> None:
        self._target = target
        self._retry = retry
        self._holders = holders

    def add_batches(self, jobs: Sequence[Job]) -> Iterator[Batch]:
        """Return batches of adds. A job whose file cannot be read becomes the add by its own source, or waits."""
        for options, group in group_jobs(jobs, self._build_add_options):
            yield from self._split("add", group, options, {})

    def update_batches(self, jobs: Sequence[Job]) -> Iterator[Batch]:
        """Return batches that give metadata to torrents which are on the target without it."""
        live_torrents = self._find_lacking(jobs)
        for owners, group in group_jobs(list(live_torrents), lambda job: parse_owners(live_torrents[job].tags)):
            # if a torrent is deleted at this moment, its file adds one: stopped, and ours
            options = AddOptions(stopped=True, auto_tmm=False, tags=tuple(map(build_owner_tag, owners)))
            yield from self._split("add metadata", group, options, live_torrents)

    def find_peers(self, jobs: Sequence[Job]) -> None:
        """Find the peers of torrents that have their metadata. A private torrent gets none, which the file shows."""
        for job in jobs:
            source = _get_source(job)
            try:
                is_private = identify_torrent(self._holders.export_torrent(source)).private
                job.peer_address = None if is_private else self._holders.find_peer_address(source)
                reason = "its peers come from its trackers only" if is_private else "its address is not known"
            except TorrentFileError as error:
                reason = str(error)
            if not job.peer_address:
                job.end(Outcome.DEFERRED, f"{source.instance} is not sent as a peer: {reason}")

    def _build_add_options(self, job: Job) -> AddOptions:
        return build_add_options(job.action.changes, False, self._target.can_tag_at_add, self._target.api_version)

    def _find_lacking(self, jobs: Sequence[Job]) -> dict[Job, LiveTorrent]:
        """Return the jobs whose torrents lack metadata now, with these torrents. End the others."""
        live = index_by_id(read_jobs(jobs, self._target, self._retry))
        lacking = {}
        for job in jobs:
            torrent = find_live(job, live)
            if torrent and not torrent.has_metadata:
                lacking[job] = torrent
            else:
                job.end(*((Outcome.APPLIED,) if torrent else (Outcome.DROPPED, "it is gone since it was planned")))
        return lacking

    def _split(
        self, label: str, jobs: Sequence[Job], options: AddOptions, live_torrents: Mapping[Job, LiveTorrent]
    ) -> Iterator[Batch]:
        """Read the files of jobs, and cut them into requests that stay small in number and bytes."""
        files: dict[Job, bytes] = {}
        size = 0
        for job in jobs:
            data = self._read_file(job, live_torrents.get(job))
            if files and (len(files) == MAX_FILES_PER_REQUEST or size + len(data or b"") > MAX_REQUEST_BYTES):
                yield _build_batch(label, files, options)
                files, size = {}, 0
            if data:
                files[job] = data
                size += len(data)
        if files:
            yield _build_batch(label, files, options)

    def _read_file(self, job: Job, live: LiveTorrent | None) -> bytes | None:
        """Return the file to send for a job, and note on the job what follows from it; None if there is none now."""
        action, source = job.action, _get_source(job)
        assert isinstance(action, SetTorrent)
        try:
            exported = self._holders.export_torrent(source)
            torrent = identify_torrent(exported)
            own = live.infohashes if live else job.source.infohashes if job.source else None
            if own is None or not _is_same_torrent(own, torrent.infohashes):
                raise TorrentFileError("it is another torrent")
            trackers = list_trackers(exported)
            data = replace_links(exported, *_choose_links(action, trackers, list_web_seeds(exported)))
        except (TorrentFileError, MetainfoError) as error:
            _fall_back(job, source, str(error))
            return None
        job.peer_address = None if torrent.private else self._holders.find_peer_address(source)
        if isinstance(action, AddTorrent):
            file = TorrentFile("", torrent.infohashes, torrent.name, len(data), _refuse_to_read)
            job.action = replace(action, source=file)
        elif live:
            job.other_ids = torrent.infohashes.ids
            has_trackers = bool(parse_link_urls(live.links, TRACKERS))
            job.handed_trackers = trackers if torrent.private and not has_trackers else ()
        return data


def _get_source(job: Job) -> MetadataSource:
    assert isinstance(job.action, SetTorrent) and job.action.metadata_from
    return job.action.metadata_from


def _build_batch(label: str, files: Mapping[Job, bytes], options: AddOptions) -> Batch:
    def send(target: Target, jobs: Sequence[Job]) -> None:
        target.add_torrent_files({f"{job.id}.torrent": files[job] for job in jobs}, options)

    return Batch(label, list(files), send, lambda _, live: live is not None and live.has_metadata)


def _fall_back(job: Job, source: MetadataSource, error: str) -> None:
    """Turn the job into the add by the source of its entry. If there is none, it waits for a later run."""
    reason = f"its metadata could not be read from {source.instance}: {error}"
    if source.fallback is None or not isinstance(job.action, AddTorrent):
        job.end(Outcome.DEFERRED, reason)
        return
    fallback_reason = f"{source.fallback.reason}; {reason}"
    job.action = replace(source.fallback, reason=fallback_reason, placement=job.action.placement)


def _is_same_torrent(own: InfoHashes, exported: InfoHashes) -> bool:
    """Return True if one hash is the same, and none another."""
    pairs = ((own.v1, exported.v1), (own.v2, exported.v2))
    known = [left == right for left, right in pairs if left and right]
    return bool(known) and all(known)


def _choose_links(
    action: SetTorrent, trackers: Sequence[str], web_seeds: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the trackers and web seeds of the file to send. What the entry has replaces what the other copy has.

    An update has none: a server could merge them into the torrent.
    """
    if not isinstance(action, AddTorrent):
        return (), ()
    fallback = action.metadata_from.fallback if action.metadata_from else None
    magnet = fallback.source if fallback and isinstance(fallback.source, Magnet) else None
    for declared, only in (
        (magnet.trackers if magnet else (), False),
        (action.added_urls.get(TRACKERS, ()), action.only_trackers),
    ):
        excess = set(find_excess_trackers(trackers, declared, only=only))
        trackers = (*(url for url in trackers if url not in excess), *declared)
    seeds = (*web_seeds, *(magnet.web_seeds if magnet else ()), *action.added_urls.get(WEB_SEEDS, ()))
    return deduplicate_urls(trackers), deduplicate_urls(seeds)


def _refuse_to_read() -> bytes:
    raise TorrentFileError("it was sent, and is not kept")
