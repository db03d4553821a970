"""Executes the plan of one instance, in the order that keeps every moment between two requests safe.

What is urgent comes before everything. Then categories, since torrents need them. Then adds, each with all its values
at once: a run that is killed between two requests leaves no torrent half made. Then changes. What has to be made from
content is begun before the adds and added after the changes, for hashing takes the server a while. Deletions last, on a
fresh read. What counts as applied is what a read-back shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from reconciler.apply.categories import apply_categories, remove_categories
from reconciler.apply.delivery import Batch, Lost, deliver, read, undone
from reconciler.apply.job import Job, by_id, live_of
from reconciler.apply.preferences import apply_preferences
from reconciler.apply.rekeyed import Finder
from reconciler.apply.target import Target
from reconciler.apply.torrent_batches import add_batches, change_batches, delete_batches, deletes, late_fields
from reconciler.apply.torrent_creation import Keep, Maker, owed, settle_debts
from reconciler.model.data_overlap import Places
from reconciler.model.errors import InstanceError, Stopped
from reconciler.model.plan import InstancePlan, Kind, Outcome, Value
from reconciler.model.run import ActionResult
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.tags import IGNORE, PROTECT, QUARANTINE, owner_tag
from reconciler.retry import Pace

MOVE_PATIENCE = 3.0  # seconds to wait for a move to end before it is reported as deferred
SAMPLE_FROM = 100  # jobs; fewer are read back whole at once


def _nowhere(path: str, _data: bytes) -> None:
    raise OSError(f"nothing is to be written here: {path}")


class Executor:
    """Carries out one instance's plan on one target.

    `advance(n)` is told of every n actions dealt with. `keep(path, data)` writes a file here, or raises `OSError`.
    """

    def __init__(self, target: Target, pace: Pace, advance: Callable[[int], None], keep: Keep = _nowhere) -> None:
        self._target = target
        self._pace = pace
        self._advance = advance
        self._keep = keep

    def execute(self, plan: InstancePlan) -> tuple[tuple[ActionResult, ...], InstanceError | None]:
        """Do what the plan shows. Returns every action's outcome, and the error that lost the instance, if one did."""
        jobs = [Job(action, action.torrent_id) for action in plan.actions]
        lost = None
        for job in jobs:
            if job.action.hold:
                job.end(job.action.hold)
        try:
            self._carry_out([job for job in jobs if job.outcome is None])
        except Lost as error:
            lost = error.cause
            _abandon(jobs, f"the instance was lost: {error}")
        except Stopped:
            _abandon(jobs, "the run was stopped")
        return tuple(job.result() for job in jobs), lost

    def _carry_out(self, jobs: Sequence[Job]) -> None:
        self._at_once([job for job in jobs if job.action.urgent])
        jobs = [job for job in jobs if not job.action.urgent]
        apply_preferences([job for job in jobs if job.action.kind is Kind.PREFERENCE], self._target, self._pace)
        categories = [job for job in jobs if job.action.kind is Kind.CATEGORY]
        apply_categories([job for job in categories if not deletes(job)], self._target, self._pace)
        _drop_orphans(jobs)
        torrents = [job for job in jobs if job.is_torrent and job.outcome is None]
        maker = Maker(self._target, self._pace)
        maker.begin([job for job in torrents if job.action.makes])
        self._bring([job for job in torrents if not (deletes(job) or job.action.makes)])
        self._bring(maker.made())
        self._delete([job for job in torrents if deletes(job)])
        remove_categories([job for job in categories if deletes(job)], self._target, self._pace)

    def _at_once(self, jobs: Sequence[Job]) -> None:
        """What is urgent: the stops of the kill switch."""
        self._deliver(change_batches(jobs, self._target))
        self._settle(jobs)

    def _bring(self, jobs: Sequence[Job]) -> None:
        """Torrents as they are wanted, those that are added and those that are there."""
        adds = [job for job in jobs if job.is_add]
        for job in adds:
            job.late = late_fields(job.action, self._target.api)
        for job in jobs:
            job.owed = owed(job.action)
        self._deliver(add_batches(adds, self._target))
        self._await_adds([job for job in adds if job.late or job.owed or not self._target.tags_at_add])
        self._deliver(change_batches(jobs, self._target))
        settle_debts([job for job in jobs if job.owed], self._target, self._pace, self._keep)
        self._settle(jobs)

    def _deliver(self, batches: Iterable[Batch]) -> None:
        for batch in batches:
            deliver(batch, self._target, self._pace)
            if batch.what == "add":
                self._advance(len(batch.jobs))
            if batch.awaited:
                self._await(batch)

    def _await(self, batch: Batch) -> None:
        """Wait until a batch shows, or patience ends: the read-back at the end has the last word."""
        for wait in self._pace.looks():
            jobs = [job for job in batch.jobs if not job.error]
            if not jobs or not undone(batch, jobs, self._target, self._pace):
                return
            self._pace.sleep(wait)

    def _await_adds(self, jobs: Sequence[Job]) -> None:
        """Wait until adds are listed: until then a mutation by hash does nothing and says nothing (4.2 to 5.3)."""
        missing = [job for job in jobs if not job.error]
        if not missing:
            return
        for wait in self._pace.looks(len(missing)):
            live = by_id(read(missing, self._target, self._pace))
            for job in missing:
                if found := live_of(job, live):
                    job.torrent_id = found.id
            missing = [job for job in missing if job.torrent_id is None]
            if not missing:
                return
            self._pace.sleep(wait)
        for job in missing:
            job.error = _unseen(job, None)

    def _settle(self, jobs: Sequence[Job]) -> None:
        """Read back until every job shows on the instance, or patience ends."""
        waiting, began = list(jobs), self._pace.now()
        live: dict[str, LiveTorrent] = {}
        self._await_sample(waiting)
        finder = Finder(self._target, self._pace)
        self._repeat(finder.find(self._refused_and_gone(waiting)))
        for wait in self._pace.looks(len(waiting)):
            live = by_id(read(waiting, self._target, self._pace))
            patient = self._pace.now() - began < MOVE_PATIENCE
            waiting = [job for job in waiting if not self._settled(job, live_of(job, live), patient)]
            if not waiting:
                return
            if found := finder.overdue([job for job in waiting if live_of(job, live) is None]):
                self._repeat(found)
            self._pace.sleep(wait)
        for job in waiting:
            job.end(Outcome.FAILED, job.error or _unseen(job, live_of(job, live)))

    def _refused_and_gone(self, jobs: Sequence[Job]) -> list[Job]:
        """What was refused because the id that it was sent to means nothing."""
        refused = [job for job in jobs if job.error and not job.is_add]
        live = by_id(read(refused, self._target, self._pace))
        return [job for job in refused if live_of(job, live) is None]

    def _repeat(self, jobs: Sequence[Job]) -> None:
        """Send what went to an id that meant nothing any more, as far as it has not taken effect."""
        for job in jobs:
            job.error = None
        for batch in change_batches(jobs, self._target):
            if left := undone(batch, batch.jobs, self._target, self._pace):
                deliver(replace(batch, jobs=left), self._target, self._pace)

    def _await_sample(self, jobs: Sequence[Job]) -> None:
        """Look at the last of many first: it is the last to show, and reading thousands in vain is slow."""
        last = [job for job in jobs[-1:] if not job.error]
        if len(jobs) < SAMPLE_FROM or not last:
            return
        end = self._pace.now() + len(jobs) / 1000
        for wait in self._pace.looks():
            shown = last[0].has_arrived(live_of(last[0], by_id(read(last, self._target, self._pace))))
            if shown or self._pace.now() > end:
                return
            self._pace.sleep(wait)

    def _settled(self, job: Job, live: LiveTorrent | None, patient: bool) -> bool:
        if job.has_arrived(live):
            job.end(Outcome.APPLIED)
        elif job.error:
            job.end(Outcome.FAILED, job.error)
        elif live and live.moving and not patient:
            job.end(Outcome.DEFERRED, "its data is still being moved")
        else:
            return False
        self._advance(0 if job.is_add else 1)
        return True

    def _delete(self, jobs: Sequence[Job]) -> None:
        """Delete what a fresh read still shows as ours to delete, and see that it is gone."""
        if not jobs:
            return
        live = by_id(read(jobs, self._target, self._pace))
        if Finder(self._target, self._pace).find([job for job in jobs if live_of(job, live) is None]):
            live = by_id(read(jobs, self._target, self._pace))
        doomed = [job for job in jobs if _still_doomed(job, live_of(job, live))]
        doomed = self._without_shared(doomed)
        self._deliver(delete_batches(doomed))
        for wait in self._pace.looks(len(doomed)):
            left = by_id(read(doomed, self._target, self._pace))
            gone = [job for job in doomed if live_of(job, left) is None]
            for job in gone:
                job.end(Outcome.APPLIED)
            doomed = [job for job in doomed if job.outcome is None and not job.error]
            if not doomed:
                break
            self._pace.sleep(wait)
        for job in jobs:
            job.end(Outcome.FAILED, job.error or "accepted, but it is still on the instance")
        self._advance(len(jobs))

    def _without_shared(self, jobs: Sequence[Job]) -> list[Job]:
        """Those that share no files with a torrent that stays: it may have come, or moved there, since the plan."""
        with_data = [job for job in jobs if job.action.delete_files]
        if with_data:
            try:
                torrents = self._pace.patiently(self._target.snapshot).torrents
            except InstanceError as error:
                raise Lost(error) from error
            gone = {job.id for job in jobs}
            taken = Places(torrent for torrent in torrents if torrent.id not in gone)
            live = by_id(torrents)
            for job in with_data:
                found = live_of(job, live)
                if found and (others := taken.sharing(found)):
                    job.end(Outcome.DROPPED, f"{others[0][:10]} may have files in its data since it was planned")
        return [job for job in jobs if job.outcome is None]


