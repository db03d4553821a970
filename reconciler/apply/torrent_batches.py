"""Actions → batches: one request for each distinct value of a verb, with many torrents in it.

See docs/decisions/0002-add-torrents-in-their-final-state.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain

from reconciler.apply.delivery import Batch, group_jobs, prepare_ahead
from reconciler.apply.job import Job, marks_to_remove, tags_to_add, tags_to_remove
from reconciler.apply.option_batches import field_batches, location_batches, option_batches, start_batches
from reconciler.apply.target import Target
from reconciler.apply.torrent_creation import note_follow_ups
from reconciler.model.add_options import build_add_options
from reconciler.model.fields.names import COMMENT, CONTENT, FILES, NAME, PAUSED
from reconciler.model.fields.registry import can_set_at_add
from reconciler.model.links import (
    TRACKERS,
    WEB_SEEDS,
    append_links,
    find_excess_trackers,
    has_common_tracker_scheme,
)
from reconciler.model.magnet import Magnet, remove_trackers
from reconciler.model.plan import AddTorrent
from reconciler.model.snapshot import AddOptions
from reconciler.model.torrent_file import TorrentFile, TorrentFileError
from reconciler.model.versions import ApiVersion

MAX_ADDS_PER_REQUEST = 1000  # measured: larger calls gain nothing and answer later
MAX_ADD_BYTES = 8 << 20  # of magnet links or .torrent files in one request; the server takes 64 MiB
FILE_OVERHEAD_BYTES = 300  # bytes around each file in a request


def prepare_adds(jobs: Sequence[Job], target: Target) -> Iterator[Batch]:
    """Return batches of adds by their own sources, and note on all adds what must follow them.

    If there are many, the next batch is made while one is sent, and what must follow is noted while the last is.
    """
    api_version = target.api_version  # which may be another one after a request; the adds are made for this one

    def prepare() -> Iterator[Batch]:
        yield from add_batches((job for job in jobs if not job.has_metadata_source), target)
        note_fields_after_add(jobs, api_version)
        note_follow_ups(jobs)

    return prepare_ahead(prepare()) if len(jobs) > MAX_ADDS_PER_REQUEST else prepare()


def add_batches(jobs: Iterable[Job], target: Target) -> Iterator[Batch]:
    """Return adds, grouped by their options; links and files go in separate requests."""
    for (is_link, options), group in _iter_groups(jobs, target):
        for batch_jobs in _split_adds(group):
            if is_link:
                links = {job: _build_link(job) for job in batch_jobs}
                send = partial(_send_links, links=links, options=options)
            else:
                send = partial(_send_files, options=options)
            yield Batch("add", batch_jobs, send, lambda _, live: live is not None)


def _iter_groups(jobs: Iterable[Job], target: Target) -> Iterator[tuple[tuple[bool, AddOptions], Iterable[Job]]]:
    """Yield adds by their kind of source and their options. Thousands share their changes, and so their options.

    The first group is yielded while all jobs are still being sorted: the first request does not wait for that.
    """
    groups: dict[tuple[bool, AddOptions], list[Job]] = {}
    groups_by_changes: dict[tuple[bool, int], list[Job]] = {}  # by the id of the changes, which the jobs keep
    can_tag, api_version = target.can_tag_at_add, target.api_version

    def find_group(job: Job) -> list[Job]:
        is_link, changes = isinstance(job.source, Magnet), job.action.changes
        group = groups_by_changes.get((is_link, id(changes)))
        if group is None:
            options = build_add_options(changes, is_link, can_tag, api_version)
            group = groups_by_changes[is_link, id(changes)] = groups.setdefault((is_link, options), [])
        return group

    left = iter(jobs)
    head = next(left, None)
    if head is None:
        return
    first, all_jobs = find_group(head), chain([head], left)
    (key,) = groups

    def iter_first() -> Iterator[Job]:
        for job in all_jobs:
            group = find_group(job)
            if group is first:
                yield job
            else:
                group.append(job)

    yield key, iter_first()
    del groups[key]
    yield from groups.items()


def change_batches(jobs: Sequence[Job], target: Target) -> Iterator[Batch]:
    """Changes of torrents that are there, in the order in which they must be made."""
    if not jobs:
        return
    changed = [job for job in jobs if not job.is_add]
    tagged = changed if target.can_tag_at_add else jobs
    incomplete = [job for job in jobs if job.fields_after_add or not job.is_add]
    for tags, group in group_jobs(tagged, lambda job: tags_to_add(job.action.changes)):
        if tags:
            yield _tag_batch(tags, group)
    for tags, group in group_jobs(changed, lambda job: tags_to_remove(job.action.changes)):
        if tags:
            yield _untag_batch(tags, group)
    yield from option_batches(incomplete, target)
    yield from location_batches(
        changed,
        lambda t, ids, value: t.set_category(ids, str(value)),
        lambda t, ids, value: t.set_location(ids, str(value)),
    )
    yield from field_batches(changed, NAME, lambda t, ids, value: t.rename_torrent(ids[0], str(value)), single=True)
    yield from field_batches(
        changed, PAUSED, lambda t, ids, value: t.stop_torrents(ids) if value else t.start_torrents(ids)
    )
    yield from start_batches(incomplete)
    yield from _release_batches(changed)


def _release_batches(jobs: Sequence[Job]) -> Iterator[Batch]:
    """Return batches that remove the marks of stopped torrents, once these are started and if that was not refused.

    In the other order, a run that ends in between would leave torrents stopped that nobody starts again.
    """
    started = [job for job in jobs if not job.error]
    for marks, group in group_jobs(started, lambda job: marks_to_remove(job.action.changes)):
        if marks:
            yield _untag_batch(marks, group)


def note_fields_after_add(jobs: Iterable[Job], api: ApiVersion) -> None:
    """Note on adds which fields must follow them. Thousands share their changes, and so these fields."""
    known: dict[tuple[object, ...], frozenset[str]] = {}  # by the id of the changes, which the jobs keep, and the rest
    for job in jobs:
        action = job.action
        if not isinstance(action, AddTorrent):
            continue
        is_link, trackers = isinstance(action.source, Magnet), action.added_urls.get(TRACKERS, ())
        key = (id(action.changes), is_link, action.metadata_from is None, action.only_trackers, trackers)
        fields = known.get(key)
        if fields is None:
            fields = known[key] = fields_after_add(action, api)
        job.fields_after_add = fields


def fields_after_add(action: AddTorrent, api: ApiVersion) -> frozenset[str]:
    """Return the fields of an add that must follow it on that version.

    Only a link can hold trackers, and a server may add some of its own. qBittorrent 5.3 drops those of other schemes
    than HTTP and UDP from a link, but keeps them when they are added to the torrent.
    """
    late = {TRACKERS} if action.only_trackers else set()
    if action.get_new_value(CONTENT) is not None:  # the created .torrent file holds everything that it can
        fields = {c.field for c in action.changes} - {COMMENT}
        return frozenset(field for field in fields if field in late or not can_set_at_add(field, api))
    carries_links = isinstance(action.source, Magnet) or action.metadata_from
    late |= {FILES} if carries_links else {FILES, TRACKERS, WEB_SEEDS}
    if not all(map(has_common_tracker_scheme, action.added_urls.get(TRACKERS, ()))):
        late.add(TRACKERS)
    return frozenset(c.field for c in action.changes if c.field in late or not can_set_at_add(c.field, api))


def delete_batches(jobs: Sequence[Job]) -> Iterator[Batch]:
    """Deletions: without data and with."""
    for with_files, group in group_jobs(jobs, lambda job: job.deletes_files):

        def send(target: Target, jobs: Sequence[Job], with_files: bool = with_files) -> None:
            target.delete_torrents([job.id for job in jobs], with_files)

        yield Batch("delete", group, send, lambda _, live: live is None)


def _send_links(target: Target, jobs: Sequence[Job], *, links: Mapping[Job, str], options: AddOptions) -> None:
    target.add_magnets([links[job] for job in jobs], options)


def _send_files(target: Target, jobs: Sequence[Job], *, options: AddOptions) -> None:
    """Upload .torrent files, read only now. Unreadable files are recorded on their jobs and omitted."""
    files: dict[str, bytes] = {}
    for job in jobs:
        if isinstance(job.source, TorrentFile):
            try:
                files[f"{job.id}.torrent"] = job.source.read_bytes()  # of two parts with one name, one would be lost
            except TorrentFileError as error:
                job.error = f"its .torrent file cannot be used any more: {error}"
    if files:
        target.add_torrent_files(files, options)


def _build_link(job: Job) -> str:
    """Return the link to send. It carries trackers and web seeds on every version."""
    source, action = job.source, job.action
    if not isinstance(source, Magnet) or not isinstance(action, AddTorrent):
        return ""
    if not action.added_urls:
        return source.uri
    trackers = action.added_urls.get(TRACKERS, ())
    excess = find_excess_trackers(source.trackers, trackers, only=action.only_trackers)
    uri = remove_trackers(source.uri, excess) if excess else source.uri
    return append_links(uri, trackers, action.added_urls.get(WEB_SEEDS, ()))


def _tag_batch(tags: frozenset[str], jobs: Sequence[Job]) -> Batch:
    return Batch(
        "add tags",
        jobs,
        lambda target, todo: target.add_tags([job.id for job in todo], sorted(tags)),
        lambda _, live: live is not None and tags <= live.tags,
    )


def _untag_batch(tags: frozenset[str], jobs: Sequence[Job]) -> Batch:
    return Batch(
        "remove tags",
        jobs,
        lambda target, todo: target.remove_tags([job.id for job in todo], sorted(tags)),
        lambda _, live: live is not None and not tags & live.tags,
    )


def _split_adds(jobs: Iterable[Job]) -> Iterator[Sequence[Job]]:
    """Cut adds so that a request stays small in number and bytes."""
    batch_jobs: list[Job] = []
    size = 0
    for job in jobs:
        length = _request_bytes(job)
        if batch_jobs and (len(batch_jobs) == MAX_ADDS_PER_REQUEST or size + length > MAX_ADD_BYTES):
            yield batch_jobs
            batch_jobs, size = [], 0
        batch_jobs.append(job)
        size += length
    if batch_jobs:
        yield batch_jobs


def _request_bytes(job: Job) -> int:
    """Return the bytes that the job adds to a request."""
    if isinstance(job.source, TorrentFile):
        return job.source.length + FILE_OVERHEAD_BYTES
    return len(_build_link(job).encode())
