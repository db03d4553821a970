"""Options → batches. What can only be sent together with something else, or only toggled, is read right before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from reconciler.apply.delivery import Batch, Requests, grouped
from reconciler.apply.job import Job, by_id, live_of
from reconciler.apply.target import Target
from reconciler.model.fields import arrived, file_text
from reconciler.model.files import LiveFile, Priority, unsettled
from reconciler.model.options import OPTIONS, SHARE_LIMITS, group
from reconciler.model.plan import Change, Value
from reconciler.model.snapshot import LiveTorrent, ShareLimits

MANY_TRACKED: Final = (2, 11, 9)  # Web API from which trackers are added to many torrents in one request
PRIORITIES_AT_ONCE: Final = (2, 8, 4)  # Web API from which a priority shows at once (seen: 4.5.2, and not on 4.2.5)
_TOGGLES: Final = ("sequential", "first_last_piece_first")
_PLAIN: Final = ("download_limit", "upload_limit", "comment")


def field_batches(jobs: Sequence[Job], field: str, call: Requests, *, single: bool = False) -> Iterator[Batch]:
    """Batches for one field; `single` where the server takes one torrent a request."""
    having = [job for job in jobs if job.sends(field)]
    for value, part in grouped(having, lambda job: job.action.wanted(field)):

        def send(target: Target, todo: Sequence[Job], value: Value = value) -> None:
            call(target, [job.id for job in todo], value)

        for some in [[job] for job in part] if single else [part]:
            yield Batch(f"set {field}", some, send, _shows(field))


def option_batches(jobs: Sequence[Job], target: Target) -> Iterator[Batch]:
    """All that has no bearing on others: limits, order of download, comment, trackers, files."""
    for field in _PLAIN:
        yield from field_batches(jobs, field, _setter(field))
    for field in _TOGGLES:
        yield from _toggle_batches(jobs, field)
    yield from _share_batches(jobs)
    yield from _tracker_batches(jobs, target)
    for job in jobs:
        if job.sends("web_seeds"):
            yield Batch("add web seeds", [job], _add_web_seeds, _shows("web_seeds"))
    yield from _file_batches(jobs, target)


def place_batches(jobs: Sequence[Job], set_category: Requests, set_location: Requests) -> Iterator[Batch]:
    """What decides where data is. Automatic management ends before a category changes, and begins after it."""
    ends = [job for job in jobs if job.action.wanted("auto_tmm") is False]
    begins = [job for job in jobs if job.action.wanted("auto_tmm") is True]
    yield from field_batches(ends, "auto_tmm", _setter("auto_tmm"))
    yield from field_batches(jobs, "category", set_category)
    yield from field_batches(begins, "auto_tmm", _setter("auto_tmm"))
    yield from field_batches(jobs, "save_path", set_location)
    yield from field_batches(jobs, "download_path", _setter("download_path"))


def last_batches(jobs: Sequence[Job]) -> Iterator[Batch]:
    """What stops and starts would undo: a plain start ends a forced one, and on 4.2 a start ends super seeding."""
    yield from field_batches(jobs, "force_start", _setter("force_start"))
    yield from field_batches(jobs, "super_seeding", _setter("super_seeding"))


def _setter(field: str) -> Requests:
    return lambda target, ids, value: target.set_option(ids, field, value)


def _shows(*fields: str) -> Callable[[Job, LiveTorrent | None], bool]:
    """Has the part of a job that is about these fields taken effect?"""

    def done(job: Job, live: LiveTorrent | None) -> bool:
        changes = (change for change in job.action.changes if change.field in fields)
        return live is not None and all(arrived(change, live, job.action) for change in changes)

    return done


def _toggle_batches(jobs: Sequence[Job], field: str) -> Iterator[Batch]:
    """The server can only turn a toggle over, so it is read first, and sent for those torrents where it differs."""
    having = [job for job in jobs if job.sends(field)]

    def send(target: Target, todo: Sequence[Job]) -> None:
        live = _fresh(todo, target)
        differing = [job.id for job in todo if (found := live_of(job, live)) and not _shows(field)(job, found)]
        if differing:
            target.toggle(differing, field)

    if having:
        yield Batch(f"set {field}", having, send, _shows(field))


def _share_batches(jobs: Sequence[Job]) -> Iterator[Batch]:
    """All limits are set at once, so those that are not declared are sent as they are."""
    fields = [field for field in OPTIONS if group(field) == SHARE_LIMITS]
    having = [job for job in jobs if any(map(job.sends, fields))]

    def send(target: Target, todo: Sequence[Job]) -> None:
        live = _fresh(todo, target)
        whole: defaultdict[ShareLimits, list[str]] = defaultdict(list)
        for job in todo:
            if found := live_of(job, live):
                whole[_limits(found.options.share, job.action.changes)].append(job.id)
        for limits, ids in whole.items():
            target.set_share_limits(ids, limits)

    if having:
        yield Batch("set share limits", having, send, _shows(*fields))


def _limits(present: ShareLimits, changes: Iterable[Change]) -> ShareLimits:
    wanted = {change.field.partition(".")[2]: change.after for change in changes if group(change.field) == SHARE_LIMITS}
    return replace(present, **wanted)  # type: ignore[arg-type]


def _tracker_batches(jobs: Sequence[Job], target: Target) -> Iterator[Batch]:
    having = [job for job in jobs if job.sends("trackers")]
    for urls, part in grouped(having, lambda job: job.action.urls["trackers"]):

        def send(target: Target, todo: Sequence[Job], urls: Sequence[str] = urls) -> None:
            target.add_trackers([job.id for job in todo], urls)

        for some in [part] if target.api >= MANY_TRACKED else [[job] for job in part]:
            yield Batch("add trackers", some, send, _shows("trackers"))


def _add_web_seeds(target: Target, jobs: Sequence[Job]) -> None:
    for job in jobs:
        target.add_web_seeds(job.id, job.action.urls["web_seeds"])


def _file_batches(jobs: Sequence[Job], target: Target) -> Iterator[Batch]:
    """One torrent and one priority at a time.

    qBittorrent 4.2 works on them in the background, from a list of all priorities: what follows too early is computed
    from the old list and undoes what went before. So the next one waits until the one before shows.
    """
    for job in jobs:
        if job.sends("files"):
            for priority in Priority:
                if any(text.startswith(f"{priority} ") for text in _texts(job)):
                    what = f"set files to {priority}"
                    awaited = target.api < PRIORITIES_AT_ONCE
                    yield Batch(what, [job], _set_files(priority), _files_show(priority), awaited)


def _set_files(priority: Priority) -> Callable[[Target, Sequence[Job]], None]:
    def send(target: Target, jobs: Sequence[Job]) -> None:
        for job in jobs:
            files = target.files([job.id]).get(job.id, ())
            if indexes := [file.index for file, wanted in _left(job, files) if wanted is priority]:
                target.prioritize(job.id, indexes, priority)

    return send


def _files_show(priority: Priority) -> Callable[[Job, LiveTorrent | None], bool]:
    def done(job: Job, live: LiveTorrent | None) -> bool:
        files = live.files if live else None
        return files is not None and all(wanted is not priority for _, wanted in _left(job, files))

    return done


def _left(job: Job, files: Iterable[LiveFile]) -> list[tuple[LiveFile, Priority]]:
    """The files that are not yet as the action wants them: by its rules, or else just those that it shows."""
    if job.action.files:
        return unsettled(files, job.action.files)
    named = {*_texts(job)}
    wanted = ((file, priority) for file in files for priority in Priority if file_text(file, priority) in named)
    return [(file, priority) for file, priority in wanted if file.priority is not priority]


def _texts(job: Job) -> tuple[str, ...]:
    after = job.action.wanted("files")
    return after if isinstance(after, tuple) else ()


def _fresh(jobs: Sequence[Job], target: Target) -> dict[str, LiveTorrent]:
    return by_id(target.read([job.id for job in jobs]))
