"""Actions → batches: one request for each distinct value of a verb, with many torrents in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from reconciler.apply.job import Job, tags_to_add, tags_to_remove
from reconciler.apply.target import Target
from reconciler.model.fields import arrived
from reconciler.model.plan import Verb
from reconciler.model.snapshot import AddOptions, LiveTorrent
from reconciler.model.tags import HELD, HELD_FORCED

K = TypeVar("K", bound=Hashable)

ADDS_PER_REQUEST = 1000  # magnets; measured: larger calls gain nothing and answer later
ADD_BYTES = 8 << 20  # of magnet links in one request; the server takes 64 MiB


@dataclass(frozen=True, slots=True)
class Batch:
    """Jobs that share one request. `done` tells from a live torrent whether this step has taken effect on a job."""

    what: str
    jobs: Sequence[Job]
    send: Callable[[Target, Sequence[Job]], None]
    done: Callable[[Job, LiveTorrent | None], bool]


def add_batches(jobs: Sequence[Job], target: Target) -> Iterator[Batch]:
    """Adds, grouped by their options."""
    for options, group in _grouped(jobs, lambda job: _add_options(job, target.tags_at_add)):

        def send(target: Target, jobs: Sequence[Job], options: AddOptions = options) -> None:
            target.add([job.action.magnet.uri for job in jobs if job.action.magnet], options)

        for part in _parts(group):
            yield Batch("add", part, send, lambda _, live: live is not None)


def change_batches(jobs: Sequence[Job], target: Target) -> Iterator[Batch]:
    """Changes of torrents that are there, in the order in which they must be made."""
    tagged = [job for job in jobs if not (job.is_add and target.tags_at_add)]
    changed = [job for job in jobs if not job.is_add]
    for tags, group in _grouped(tagged, lambda job: tags_to_add(job.action)):
        if tags:
            yield _tag_batch(tags, group)
    for tags, group in _grouped(changed, lambda job: tags_to_remove(job.action)):
        if tags:
            yield _untag_batch(tags, group)
    yield from _field_batches(changed, "category", lambda t, ids, value: t.set_category(ids, str(value)))
    yield from _field_batches(changed, "save_path", lambda t, ids, value: t.set_location(ids, str(value)))
    yield from _field_batches(changed, "name", lambda t, ids, value: t.rename(ids[0], str(value)), single=True)
    yield from _field_batches(changed, "paused", lambda t, ids, value: t.stop(ids) if value else t.start(ids))
    yield from _field_batches(changed, "force_start", lambda t, ids, _: t.force_start(ids))
    yield from _release_batches(changed)


def _release_batches(jobs: Sequence[Job]) -> Iterator[Batch]:
    """The kill switch takes its marks off once what it had stopped is started, and only where that was not refused.

    The other way round, a run that ends in between would leave torrents stopped that nobody starts again.
    """
    let_go = [job for job in jobs if not job.error and _releases(job)]
    if let_go:
        yield _untag_batch(frozenset({HELD, HELD_FORCED}), let_go)


def _releases(job: Job) -> bool:
    return any(change.field == "held" and change.after is None for change in job.action.changes)


def delete_batches(jobs: Sequence[Job]) -> Iterator[Batch]:
    """Deletions: without data and with."""
    for with_files, group in _grouped(jobs, lambda job: job.action.delete_files):

        def send(target: Target, jobs: Sequence[Job], with_files: bool = with_files) -> None:
            target.delete([job.id for job in jobs], with_files)

        yield Batch("delete", group, send, lambda _, live: live is None)


def deletes(job: Job) -> bool:
    """Does the job remove a torrent?"""
    return job.action.verb is Verb.DELETE


def _add_options(job: Job, with_tags: bool) -> AddOptions:
    """Nothing is left to the server's settings: a category alone means automatic management, so its path holds."""
    action = job.action
    path, category = action.wanted("save_path"), action.wanted("category")
    name = action.wanted("name")
    return AddOptions(
        stopped=action.wanted("paused") is True,
        auto_tmm=bool(category) and path is None,
        category=str(category or ""),
        save_path=None if path is None else str(path),
        tags=tuple(sorted(tags_to_add(action))) if with_tags else (),
        name=None if name is None else str(name),
    )


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


def _field_batches(
    jobs: Sequence[Job], field: str, call: Callable[[Target, list[str], object], None], *, single: bool = False
) -> Iterator[Batch]:
    """Batches for one field; `single` where the server takes one torrent a request."""
    having = [job for job in jobs if any(change.field == field for change in job.action.changes)]

    def done(job: Job, live: LiveTorrent | None) -> bool:
        wanted = [change for change in job.action.changes if change.field == field]
        return live is not None and all(arrived(change, live) for change in wanted)

    for value, group in _grouped(having, lambda job: job.action.wanted(field)):

        def send(target: Target, todo: Sequence[Job], value: object = value) -> None:
            call(target, [job.id for job in todo], value)

        for part in [[job] for job in group] if single else [group]:
            yield Batch(f"set {field}", part, send, done)


def _grouped(jobs: Sequence[Job], key: Callable[[Job], K]) -> Iterator[tuple[K, list[Job]]]:
    groups: defaultdict[K, list[Job]] = defaultdict(list)
    for job in jobs:
        groups[key(job)].append(job)
    yield from groups.items()


def _parts(jobs: Sequence[Job]) -> Iterator[Sequence[Job]]:
    """Cut adds so that a request stays small in number and bytes."""
    part: list[Job] = []
    size = 0
    for job in jobs:
        length = len(job.action.magnet.uri.encode()) if job.action.magnet else 0
        if part and (len(part) == ADDS_PER_REQUEST or size + length > ADD_BYTES):
            yield part
            part, size = [], 0
        part.append(job)
        size += length
    if part:
        yield part
