"""Executes the plan of one instance, in the order that keeps every moment between two requests safe.

What is urgent comes before everything. Then categories, since torrents need them. Then adds, each with all its values
at once: a run that is killed between two requests leaves no torrent half made. Then changes. What has to be made from
content is begun before the adds and added after the changes, for hashing takes the server a while. Deletions last, on a
fresh read. What counts as applied is what a read-back shows.

See docs/decisions/0004-confirm-success-by-reading-back.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from typing import Final

from reconciler.apply.categories import apply_categories, remove_categories
from reconciler.apply.deleted_data import DeletedData
from reconciler.apply.delivery import Batch, InstanceLost, group_jobs, not_yet_applied, read_jobs, send_batch
from reconciler.apply.job import Job, Step, find_live, index_by_id
from reconciler.apply.metadata import MetadataProvider, MetadataSender, NoMetadata
from reconciler.apply.move_check import drop_outdated_moves
from reconciler.apply.option_batches import toggle_batches
from reconciler.apply.preferences import apply_preferences
from reconciler.apply.read_back import ReadBack
from reconciler.apply.rekeyed import RekeyedTorrents
from reconciler.apply.target import Target
from reconciler.apply.torrent_batches import change_batches, delete_batches, prepare_adds
from reconciler.apply.torrent_creation import TorrentCreator, TorrentWriter, note_follow_ups, run_follow_ups
from reconciler.apply.untagged_adds import not_added_reason, tag_sent_adds
from reconciler.model import versions
from reconciler.model.data_overlap import DataPathIndex
from reconciler.model.errors import InstanceError, InternalError, LeaseLapsed, StopRequested, SuspendedMeanwhile
from reconciler.model.fields.names import CATEGORY, FIRST_LAST_PIECE_FIRST, METADATA, OWNER, PEER, QUARANTINE
from reconciler.model.plan import (
    DeleteCategory,
    EnsureCategory,
    FieldValue,
    InstancePlan,
    Outcome,
    SetPreference,
)
from reconciler.model.run import ActionResult
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.tags import IGNORE_TAG, PROTECT_TAG, QUARANTINE_PREFIX, build_owner_tag
from reconciler.retry import RetryPolicy

TOGGLE_PAUSE = 2.0  # seconds, at least, until a toggle that does not show is sent again; a server shows it at once
MOVE_TIMEOUT = 3.0  # seconds to wait for a move to end before it is reported as deferred
HIDDEN_TOGGLE_TIMEOUT = 5.0  # seconds to wait for a toggle that the server may not show; enough to send it again once
HIDDEN_TOGGLE_REASON = "sent, but this qBittorrent does not show first_last_piece_first for a torrent with such files"
SAMPLE_MIN_JOBS = 100  # jobs; fewer are read back whole at once
_REMEMBERED_TEXT: Final = "; if it was added without our tag, the next run finds it by the journal"
_NOT_REMEMBERED_TEXT: Final = (
    "; it may have been added without our tag, and there is no journal to find it by: "
    "run again while it is declared, which adopts it"
)


def _ignore_progress(_count: int) -> None:
    """Show no progress."""


def _remember_nothing(_ids: Collection[str]) -> bool:
    return False


def _refuse_to_write(path: str, _data: bytes) -> None:
    raise OSError(f"nothing is to be written here: {path}")


class Executor:
    """Executes one instance's plan on one target.

    `advance(n)` is called after every n finished actions. `write_torrent(path, data)` writes a local file, or raises
    `OSError`. `remember_adds(ids)` is called before adds that cannot carry their tags, and returns True if a later run
    will know them. `holders`: the instances that have metadata for torrents of this one.
    """

    def __init__(
        self,
        target: Target,
        retry: RetryPolicy,
        advance: Callable[[int], None] = _ignore_progress,
        write_torrent: TorrentWriter = _refuse_to_write,
        remember_adds: Callable[[Collection[str]], bool] = _remember_nothing,
        holders: MetadataProvider | None = None,
    ) -> None:
        self._target = target
        self._retry = retry
        self._advance = advance
        self._write_torrent = write_torrent
        self._remember_adds = remember_adds
        self._are_adds_remembered = False
        self._metadata_sender = MetadataSender(target, retry, holders or NoMetadata())

    def execute(self, plan: InstancePlan) -> tuple[tuple[ActionResult, ...], InstanceError | None]:
        """Execute the plan. Return every action's outcome, and the error that lost the instance, if any."""
        if not plan.actions:  # most instances, in most runs
            return (), None
        jobs = [Job(action, action.torrent_id) for action in plan.actions]
        lost: InstanceError | None = None
        for job in jobs:
            if job.action.hold:
                job.end(job.action.hold)
        try:
            self._execute_jobs(_list_pending(jobs))
        except InstanceLost as error:
            lost = error.cause
            self._abandon_jobs(jobs, f"the instance was lost: {error}")
        except (SuspendedMeanwhile, LeaseLapsed) as error:
            self._abandon_jobs(jobs, str(error))
        except StopRequested:
            tag_sent_adds(jobs, self._target, self._retry.clock.pause)
            self._abandon_jobs(jobs, "the run was stopped")
        except Exception as error:
            lost = InternalError(plan.name, error)
            self._abandon_jobs(jobs, str(lost))
        return tuple(job.to_result() for job in jobs), lost

    def _abandon_jobs(self, jobs: Sequence[Job], reason: str) -> None:
        for job in jobs:
            if not job.sent:
                job.end(Outcome.DROPPED, reason)
                continue
            error = job.error or f"sent, but not read back: {reason}"
            if job.is_add and not self._target.can_tag_at_add:
                error += _REMEMBERED_TEXT if self._are_adds_remembered else _NOT_REMEMBERED_TEXT
            job.end(Outcome.FAILED, error)

    def _execute_jobs(self, jobs: Sequence[Job]) -> None:
        steps = defaultdict(list, group_jobs(jobs, lambda job: job.step))
        self._apply_urgent(steps[Step.URGENT])
        drop_outdated_moves(_list_pending(jobs), self._target, self._retry)
        settings = _list_pending(steps[Step.SETTING])
        apply_preferences([job for job in settings if isinstance(job.action, SetPreference)], self._target, self._retry)
        apply_categories([job for job in settings if isinstance(job.action, EnsureCategory)], self._target, self._retry)
        _drop_without_category(jobs, steps[Step.SETTING])
        maker = TorrentCreator(self._target, self._retry)
        maker.start_tasks(_list_pending(steps[Step.CREATE]))
        self._add_and_update(_list_pending(steps[Step.SET]))
        self._give_metadata(_list_pending(steps[Step.GIVE_METADATA]))
        self._add_and_update(maker.collect_created())
        self._delete_torrents(_list_pending(steps[Step.DELETE]))
        remove_categories(
            [job for job in steps[Step.SETTING] if isinstance(job.action, DeleteCategory)], self._target, self._retry
        )

    def _apply_urgent(self, jobs: Sequence[Job]) -> None:
        """Send urgent changes: the stops of the kill switch."""
        if not jobs:
            return
        self._send_batches(change_batches(jobs, self._target))
        self._wait_until_applied(jobs)

    def _add_and_update(self, jobs: Sequence[Job]) -> None:
        """Add and change torrents, then wait until the instance shows it."""
        if not jobs:
            return
        adds = [job for job in jobs if job.is_add]
        if adds and not self._target.can_tag_at_add:
            self._are_adds_remembered = self._remember_adds([key for job in adds for key in job.ids])
        self._send_batches(self._metadata_sender.add_batches([job for job in adds if job.has_metadata_source]))
        adds = _list_pending(adds)
        self._send_batches(prepare_adds(adds, self._target))
        can_tag_at_add = self._target.can_tag_at_add
        note_follow_ups([job for job in jobs if not job.is_add])
        self._wait_for_adds([job for job in adds if job.fields_after_add or job.follow_ups or not can_tag_at_add])
        jobs = _list_pending(jobs)
        self._send_batches(change_batches(jobs, self._target))
        run_follow_ups([job for job in jobs if job.follow_ups], self._target, self._retry, self._write_torrent)
        self._wait_until_applied(jobs)

    def _give_metadata(self, jobs: Sequence[Job]) -> None:
        """Give metadata to torrents without it, which may get another id by it, and then peers."""
        if not jobs:
            return
        self._metadata_sender.find_peers([job for job in jobs if job.has_change(PEER)])
        self._send_batches(self._metadata_sender.update_batches([job for job in jobs if job.has_change(METADATA)]))
        sent = [job for job in jobs if job.outcome is None]
        note_follow_ups(sent)
        missing = [job for job in sent if job.other_ids and not job.error]
        for wait in self._retry.poll_intervals(len(missing)):
            live = index_by_id(read_jobs(missing, self._target, self._retry))
            for job in missing:
                torrent = find_live(job, live)
                if torrent and torrent.has_metadata:
                    job.torrent_id, job.other_ids = torrent.id, ()
            missing = [job for job in missing if job.other_ids]
            if not missing:
                break
            self._retry.clock.sleep(wait)
        run_follow_ups([job for job in sent if not job.other_ids], self._target, self._retry, self._write_torrent)
        self._wait_until_applied(sent)

    def _send_batches(self, batches: Iterable[Batch]) -> None:
        for batch in batches:
            send_batch(batch, self._target, self._retry)
            if batch.label == "add":
                self._advance(len(batch.jobs))
            if batch.wait_until_applied:
                self._wait_for_batch(batch)

    def _wait_for_batch(self, batch: Batch) -> None:
        """Wait until a batch shows, or patience ends: the read-back at the end has the last word."""
        for wait in self._retry.poll_intervals():
            jobs = [job for job in batch.jobs if not job.error]
            if not jobs or not not_yet_applied(batch, jobs, self._target, self._retry):
                return
            self._retry.clock.sleep(wait)

    def _wait_for_adds(self, jobs: Sequence[Job]) -> None:
        """Wait until adds are listed: until then a mutation by hash has no effect and reports no error (4.2 to 5.3)."""
        missing = [job for job in jobs if not job.error]
        if not missing:
            return
        for wait in self._retry.poll_intervals(len(missing)):
            live = index_by_id(read_jobs(missing, self._target, self._retry))
            for job in missing:
                if torrent := find_live(job, live):
                    job.torrent_id = torrent.id
                    if reason := not_added_reason(job, torrent, self._target):
                        job.end(Outcome.DROPPED, reason)
            missing = [job for job in missing if job.torrent_id is None]
            if not missing:
                return
            self._retry.clock.sleep(wait)
        for job in missing:
            job.error = _not_visible_reason(job, None)

    def _wait_until_applied(self, jobs: Sequence[Job]) -> None:
        """Read back until every job shows on the instance, or patience ends."""
        waiting, began = list(jobs), self._retry.clock.now()
        toggle_at = self._draw_toggle_time()
        live: dict[str, LiveTorrent] = {}
        gone = self._find_refused_and_gone(waiting)
        self._resend_changes(RekeyedTorrents(self._target, self._retry).find(gone))
        read_back = ReadBack(waiting, self._target)  # while the server may still be busy with thousands of adds
        self._wait_for_sample(waiting)
        rekeyed_torrents = RekeyedTorrents(self._target, self._retry)
        for wait in self._retry.poll_intervals(len(waiting)):
            torrents = read_back.read(self._retry)
            elapsed = self._retry.clock.now() - began
            waiting = read_back.end_applied()
            self._advance(sum(1 for job in read_back.applied if not job.is_add))  # an add was counted when it was sent
            live = index_by_id(torrents) if waiting else {}
            waiting = [job for job in waiting if not self._end_if_settled(job, find_live(job, live), elapsed)]
            if not waiting:
                return
            if rekeyed := rekeyed_torrents.find_if_due([job for job in waiting if find_live(job, live) is None]):
                self._resend_changes(rekeyed)
            if self._retry.clock.now() >= toggle_at:
                self._send_batches(toggle_batches([job for job in waiting if not job.error]))
                toggle_at = self._draw_toggle_time()
            self._retry.clock.sleep(wait)
            read_back = ReadBack(waiting, self._target)
        for job in waiting:
            job.end(Outcome.FAILED, job.error or _not_visible_reason(job, find_live(job, live)))

    def _draw_toggle_time(self) -> float:
        """Return the time from which toggles that do not show are sent again.

        Another program may have read and toggled at the same moment, which inverts twice. The time is random, so that
        both do not do it again.
        """
        clock = self._retry.clock
        return clock.now() + TOGGLE_PAUSE * (1 + clock.random())

    def _find_refused_and_gone(self, jobs: Sequence[Job]) -> list[Job]:
        """Return the jobs that were refused because no torrent has their id."""
        refused = [job for job in jobs if job.error and not job.is_add]
        live = index_by_id(read_jobs(refused, self._target, self._retry))
        return [job for job in refused if find_live(job, live) is None]

    def _resend_changes(self, jobs: Sequence[Job]) -> None:
        """Send what went to an id that meant nothing any more, as far as it has not taken effect."""
        for job in jobs:
            job.error = None
        for batch in change_batches(jobs, self._target):
            if pending := not_yet_applied(batch, batch.jobs, self._target, self._retry):
                send_batch(replace(batch, jobs=pending), self._target, self._retry)

    def _wait_for_sample(self, jobs: Sequence[Job]) -> None:
        """Wait for the last of many jobs first: it is the last to show, and reading thousands in vain is slow."""
        last = [job for job in jobs[-1:] if not job.error]
        if len(jobs) < SAMPLE_MIN_JOBS or not last:
            return
        end = self._retry.clock.now() + len(jobs) / 1000
        for wait in self._retry.poll_intervals():
            shown = last[0].is_applied(find_live(last[0], index_by_id(read_jobs(last, self._target, self._retry))))
            if shown or self._retry.clock.now() > end:
                return
            self._retry.clock.sleep(wait)

    def _end_if_settled(self, job: Job, live: LiveTorrent | None, elapsed: float) -> bool:
        if live and (reason := not_added_reason(job, live, self._target)):
            job.end(Outcome.DROPPED, reason)
        elif job.is_applied(live):
            job.end(Outcome.APPLIED)
        elif job.error:
            job.end(Outcome.FAILED, job.error)
        elif live and live.is_moving and elapsed >= MOVE_TIMEOUT:
            job.end(Outcome.DEFERRED, "its data is still being moved")
        elif live and elapsed >= HIDDEN_TOGGLE_TIMEOUT and self._is_hidden_toggle(job, live):
            if job.is_add:
                job.end(Outcome.APPLIED)
            job.end(Outcome.DEFERRED, HIDDEN_TOGGLE_REASON)
        else:
            return False
        if not job.is_add:  # an add was counted when it was sent
            self._advance(1)
        return True

    def _is_hidden_toggle(self, job: Job, live: LiveTorrent) -> bool:
        """Return True if only a toggle is missing that the server may not show for this torrent."""
        is_shown = versions.PIECE_ORDER_SHOWN.is_available(self._target.api_version)
        return not is_shown and job.waits_only_for(FIRST_LAST_PIECE_FIRST, live)

    def _delete_torrents(self, jobs: Sequence[Job]) -> None:
        """Delete what a fresh read still shows as ours to delete, and see that it is gone, with its data."""
        if not jobs:
            return
        live = index_by_id(read_jobs(jobs, self._target, self._retry))
        if RekeyedTorrents(self._target, self._retry).find([job for job in jobs if find_live(job, live) is None]):
            live = index_by_id(read_jobs(jobs, self._target, self._retry))
        pending = [job for job in jobs if _still_deletable(job, find_live(job, live))]
        pending = self._drop_if_data_shared(pending)
        deleted_data = DeletedData(
            [(job, torrent) for job in pending if (torrent := find_live(job, live))], self._target, self._retry
        )
        self._send_batches(delete_batches(pending))
        deleted: list[Job] = []
        for wait in self._retry.poll_intervals(len(pending)):
            remaining = index_by_id(read_jobs(pending, self._target, self._retry))
            deleted += [job for job in pending if find_live(job, remaining) is None]
            pending = [job for job in pending if find_live(job, remaining) and not job.error]
            if not pending:
                break
            self._retry.clock.sleep(wait)
        deleted_data.end_jobs(deleted)
        for job in jobs:
            job.end(Outcome.FAILED, job.error or "accepted, but it is still on the instance")
        self._advance(len(jobs))

    def _drop_if_data_shared(self, jobs: Sequence[Job]) -> list[Job]:
        """Return the jobs that share no files with a torrent that stays.

        It may have been added or moved since the plan.
        """
        with_data = [job for job in jobs if job.deletes_files]
        if with_data:
            try:
                torrents = self._retry.call_with_retry(self._target.read_snapshot).torrents
            except InstanceError as error:
                raise InstanceLost(error) from error
            deleted_ids = {job.id for job in jobs}
            remaining_paths = DataPathIndex(torrent for torrent in torrents if torrent.id not in deleted_ids)
            live = index_by_id(torrents)
            for job in with_data:
                live_torrent = find_live(job, live)
                if live_torrent and (others := remaining_paths.find_overlaps(live_torrent)):
                    job.end(Outcome.DROPPED, f"{others[0][:10]} may have files in its data since it was planned")
        return _list_pending(jobs)


