"""The whole loop on instances in memory, with months that pass in milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from reconciler.desired import DesiredStateError, load
from reconciler.engine.events import FinishedRun, RunTrigger
from reconciler.engine.leases import EXPIRY
from reconciler.intake import IntakeStore
from reconciler.model.content import CreationSpec
from reconciler.model.errors import AuthenticationError, StopRequested, UnreachableError
from reconciler.model.intake import HandedIn
from reconciler.model.lease import Holder, LeaseHold, LeaseMark, LeaseTags
from reconciler.model.magnet import parse_magnet
from reconciler.model.metainfo import parse_metainfo
from reconciler.model.plan import Outcome
from reconciler.model.torrent_file import FetchedTorrent, TorrentFileError
from reconciler.testing.memory import MemoryInstance
from reconciler.watch import desired_source
from reconciler.watch.desired_source import DesiredSource
from reconciler.watch.suspensions import SuspensionBook
from tests.support.magnets import make_infohash, make_magnet
from tests.support.torrents import make_torrent
from tests.support.watch_simulation import HOUR, MINUTE, RecordingListener, WatchSimulation

RIVAL = LeaseHold(
    LeaseMark("default", "box", "22222222", datetime(2026, 1, 1, tzinfo=UTC)), Holder("ci", "elsewhere", "12.3", "beef")
)


def steps(*actions: Callable[[], object]) -> Callable[[], None]:
    """Several things at once."""

    def all_of_them() -> None:
        for action in actions:
            action()

    return all_of_them


def test_it_runs_at_once_and_at_intervals_in_one_session(tmp_path: Path) -> None:
    story = WatchSimulation(tmp_path, until=200)
    assert story.run() == [(0, "start"), (66, "interval"), (132, "interval"), (198, "interval")]
    assert story.opened == ["box"]
    assert set(story.instances["box"].torrents) == {make_infohash(1)}
    assert story.instances["box"].request_count <= 2 + 5 + 4, "the add, its lease, and a read in each run"


def test_a_day_of_a_converged_instance_changes_nothing(tmp_path: Path) -> None:
    story = WatchSimulation(tmp_path, until=24 * HOUR)
    story.loop.run()
    assert len(story.recorder.runs) > 1300
    assert all(not result.results for run in story.recorder.runs[1:] for result in run.run.instances)
    assert story.opened == ["box"]


def test_changed_file_is_read_after_the_debounce_and_run_once(tmp_path: Path) -> None:
    story = WatchSimulation(tmp_path, until=100)
    story.trigger.at(20.0, steps(lambda: story.write(2), story.request_files_run))
    story.trigger.at(21.0, steps(lambda: story.write(2, 3), story.request_files_run))
    assert story.run() == [(0, "start"), (23, "files"), (89, "interval")]
    assert set(story.instances["box"].torrents) == {make_infohash(2), make_infohash(3)}


def test_steady_writes_of_services_starve_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    story = WatchSimulation(tmp_path, until=60)
    story.write(1, head="intake: {file: intake.yaml, instance: box}\n")
    story.loop = story.make_loop()
    store = IntakeStore(lambda: story.source.desired, on_change=lambda: story.trigger.request_run(RunTrigger.INTAKE))
    store.open()
    handed_in, arrived, numbers = dict[int, float](), dict[int, float](), iter(range(2, 1000))

    def hand_in() -> None:
        handed_in[number := next(numbers)] = story.time.moment
        store.hand_in([HandedIn(make_magnet(number))])

    def load_slowly(*arguments: Any, **options: Any) -> Any:
        desired = load(*arguments, **options)
        story.time.pass_(1.0)
        hand_in()  # nothing is ever quiet
        return desired

    def note_arrivals() -> None:
        keys = story.instances["box"].torrents.keys()
        arrived.update(
            (number, story.time.moment) for number in handed_in.keys() - arrived if make_infohash(number) in keys
        )

    for tenth in range(100, 550, 2):
        story.trigger.at(tenth / 10, steps(hand_in, note_arrivals))
    monkeypatch.setattr(desired_source, "load", load_slowly)
    story.run()
    late = [number for number, moment in handed_in.items() if moment < 50 and arrived.get(number, 60) - moment > 6]
    assert len(handed_in) > 200 and late == []


def test_reverted_change_makes_no_run(tmp_path: Path) -> None:
    story = WatchSimulation(tmp_path, until=60)
    story.trigger.at(20.0, steps(lambda: story.write(2), story.request_files_run))
    story.trigger.at(21.0, steps(lambda: story.write(1), story.request_files_run))
    assert story.run() == [(0, "start")]


def test_change_without_an_event_is_found_at_the_interval(tmp_path: Path) -> None:
    story = WatchSimulation(tmp_path, until=80)
    story.trigger.at(20.0, lambda: story.write(2))
    assert story.run() == [(0, "start"), (68, "files")], "after the interval and two seconds of rest"


def test_a_change_during_a_run_causes_exactly_one_more(tmp_path: Path) -> None:
    story = WatchSimulation(tmp_path, until=100)
    box = story.instances["box"]
    whole = box.read_snapshot
    changes = iter([2])

    def snapshot(files_of: Collection[str] = (), creations: Collection[CreationSpec] = ()) -> Any:
        for number in changes:
            story.write(number)
            story.request_files_run()
            story.trigger.request_reload()
        return whole()

    box.read_snapshot = snapshot  # type: ignore[method-assign]
    assert story.run() == [(0, "start"), (5, "files"), (71, "interval")]
    assert set(box.torrents) == {make_infohash(2)}


def test_a_reload_runs_though_nothing_has_changed(tmp_path: Path) -> None:
    story = WatchSimulation(tmp_path, until=40)
    story.trigger.at(20.0, steps(story.trigger.request_reload, story.trigger.request_reload))
    story.trigger.at(30.0, lambda: story.trigger.request_run(RunTrigger.SIGNAL))
    assert story.run() == [(0, "start"), (22, "reload"), (32, "signal")]


def test_broken_file_keeps_the_last_good_state_and_is_reported_in_every_run(tmp_path: Path) -> None:
    story = WatchSimulation(tmp_path, until=200)
    box = story.instances["box"]
    story.trigger.at(20.0, steps(lambda: story.file.write_text("version: 1\nbogus: 2\n"), story.request_files_run))
    story.trigger.at(30.0, box.torrents.clear)
    story.trigger.at(100.0, steps(lambda: story.write(1, 2), story.request_files_run))
    assert [cause for _, cause in story.run()] == ["start", "files", "interval", "files", "interval"]
    assert [bool(run.problems) for run in story.recorder.runs] == [False, True, True, False, False]
    assert story.recorder.runs[2].run.instances[0].results[0].outcome is Outcome.APPLIED, "drift is corrected meanwhile"
    assert set(box.torrents) == {make_infohash(1), make_infohash(2)}


def test_a_start_on_an_invalid_file_fails(tmp_path: Path) -> None:
    file = tmp_path / "desired.yaml"
    file.write_text("version: 1\n")
    with pytest.raises(DesiredStateError):
        DesiredSource([file], {})


def test_failing_instance_backs_off_while_others_continue(tmp_path: Path) -> None:
    story = WatchSimulation(tmp_path, 1200, "bad", "good")
    story.instances["bad"].fail_next(10**6, UnreachableError("gone"))
    story.run()
    tries = story.contact_times["bad"]
    gaps = [round(later - earlier) for earlier, later in pairwise(tries)]
    assert gaps == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    assert set(story.instances["good"].torrents) == {make_infohash(1)}
    for run in story.recorder.runs:
        read = {result.name for result in run.run.instances}
        assert "good" in read
        assert "bad" in (run.backoffs or {}), "said whenever it is not well"
    skipped = [run for run in story.recorder.runs if "bad" not in {result.name for result in run.run.instances}]
    assert skipped and all((run.backoffs or {})["bad"].reason == "gone" for run in skipped)


def test_recovered_instance_is_in_the_next_run(tmp_path: Path) -> None:
    story = WatchSimulation(tmp_path, 100)
    box = story.instances["box"]
    box.fail_next(10**6, UnreachableError("gone"))
    story.trigger.at(12.0, lambda: box.fail_next(0, UnreachableError("gone")))
    assert story.run() == [(0, "start"), (17, "retry"), (83, "interval")], "asked at 15, and two seconds of rest"
    assert set(box.torrents) == {make_infohash(1)}
    assert [list(run.backoffs or {}) for run in story.recorder.runs] == [["box"], [], []]


def test_hanging_instance_does_not_delay_others(tmp_path: Path) -> None:
    story = WatchSimulation(tmp_path, 600, "bad", "good")
    bad = story.instances["bad"]
    under_way: list[Any] = []
    bad.fail_next(1, UnreachableError("gone"))
    story.loop._background_reader._start_worker = under_way.append  # type: ignore[misc]
    story.trigger.at(300.0, lambda: under_way.pop()())
    assert story.run()[4:6] == [(264, "interval"), (302, "retry")]
    assert [bool(run.backoffs) for run in story.recorder.runs] == [True] * 5 + [False] * 5
    assert story.contact_times["bad"] == [0, 1], "asked once for as long as it does not answer"
    assert set(bad.torrents) == {make_infohash(1)}


def test_answer_from_an_old_url_is_ignored(tmp_path: Path) -> None:
    story = WatchSimulation(tmp_path, 200)
    box = story.instances["box"]
    under_way: list[Any] = []
    box.fail_next(1, UnreachableError("gone"))
    story.loop._background_reader._start_worker = under_way.append  # type: ignore[misc]

    def another_password() -> None:
        story.environ["PASSWORD"] = "new"
        story.write(1, head="# another password\n")
        story.request_files_run()

    story.trigger.at(20.0, another_password)
    story.trigger.at(40.0, lambda: box.fail_next(1, UnreachableError("gone")))
    story.trigger.at(50.0, lambda: under_way.pop()())
    story.run()
    assert [list(run.backoffs or {}) for run in story.recorder.runs] == [["box"], [], [], []]


def test_refused_credentials_wait_until_they_change(tmp_path: Path) -> None:
    story = WatchSimulation(tmp_path, 2 * HOUR - 1)
    box = story.instances["box"]
    box.fail_next(10**6, AuthenticationError("wrong"))
    story.run()
    assert len(story.contact_times["box"]) == 120, "it looks every minute; the session sends nothing"
    assert {run.backoffs["box"].failures for run in story.recorder.runs if run.backoffs} == {1}, "nothing was tried"

    again = WatchSimulation(tmp_path, 100)
    box = again.instances["box"]
    box.fail_next(10**6, AuthenticationError("wrong"))

    def fix_file() -> None:
        box.fail_next(0, AuthenticationError("wrong"))
        again.environ["PASSWORD"] = "new"
        again.write(1, head="# another password\n")
        again.request_files_run()

    again.trigger.at(30.0, fix_file)
    again.run()
    assert again.contact_times["box"] == [0, 32]


def test_a_change_waits_for_another_run_and_follows_it(tmp_path: Path) -> None:
    story = WatchSimulation(tmp_path, until=60)
    box = story.instances["box"]
    box.create_tags([RIVAL.tag])
    story.trigger.at(20.0, lambda: box.delete_tags([RIVAL.tag]))
    assert story.run() == [(0, "start"), (12, "retry"), (24, "retry")]
    (waiting,) = story.recorder.runs[0].run.instances
    assert [result.outcome for result in waiting.results] == [Outcome.DEFERRED]
    assert waiting.rival == RIVAL
    assert set(box.torrents) == {make_infohash(1)}


def test_another_run_that_was_killed_elsewhere_is_waited_for_while_its_lease_lasts(tmp_path: Path) -> None:
    story = WatchSimulation(tmp_path, until=150)
    box = story.instances["box"]
    box.create_tags([RIVAL.tag])
    times = [moment for moment, trigger in story.run() if trigger == "retry"]
    assert EXPIRY <= times[-1] < EXPIRY + 10
    assert set(box.torrents) == {make_infohash(1)}
    assert LeaseTags.parse(box.tag_names).holds == frozenset()


def test_internal_error_does_not_end_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    story = WatchSimulation(tmp_path, 200)
    calls: list[int] = []

    def broken(*args: Any, **kwargs: Any) -> None:
        calls.append(1)
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("reconciler.watch.loop.run_once", broken)
    story.run()
    assert len(calls) == 4
    assert (story.loop.heartbeat.faults, story.loop.heartbeat.attempts) == (4, 4)
    assert story.recorder.runs == []


def test_failing_listener_does_not_affect_others(tmp_path: Path) -> None:
    story = WatchSimulation(tmp_path, 100)

    class Bad(RecordingListener):
        def on_run_end(self, finished_run: FinishedRun) -> None:
            raise ValueError("full")

    story.loop._listeners = (Bad(), story.recorder)
    assert len(story.run()) == 2
    assert story.loop.heartbeat.faults == 2


def test_a_dry_run_plans_in_a_loop(tmp_path: Path) -> None:
    story = WatchSimulation(tmp_path, 100, dry_run=True)
    story.run()
    assert [run.run.instances[0].results[0].outcome for run in story.recorder.runs] == [Outcome.PLANNED] * 2
    assert story.instances["box"].torrents == {}


def test_only_the_instances_that_are_named(tmp_path: Path) -> None:
    story = WatchSimulation(tmp_path, 200, "a", "b", instances=("b",))
    story.trigger.at(20.0, steps(lambda: story.instances.pop("b"), lambda: story.write(1), story.request_files_run))
    story.run()
    assert [[result.name for result in run.run.instances] for run in story.recorder.runs] == [["b"], [], [], []]
    assert story.opened == ["b"]


def test_unchanged_state_is_not_planned_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from reconciler.plan import plan_actions

    planned: list[int] = []

    def counted(*args: Any, **kwargs: Any) -> Any:
        planned.append(1)
        return plan_actions(*args, **kwargs)

    monkeypatch.setattr("reconciler.watch.plan_cache.plan_actions", counted)
    story = WatchSimulation(tmp_path, 600)
    box = story.instances["box"]
    snapshots: dict[Mapping[str, Any], Any] = {}
    whole = box.read_snapshot

    def snapshot(files_of: Collection[str] = (), creations: Collection[CreationSpec] = ()) -> Any:
        snapshot = whole()
        return snapshots.setdefault(tuple(snapshot.torrents), snapshot)  # type: ignore[call-overload]

    box.read_snapshot = snapshot  # type: ignore[method-assign]
    story.run()
    assert len(story.recorder.runs) == 10
    assert len(planned) == 2


def test_quarantine_ends_when_only_the_day_has_changed(tmp_path: Path) -> None:
    story = WatchSimulation(tmp_path, 4 * 24 * HOUR)
    story.write(1, 2)
    story.loop = story.make_loop(interval=HOUR)
    later = steps(lambda: story.write(1, head="quarantine: 2d\n"), story.request_files_run)
    story.trigger.at(HOUR / 2, later)
    story.run()
    verbs = [
        (run.started_at.date() - story.recorder.runs[0].started_at.date(), str(result.action.verb))
        for run in story.recorder.runs
        for result in run.run.instances[0].results
    ]
    assert [verb for _, verb in verbs] == ["add", "add", "update", "delete"]
    assert [day.days for day, _ in verbs] == [0, 0, 0, 3]
    assert [len(run.run.instances[0].spared) for run in story.recorder.runs if not run.run.instances[0].results].count(
        1
    ) > 40
    assert story.instances["box"].torrents.keys() == {make_infohash(1)}


def test_preferences_are_corrected_and_contested_ones_left_alone(tmp_path: Path) -> None:
    story = WatchSimulation(tmp_path, 2 * HOUR)
    box = story.instances["box"] = MemoryInstance(with_preferences=True)
    story.extra_instance_lines = "    preferences: {max_connec: 7}\n"
    story.write(1)
    story.loop = story.make_loop()

    def meddle() -> None:
        box.live_preferences["max_connec"] = 8

    for minute in range(1, 60):
        story.trigger.at(minute * MINUTE + 1, meddle)
    story.run()
    results = [
        result
        for run in story.recorder.runs
        for result in run.run.instances[0].results
        if result.action.name == "max_connec"
    ]
    assert [str(result.outcome) for result in results].count("applied") < 12
    assert any("contested" in result.action.reason for result in results)


def test_stop_before_the_start_contacts_no_instance(tmp_path: Path) -> None:
    story = WatchSimulation(tmp_path, 100)
    story.stop.set()
    assert story.run() == []
    assert story.opened == []


def test_stop_during_a_read_is_no_failure_of_an_instance(tmp_path: Path) -> None:
    story = WatchSimulation(tmp_path, 100, "a", "b")

    def stopped(files_of: Collection[str] = (), creations: Collection[CreationSpec] = ()) -> Any:
        story.stop.set()
        raise StopRequested("asked to stop")

    story.instances["a"].read_snapshot = story.instances["b"].read_snapshot = stopped  # type: ignore[method-assign]
    assert story.run() == []
    assert story.loop.heartbeat.faults == 0


BY_URL = "  - torrent: http://torrents/2\n  - torrent: http://torrents/3\n"


def test_torrent_server_that_is_down_holds_back_deletions_and_nothing_else(tmp_path: Path) -> None:
    story = WatchSimulation(tmp_path, until=2 * HOUR)
    by_url = [str(parse_metainfo(make_torrent(number)).infohashes) for number in (2, 3)]
    story.torrents.error = "no answer"
    story.trigger.at(100, steps(lambda: story.write(4, more=BY_URL), story.request_files_run))
    hashes: list[set[str]] = []
    for moment in (900, 4000):
        story.trigger.at(moment, lambda: hashes.append(set(story.instances["box"].torrents)))
    story.trigger.at(2000, lambda: setattr(story.torrents, "error", ""))
    runs = story.run()
    assert hashes == [{make_infohash(1), make_infohash(4)}, {make_infohash(4), *by_url}]
    assert not any(finished.problems for finished in story.recorder.runs)
    blocked = [finished.run.exit_code for finished in story.recorder.runs]
    assert blocked[0] == blocked[-1] == 0 and 1 in blocked
    asked = [moment for moment in story.torrents.fetches if moment > 100]
    waits = [round(later - earlier) for earlier, later in pairwise(asked)]
    assert 3 <= len(asked) <= 12 and waits == sorted(waits), "less and less often"
    assert asked[-1] < 2000 + 660 and [cause for _, cause in runs].count("retry") == 1


def test_new_warnings_of_changed_files_are_logged_once(tmp_path: Path) -> None:
    story = WatchSimulation(tmp_path, until=HOUR)
    copy = FetchedTorrent(parse_magnet(make_magnet(2)), TorrentFileError("no answer"))
    story.torrents.results["http://torrents/2"] = copy
    by_url = BY_URL.partition("\n")[0] + "\n"
    for moment, head in ((100, ""), (500, "# a comment\n")):
        story.trigger.at(moment, steps(partial(story.write, 1, head=head, more=by_url), story.request_files_run))
    with capture_logs() as logs:
        story.run()
    (warning,) = [log for log in logs if "could not be fetched" in log["event"]]
    assert (warning["log_level"], warning["hint"]) == ("warning", "The copy that an earlier run has kept is used")


def test_requested_run_tries_the_download_again(tmp_path: Path) -> None:
    story = WatchSimulation(tmp_path, until=HOUR)
    story.torrents.error = "no answer"
    story.trigger.at(10, steps(lambda: story.write(1, more=BY_URL), story.request_files_run))
    story.trigger.at(
        500,
        steps(lambda: setattr(story.torrents, "error", ""), lambda: story.trigger.request_run(RunTrigger.RELOAD)),
    )
    torrent_counts: list[int] = []
    story.trigger.at(510, lambda: torrent_counts.append(len(story.instances["box"].torrents)))
    story.run()
    assert torrent_counts == [3]


def test_loop_stopped_during_a_download_ends(tmp_path: Path) -> None:
    story = WatchSimulation(tmp_path, until=HOUR)

    def stopped(urls: Collection[str]) -> Mapping[str, FetchedTorrent]:
        story.stop.set()
        raise StopRequested("the run was asked to stop")

    story.source._torrents.fetch = stopped
    story.trigger.at(10, steps(lambda: story.write(1, more=BY_URL), story.request_files_run))
    assert len(story.run()) == 1
    assert story.loop.heartbeat.faults == 0


def test_a_suspension_ends_at_its_time_with_a_run(tmp_path: Path) -> None:
    story = WatchSimulation(tmp_path, until=400)
    book = story.suspensions = SuspensionBook(None, story.time.clock.utc)
    story.loop = story.make_loop()
    until = story.time.clock.utc() + timedelta(seconds=190)
    book.suspend("default", "box", until)
    runs = story.run()
    assert runs[3:5] == [(192, "retry"), (258, "interval")]
    results = [run.run.instances[0] for run in story.recorder.runs]
    assert [result.suspended_until for result in results[:4]] == [until, until, until, None]
    assert [result.status for result in results[2:4]] == ["suspended", "ok"]
    assert {item.outcome for item in results[2].results} == {Outcome.PLANNED}
    assert set(story.instances["box"].torrents) == {make_infohash(1)}


def test_a_plan_is_accepted_for_one_run(tmp_path: Path) -> None:
    story = WatchSimulation(tmp_path, until=400)
    story.write(*range(1, 6), head="guard: {max_delete: 1}\n")

    def accept() -> None:
        story.trigger.accept_plan(story.recorder.runs[-1].run.plan_hash)

    story.trigger.at(70, steps(partial(story.write, 1, head="guard: {max_delete: 1}\n"), story.request_files_run))
    story.trigger.at(100, accept)
    assert [reason for _, reason in story.run()[:4]] == ["start", "files", "files", "reload"]
    refused, accepted, later = (run.run for run in story.recorder.runs[2:5])
    assert refused.instances[0].verdict.refused and refused.accepted_plan is None
    assert accepted.accepted_plan == accepted.plan_hash == refused.plan_hash
    assert {item.outcome for item in accepted.instances[0].results} == {Outcome.APPLIED}
    assert set(story.instances["box"].torrents) == {make_infohash(1)}
    assert later.accepted_plan is None


def test_an_accepted_plan_that_has_changed_meanwhile_is_not_executed(tmp_path: Path) -> None:
    story = WatchSimulation(tmp_path, until=400)
    guard = "guard: {max_delete: 1}\n"
    story.write(*range(1, 6), head=guard)

    def accept_and_change() -> None:
        story.trigger.accept_plan(story.recorder.runs[-1].run.plan_hash)
        story.instances["box"].delete_torrents([make_infohash(5)], delete_files=False)

    story.trigger.at(70, steps(partial(story.write, 1, head=guard), story.request_files_run))
    story.trigger.at(100, accept_and_change)
    story.run()
    ran = story.recorder.runs[3].run
    assert ran.accepted_plan not in (None, ran.plan_hash)
    assert "the accepted hash is that of another plan" in ran.instances[0].verdict.reasons[-1]
    assert len(story.instances["box"].torrents) == 4
