"""Options → batches. What can only be sent together with something else, or only toggled, is read right before.

See docs/decisions/0034-read-before-sending-toggles-and-combined-values.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from reconciler.apply.delivery import Batch, ValueSetter, group_jobs
from reconciler.apply.job import Job, find_live, index_by_id
from reconciler.apply.target import Target
from reconciler.model.errors import RejectedError
from reconciler.model.fields.collections import file_text, find_trackers_to_remove
from reconciler.model.fields.field import ChangeRequest
from reconciler.model.fields.names import AUTO_TMM, CATEGORY, DOWNLOAD_PATH, FILES, SAVE_PATH, SHARE_LIMITS
from reconciler.model.fields.registry import entry_key_of, is_applied, list_options_set_by
from reconciler.model.files import LiveFile, Priority, find_wrong_priorities
from reconciler.model.links import TRACKERS, WEB_SEEDS, find_missing_urls
from reconciler.model.plan import AddTorrent, Change, FieldValue, SetTorrent
from reconciler.model.snapshot import LiveTorrent, ShareLimits
from reconciler.model.versions import BULK_ADD_TRACKERS, IMMEDIATE_PRIORITY


def field_batches(jobs: Sequence[Job], field: str, set_value: ValueSetter, *, single: bool = False) -> Iterator[Batch]:
    """Batches for one field; `single` where the server takes one torrent a request."""
    affected = [job for job in jobs if job.needs_sending(field)]
    for value, group in group_jobs(affected, lambda job: job.action.get_new_value(field)):

        def send(target: Target, todo: Sequence[Job], value: FieldValue = value) -> None:
            set_value(target, [job.id for job in todo], value)

        for batch_jobs in [[job] for job in group] if single else [group]:
            yield Batch(f"set {field}", batch_jobs, send, _make_applied_check(field))


def option_batches(jobs: Sequence[Job], target: Target) -> Iterator[Batch]:
    """Return batches for everything that is independent of other fields.

    Limits, download order, comment, trackers, files.
    """
    for field in list_options_set_by(ChangeRequest.VALUE):
        yield from field_batches(jobs, field, _make_value_setter(field))
    yield from toggle_batches(jobs)
    yield from _share_limit_batches(jobs)
    yield from _tracker_batches(jobs, target)
    yield from _tracker_removal_batches(jobs)
    for job in jobs:
        if job.needs_sending(WEB_SEEDS):
            yield Batch("add web seeds", [job], _add_web_seeds, _make_applied_check(WEB_SEEDS))
    yield from _file_batches(jobs, target)


def location_batches(jobs: Sequence[Job], set_category: ValueSetter, set_location: ValueSetter) -> Iterator[Batch]:
    """Return batches for what decides where data is.

    Automatic management ends before a category changes, and begins after it; or again, since the server may be set to
    end it with a category (`torrent_changed_tmm_enabled`).
    """
    ends = [job for job in jobs if job.action.get_new_value(AUTO_TMM) is False]
    begins = [job for job in jobs if job.action.get_new_value(AUTO_TMM) is True]
    yield from field_batches(ends, AUTO_TMM, _make_value_setter(AUTO_TMM))
    yield from field_batches(jobs, CATEGORY, set_category)
    yield from _management_batches(jobs)
    yield from field_batches(begins, AUTO_TMM, _make_value_setter(AUTO_TMM))
    yield from field_batches(jobs, SAVE_PATH, set_location)
    yield from field_batches(jobs, DOWNLOAD_PATH, _make_value_setter(DOWNLOAD_PATH))


def start_batches(jobs: Sequence[Job]) -> Iterator[Batch]:
    """Return batches that must follow stops and starts: a start ends a forced start, and on 4.2 super seeding too."""
    for field in list_options_set_by(ChangeRequest.START):
        yield from field_batches(jobs, field, _make_value_setter(field))


def _management_batches(jobs: Sequence[Job]) -> Iterator[Batch]:
    affected = [job for job in jobs if isinstance(job.action, SetTorrent) and job.action.keeps_auto_tmm]
    if affected:
        yield Batch(
            f"keep {AUTO_TMM}",
            affected,
            lambda target, todo: target.set_option([job.id for job in todo], AUTO_TMM, True),
            lambda _, live: live is not None and live.auto_tmm,
        )


def _make_value_setter(field: str) -> ValueSetter:
    return lambda target, ids, value: target.set_option(ids, field, value)


def _make_applied_check(*fields: str) -> Callable[[Job, LiveTorrent | None], bool]:
    """Return a check that is True if the changes of these fields show on the live torrent."""

    def check_job(job: Job, live: LiveTorrent | None) -> bool:
        action = job.action
        if live is None or not isinstance(action, SetTorrent):
            return False
        return all(is_applied(change, live, action) for change in action.changes if change.field in fields)

    return check_job


def toggle_batches(jobs: Sequence[Job]) -> Iterator[Batch]:
    """Return batches for all toggles. A batch that is sent again toggles only what differs at that moment."""
    for field in list_options_set_by(ChangeRequest.TOGGLE):
        yield from _field_toggle_batches(jobs, field)


def _field_toggle_batches(jobs: Sequence[Job], field: str) -> Iterator[Batch]:
    """Return batches for a toggle. The server can only invert it, so it is read first and sent where it differs."""
    affected = [job for job in jobs if job.needs_sending(field)]

    def send(target: Target, todo: Sequence[Job]) -> None:
        live = _read_by_id(todo, target)
        differing = [
            job.id for job in todo if (torrent := find_live(job, live)) and not _make_applied_check(field)(job, torrent)
        ]
        if differing:
            target.toggle_option(differing, field)

    if affected:
        yield Batch(f"set {field}", affected, send, _make_applied_check(field))


def _share_limit_batches(jobs: Sequence[Job]) -> Iterator[Batch]:
    """Return batches for share limits.

    A request sets all limits, so undeclared ones are sent with their present values.
    """
    fields = list_options_set_by(ChangeRequest.SHARE_LIMITS)
    affected = [job for job in jobs if any(map(job.needs_sending, fields))]
    is_applied = _make_applied_check(*fields)

    def send(target: Target, todo: Sequence[Job]) -> None:
        live = _read_by_id(todo, target)
        ids_by_limits: defaultdict[ShareLimits, list[str]] = defaultdict(list)
        for job in todo:
            torrent = find_live(job, live)
            if torrent and not is_applied(job, torrent):  # an earlier attempt may have ended between two requests
                ids_by_limits[_merge_share_limits(torrent.options.share, job.action.changes)].append(job.id)
        for limits, ids in ids_by_limits.items():
            target.set_share_limits(ids, limits)

    if affected:
        yield Batch("set share limits", affected, send, is_applied)


def _merge_share_limits(current: ShareLimits, changes: Iterable[Change]) -> ShareLimits:
    wanted = {
        change.field.partition(".")[2]: change.after for change in changes if entry_key_of(change.field) == SHARE_LIMITS
    }
    return replace(current, **wanted)  # type: ignore[arg-type]


def _tracker_batches(jobs: Sequence[Job], target: Target) -> Iterator[Batch]:
    affected = [job for job in jobs if job.needs_sending(TRACKERS) and job.added_urls.get(TRACKERS)]
    for urls, group in group_jobs(affected, lambda job: job.added_urls[TRACKERS]):

        def send(target: Target, todo: Sequence[Job], urls: Sequence[str] = urls) -> None:
            target.add_trackers([job.id for job in todo], urls)

        for batch_jobs in [group] if BULK_ADD_TRACKERS.is_available(target.api_version) else [[job] for job in group]:
            yield Batch("add trackers", batch_jobs, send, _has_added_trackers)


def _has_added_trackers(job: Job, live: LiveTorrent | None) -> bool:
    return live is not None and not find_missing_urls(job.added_urls.get(TRACKERS, ()), live.links, TRACKERS)


def _tracker_removal_batches(jobs: Sequence[Job]) -> Iterator[Batch]:
    """Return a batch that removes trackers, after others were added. Those of a new torrent are known only now."""
    affected = [job for job in jobs if job.needs_sending(TRACKERS) and (job.is_add or job.removed_trackers)]

    def send(target: Target, todo: Sequence[Job]) -> None:
        live = _read_by_id(todo, target)
        for job in todo:
            torrent = find_live(job, live)
            if torrent is None or not isinstance(job.action, SetTorrent):
                continue
            if urls := find_trackers_to_remove(job.action, torrent):
                _remove_trackers(target, job, urls)

    if affected:
        yield Batch("remove trackers", affected, send, _make_applied_check(TRACKERS))


def _remove_trackers(target: Target, job: Job, urls: Sequence[str]) -> None:
    """Remove trackers of one torrent; a refusal concerns no other torrent of the batch."""
    try:
        target.remove_trackers(job.id, urls)
    except RejectedError as error:
        job.error = f"remove trackers: {error}"


def _add_web_seeds(target: Target, jobs: Sequence[Job]) -> None:
    for job in jobs:
        target.add_web_seeds(job.id, job.added_urls[WEB_SEEDS])


def _file_batches(jobs: Sequence[Job], target: Target) -> Iterator[Batch]:
    """Return batches for one torrent and one priority at a time.

    qBittorrent 4.2 sets priorities in the background, from a list of all priorities: a request that follows too early
    is computed from the old list and reverts the one before. So each waits until the previous one shows.
    """
    for job in jobs:
        if job.needs_sending(FILES):
            for priority in Priority:
                if any(text.startswith(f"{priority} ") for text in _wanted_file_texts(job)):
                    what = f"set files to {priority}"
                    awaited = not IMMEDIATE_PRIORITY.is_available(target.api_version)
                    yield Batch(what, [job], _make_priority_sender(priority), _make_priority_check(priority), awaited)


def _make_priority_sender(priority: Priority) -> Callable[[Target, Sequence[Job]], None]:
    def send(target: Target, jobs: Sequence[Job]) -> None:
        for job in jobs:
            files = target.read_files([job.id]).get(job.id, ())
            if indexes := [file.index for file, wanted in _unapplied_files(job, files) if wanted is priority]:
                target.set_file_priority(job.id, indexes, priority)

    return send


def _make_priority_check(priority: Priority) -> Callable[[Job, LiveTorrent | None], bool]:
    def check_job(job: Job, live: LiveTorrent | None) -> bool:
        files = live.files if live else None
        return files is not None and all(wanted is not priority for _, wanted in _unapplied_files(job, files))

    return check_job


def _unapplied_files(job: Job, files: Iterable[LiveFile]) -> list[tuple[LiveFile, Priority]]:
    """Return the files whose priorities differ from the rules of the action, or else from its listed files."""
    if isinstance(job.action, AddTorrent) and job.action.file_rules:
        return find_wrong_priorities(files, job.action.file_rules)
    named = {*_wanted_file_texts(job)}
    wanted = ((file, priority) for file in files for priority in Priority if file_text(file, priority) in named)
    return [(file, priority) for file, priority in wanted if file.priority is not priority]


def _wanted_file_texts(job: Job) -> tuple[str, ...]:
    after = job.action.get_new_value(FILES)
    return after if isinstance(after, tuple) else ()


def _read_by_id(jobs: Sequence[Job], target: Target) -> dict[str, LiveTorrent]:
    return index_by_id(target.read_torrents([job.id for job in jobs]))