def _still_deletable(job: Job, live: LiveTorrent | None) -> bool:
    """The plan may be minutes old: what has been marked or given away since is not deleted."""
    if live is None:
        job.end(Outcome.APPLIED)
        return False
    owner = next((str(c.before) for c in job.action.changes if c.field == OWNER), None)
    ended = {
        f"{QUARANTINE_PREFIX}{text}"
        for c in job.action.changes
        if c.field == QUARANTINE
        for text in _strings_in(c.before)
    }
    for is_spared, reason in (
        (PROTECT_TAG in live.tags, f"it has been given the tag {PROTECT_TAG} since it was planned"),
        (IGNORE_TAG in live.tags, f"it has been given the tag {IGNORE_TAG} since it was planned"),
        (not ended <= live.tags, "its quarantine has been changed since it was planned"),
        (owner is not None and build_owner_tag(owner) not in live.tags, "it has lost our tag since it was planned"),
    ):
        if is_spared:
            job.end(Outcome.DROPPED, reason)
            return False
    return True


def _strings_in(value: FieldValue) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else ()


def _list_pending(jobs: Sequence[Job]) -> list[Job]:
    """Return the jobs whose outcome is still open."""
    return [job for job in jobs if job.outcome is None]


def _drop_without_category(jobs: Sequence[Job], settings: Sequence[Job]) -> None:
    """A torrent whose category could not be made is not added: qBittorrent would make one up, without its path."""
    made = [job for job in settings if isinstance(job.action, EnsureCategory)]
    failed = {job.action.name for job in made if job.outcome is not Outcome.APPLIED}
    for job in jobs if failed else ():
        if job.action.get_new_value(CATEGORY) in failed:
            job.end(Outcome.DROPPED, f"its category {job.action.get_new_value('category')} could not be made")


def _not_visible_reason(job: Job, live: LiveTorrent | None) -> str:
    if live is None:
        return "accepted, but it does not appear on the instance; if this goes on, restart qBittorrent (its #24367)"
    return "accepted, but the instance does not show it"
