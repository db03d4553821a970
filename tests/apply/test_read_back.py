"""A long read-back is compared while it is read, and counts only as a whole."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from reconciler.apply.executor import Executor
from reconciler.apply.job import Job
from reconciler.apply.read_back import ReadBack
from reconciler.model.errors import ResponseTimeoutError, UnreachableError
from reconciler.model.infohash import InfoHashes
from reconciler.model.plan import AddTorrent, Change, InstancePlan, Outcome, UpdateTorrent
from reconciler.model.run import ActionResult
from reconciler.model.snapshot import LiveTorrent, TorrentSift
from reconciler.model.torrent_file import TorrentFile
from reconciler.testing.memory import MemoryInstance
from tests.support.fake_retry import fake_retry_policy
from tests.support.planner_inputs import make_live_torrent

TAG = Change("tags", None, ("new",))


def make_update(live: LiveTorrent) -> UpdateTorrent:
    return UpdateTorrent(live.name, "drift", (TAG,), torrent_id=live.id)


def make_job(live: LiveTorrent) -> Job:
    return Job(make_update(live), live.id)


class HalfReader(MemoryInstance):
    """An instance whose first reads fail after the first half, which is not as the torrents are after it."""

    failures: Sequence[Exception] = ()

    def read_torrents(self, ids: Collection[str], sift: TorrentSift | None = None) -> tuple[LiveTorrent, ...]:
        torrents = super().read_torrents(ids)
        if self.failures and sift:
            error, *self.failures = self.failures
            sift(torrents[: len(torrents) // 2])
            for torrent in torrents:
                self.remove_tags([torrent.id], ["new"])
            raise error
        return super().read_torrents(ids, sift)


def make_half_reader(*failures: Exception) -> tuple[HalfReader, InstancePlan]:
    box = HalfReader()
    rows = [make_live_torrent({"hash": letter}) for letter in "abcd"]
    box.torrents = {row.id: row for row in rows}
    box.failures = failures
    return box, InstancePlan("box", tuple(map(make_update, rows)))


def test_jobs_are_found_by_the_parts_of_a_read() -> None:
    new, old = make_live_torrent({"hash": "a", "tags": ["new"]}), make_live_torrent({"hash": "b"})
    missing = make_live_torrent({"hash": "c"})
    jobs = [make_job(new), make_job(old), make_job(missing), Job(UpdateTorrent("d", "drift"))]
    read_back = ReadBack(jobs, MemoryInstance())
    read_back.sift([old])
    assert not read_back.applied
    read_back.sift([new, make_live_torrent({"hash": "e", "tags": ["new"]})])
    assert set(read_back.applied) == {jobs[0]}


def test_a_read_back_reads_by_the_ids_that_its_jobs_had_when_it_was_made() -> None:
    box = MemoryInstance()
    rows = [make_live_torrent({"hash": letter, "tags": tags}) for letter, tags in (("a", ["new"]), ("b", []))]
    box.torrents = {row.id: row for row in rows}
    jobs = list(map(make_job, rows))
    read_back = ReadBack(jobs, box)
    jobs[1].torrent_id = "f" * 40
    assert list(read_back.read(fake_retry_policy())) == [rows[1]]
    assert set(read_back.applied) == {jobs[0]}


def test_torrents_that_no_other_job_can_mean_are_not_kept() -> None:
    shown, old = make_live_torrent({"hash": "a", "tags": ["new"]}), make_live_torrent({"hash": "b"})
    hybrid = make_live_torrent({"hash": "c+c2", "tags": ["new"]})
    unknown = make_live_torrent({"hash": "e"})
    jobs = [make_job(torrent) for torrent in (shown, old, hybrid)]
    read_back = ReadBack(jobs, MemoryInstance())
    assert read_back.sift([shown, old, hybrid, unknown]) == [old, hybrid, unknown]
    assert set(read_back.applied) == {jobs[0], jobs[2]}
    twice = ReadBack([*jobs, make_job(shown)], MemoryInstance())
    assert twice.sift([shown, old]) == [shown, old], "two jobs mean the same torrent"


def test_the_results_of_jobs_are_made_while_a_read_goes_on_and_count_at_its_end() -> None:
    shown = make_live_torrent({"hash": "a", "tags": ["new"]})
    job, ended = make_job(shown), make_job(shown)
    ended.end(Outcome.DROPPED, "it was stopped")
    for each in (job, ended):
        read_back = ReadBack([each], MemoryInstance())
        read_back.sift([shown])
        assert each.result is None
        assert read_back.end_applied() == []
        assert (each.result is None) == (each is ended)
    assert job.to_result() is job.result == ActionResult(make_update(shown), Outcome.APPLIED)
    assert ended.to_result() == ActionResult(make_update(shown), Outcome.DROPPED, "it was stopped")


def test_jobs_that_share_their_changes_are_compared_each_as_its_own_action() -> None:
    changes = (Change("paused", None, True),)
    checked = [make_live_torrent({"hash": letter, "state": "checkingDL"}) for letter in "ab"]
    update = Job(UpdateTorrent("a", "drift", changes), checked[0].id)
    add = Job(AddTorrent("b", "declared", changes), checked[1].id)
    read_back = ReadBack([update, add], MemoryInstance())
    read_back.sift(checked)
    assert set(read_back.applied) == {add}, "it stops when its data is checked; a stop that was sent shows at once"


def test_thousands_of_jobs_with_changes_of_their_own_are_compared() -> None:
    rows = [{"hash": "a", "id": f"{number:040x}", "category": str(number)} for number in range(1100)]
    torrents = [make_live_torrent(row) for row in rows]
    jobs = [
        Job(UpdateTorrent("a", "drift", (Change("category", "", torrent.category),)), torrent.id)
        for torrent in torrents
    ]
    other = Job(UpdateTorrent("a", "drift", (Change("category", "", "other"),)), "f" * 40)
    read_back = ReadBack([*jobs, other], MemoryInstance())
    read_back.sift([*torrents, make_live_torrent({"hash": "f", "id": "f" * 40, "category": "none"})])
    assert set(read_back.applied) == {*jobs}


def test_a_repeated_read_counts_instead_of_the_one_before() -> None:
    new, old = make_live_torrent({"hash": "a", "tags": ["new"]}), make_live_torrent({"hash": "a"})
    job = make_job(new)
    read_back = ReadBack([job], MemoryInstance())
    read_back.sift([new])
    read_back.sift([old])
    assert not read_back.applied


def test_an_add_that_met_another_torrent_is_not_applied() -> None:
    key = "a" * 40
    file = TorrentFile("", InfoHashes(key), "film", 0, lambda: b"")
    job = Job(AddTorrent("film", "declared", (Change("owner", None, "home"),), source=file))
    ours = make_live_torrent({"hash": "a", "id": key, "tags": ["reconcile:home"]})
    theirs = make_live_torrent({"hash": "a", "id": key, "tags": ["reconcile:home", "reconcile:other"]})
    for live, applied in ((theirs, set()), (ours, {job})):
        read_back = ReadBack([job], MemoryInstance())
        read_back.sift([live])
        assert set(read_back.applied) == applied


def test_a_torrent_by_another_id_than_the_likeliest_is_for_the_whole_reply() -> None:
    hybrid = TorrentFile("", InfoHashes("a" * 40, "b" * 64), "film", 0, lambda: b"")
    job = Job(AddTorrent("film", "declared", source=hybrid))
    read_back = ReadBack([job], MemoryInstance())
    read_back.sift([make_live_torrent({"hash": "a", "id": "a" * 40})])
    assert not read_back.applied
    read_back.sift([make_live_torrent({"hash": "b", "id": "b" * 40})])
    assert set(read_back.applied) == {job}


def test_a_read_that_fails_half_way_shows_nothing() -> None:
    box, plan = make_half_reader(UnreachableError("connection refused"))
    results, lost = Executor(box, fake_retry_policy(max_attempts=1)).execute(plan)
    assert str(lost) == "connection refused"
    assert {(result.outcome, result.error) for result in results} == {
        (Outcome.FAILED, "sent, but not read back: the instance was lost: connection refused")
    }


def test_a_read_that_is_repeated_counts() -> None:
    box, plan = make_half_reader(ResponseTimeoutError("no reply"))
    results, lost = Executor(box, fake_retry_policy(effect_timeout=1.0)).execute(plan)
    assert lost is None
    assert {(result.outcome, result.error) for result in results} == {
        (Outcome.FAILED, "accepted, but the instance does not show it")
    }


def test_progress_counts_each_update_once() -> None:
    box, plan = make_half_reader()
    counts: list[int] = []
    results, _ = Executor(box, fake_retry_policy(), counts.append).execute(plan)
    assert ({result.outcome for result in results}, sum(counts)) == ({Outcome.APPLIED}, 4)
