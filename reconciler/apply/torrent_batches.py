"""Actions → batches: one request for each distinct value of a verb, with many torrents in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from typing import Final

from reconciler.apply.delivery import Batch, grouped
from reconciler.apply.job import Job, marks_to_remove, tags_to_add, tags_to_remove
from reconciler.apply.option_batches import field_batches, last_batches, option_batches, place_batches
from reconciler.apply.target import Target
from reconciler.model.links import TRACKERS, WEB_SEEDS, with_links
from reconciler.model.magnet import Magnet
from reconciler.model.options import CREATE_ONLY, METADATA_RECEIVED, OPTIONS, STOP_CONDITION, Version, goes_with_add
from reconciler.model.plan import Action, Change, Verb
from reconciler.model.snapshot import AddOptions
from reconciler.model.torrent_file import SourceError, TorrentFile

ADDS_PER_REQUEST = 1000  # measured: larger calls gain nothing and answer later
ADD_BYTES = 8 << 20  # of magnet links or .torrent files in one request; the server takes 64 MiB
_AS_IT_IS: Final = (("content_layout", "original"), ("skip_checking", True))  # for data that has just been hashed
PART_OVERHEAD = 300  # bytes around each file in a request


def add_batches(jobs: Sequence[Job], target: Target) -> Iterator[Batch]:
    """Adds, grouped by their options; links and files go in requests of their own."""
    by_options = grouped(jobs, lambda job: (isinstance(job.action.adds, Magnet), _add_options(job.action, target)))
    for (links, options), group in by_options:
        send = partial(_send_links if links else _send_files, options=options)
        for part in _parts(group):
            yield Batch("add", part, send, lambda _, live: live is not None)


def change_batches(jobs: Sequence[Job], target: Target) -> Iterator[Batch]:
    """Changes of torrents that are there, in the order in which they must be made."""
    tagged = [job for job in jobs if not (job.is_add and target.tags_at_add)]
    changed = [job for job in jobs if not job.is_add]
    incomplete = [job for job in jobs if job.late or not job.is_add]
    for tags, group in grouped(tagged, lambda job: tags_to_add(job.action.changes)):
        if tags:
            yield _tag_batch(tags, group)
    for tags, group in grouped(changed, lambda job: tags_to_remove(job.action)):
        if tags:
            yield _untag_batch(tags, group)
    yield from option_batches(incomplete, target)
    yield from place_batches(
        changed,
        lambda t, ids, value: t.set_category(ids, str(value)),
        lambda t, ids, value: t.set_location(ids, str(value)),
    )
    yield from field_batches(changed, "name", lambda t, ids, value: t.rename(ids[0], str(value)), single=True)
    yield from field_batches(changed, "paused", lambda t, ids, value: t.stop(ids) if value else t.start(ids))
    yield from last_batches(incomplete)
    yield from _release_batches(changed)


def _release_batches(jobs: Sequence[Job]) -> Iterator[Batch]:
    """What tells that a torrent was stopped by us comes off once it is started, and only where that was not refused.

    The other way round, a run that ends in between would leave torrents stopped that nobody starts again.
    """
    let_go = [job for job in jobs if not job.error]
    for marks, group in grouped(let_go, lambda job: marks_to_remove(job.action)):
        if marks:
            yield _untag_batch(marks, group)


def late_fields(action: Action, api: Version) -> frozenset[str]:
    """The fields of an add that the add itself does not carry on that version. Only a link can hold trackers."""
    if action.wanted("content") is not None:  # all that a .torrent file can hold is in the one that was made
        return frozenset(c.field for c in action.changes if c.field != "comment" and not goes_with_add(c.field, api))
    late = {"files"} if isinstance(action.adds, Magnet) else {"files", TRACKERS, WEB_SEEDS}
    return frozenset(c.field for c in action.changes if c.field in late or not goes_with_add(c.field, api))


def delete_batches(jobs: Sequence[Job]) -> Iterator[Batch]:
    """Deletions: without data and with."""
    for with_files, group in grouped(jobs, lambda job: job.action.delete_files):

        def send(target: Target, jobs: Sequence[Job], with_files: bool = with_files) -> None:
            target.delete([job.id for job in jobs], with_files)

        yield Batch("delete", group, send, lambda _, live: live is None)


def deletes(job: Job) -> bool:
    """Does the job remove a torrent?"""
    return job.action.verb is Verb.DELETE


def _send_links(target: Target, jobs: Sequence[Job], *, options: AddOptions) -> None:
    target.add([_link(job.action) for job in jobs], options)


def _send_files(target: Target, jobs: Sequence[Job], *, options: AddOptions) -> None:
    """Upload .torrent files, read only now. One that cannot be had any more is noted on its job and left out."""
    files: dict[str, bytes] = {}
    for job in jobs:
        if isinstance(job.action.adds, TorrentFile):
            try:
                files[f"{job.id}.torrent"] = job.action.adds.content()  # of two parts with one name, one would be lost
            except SourceError as error:
                job.error = f"its .torrent file cannot be used any more: {error}"
    if files:
        target.upload(files, options)


def _add_options(action: Action, target: Target) -> AddOptions:
    return _options(action.changes, isinstance(action.adds, Magnet), target.tags_at_add, target.api)


@lru_cache(1024)  # many torrents are added alike
def _options(changes: tuple[Change, ...], by_link: bool, tags_at_add: bool, api: Version) -> AddOptions:
    """Nothing is left to the server's settings: a category alone means automatic management, so its path holds.

    A magnet link that is stopped from the beginning never gets its metadata; so the server stops it at that point.
    """
    wanted = {change.field: change.after for change in changes}
    path, category, name = wanted.get("save_path"), wanted.get("category"), wanted.get("name")
    metadata_first = by_link and wanted.get(STOP_CONDITION) == METADATA_RECEIVED
    return AddOptions(
        stopped=wanted.get("paused") is True and not metadata_first,
        auto_tmm=wanted.get("auto_tmm", bool(category) and path is None) is True,
        category=str(category or ""),
        save_path=None if path is None else str(path),
        tags=tuple(sorted(tags_to_add(changes))) if tags_at_add else (),
        name=None if name is None else str(name),
        more=(*_more(changes, api), *(_AS_IT_IS if "content" in wanted else ())),
    )


def _more(changes: Sequence[Change], api: Version) -> tuple[tuple[str, str | bool | int | float], ...]:
    carried = (c for c in changes if c.field in OPTIONS or c.field in CREATE_ONLY)
    return tuple(
        (c.field, c.after)
        for c in carried
        if c.field != "auto_tmm" and goes_with_add(c.field, api) and isinstance(c.after, (str, bool, int, float))
    )


def _link(action: Action) -> str:
    """The link that is sent. Trackers and web seeds go with it: no version but takes them there."""
    uri = action.adds.uri if isinstance(action.adds, Magnet) else ""
    return with_links(uri, action.urls.get("trackers", ()), action.urls.get("web_seeds", ())) if action.urls else uri


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


def _parts(jobs: Sequence[Job]) -> Iterator[Sequence[Job]]:
    """Cut adds so that a request stays small in number and bytes."""
    part: list[Job] = []
    size = 0
    for job in jobs:
        length = _length(job.action)
        if part and (len(part) == ADDS_PER_REQUEST or size + length > ADD_BYTES):
            yield part
            part, size = [], 0
        part.append(job)
        size += length
    if part:
        yield part


def _length(action: Action) -> int:
    """What it adds to a request, in bytes."""
    if isinstance(action.adds, TorrentFile):
        return action.adds.length + PART_OVERHEAD
    return len(_link(action).encode())