def _still_doomed(job: Job, live: LiveTorrent | None) -> bool:
    """The plan may be minutes old: what has been marked or given away since is not deleted."""
    if live is None:
        job.end(Outcome.APPLIED)
        return False
    owner = next((str(c.before) for c in job.action.changes if c.field == "owner"), None)
    ended = {f"{QUARANTINE}{text}" for c in job.action.changes if c.field == "quarantine" for text in _texts(c.before)}
    for spared, why in (
        (PROTECT in live.tags, f"it has got the tag {PROTECT} since it was planned"),
        (IGNORE in live.tags, f"it has got the tag {IGNORE} since it was planned"),
        (not ended <= live.tags, "its quarantine has been changed since it was planned"),
        (owner is not None and owner_tag(owner) not in live.tags, "it has lost our tag since it was planned"),
    ):
        if spared:
            job.end(Outcome.DROPPED, why)
            return False
    return True


def _texts(value: Value) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else ()


def _drop_orphans(jobs: Sequence[Job]) -> None:
    """A torrent whose category could not be made is not added: qBittorrent would make one up, without its path."""
    made = [job for job in jobs if job.action.kind is Kind.CATEGORY and not deletes(job)]
    failed = {job.action.name for job in made if job.outcome is not Outcome.APPLIED}
    for job in jobs:
        if job.is_torrent and job.action.wanted("category") in failed:
            job.end(Outcome.DROPPED, f"its category {job.action.wanted('category')} could not be made")


def _abandon(jobs: Sequence[Job], why: str) -> None:
    for job in jobs:
        if job.sent:
            job.end(Outcome.FAILED, job.error or f"sent, but not read back: {why}")
        else:
            job.end(Outcome.DROPPED, why)


def _unseen(job: Job, live: LiveTorrent | None) -> str:
    if live is None:
        return "accepted, but it does not appear on the instance; if this goes on, restart qBittorrent (its #24367)"
    return "accepted, but the instance does not show it"
