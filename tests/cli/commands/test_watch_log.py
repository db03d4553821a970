"""The log of a watch: each piece of news, once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.cli import logs
from reconciler.cli.commands.watch_log import WatchLog
from reconciler.cli.settings import LogFormat, OutputFormat, RunSettings, Settings
from reconciler.engine.events import Backoff, FinishedRun
from reconciler.model.desired import DesiredState, Policy
from reconciler.model.plan import Outcome, TorrentFault, UpdateTorrent
from reconciler.model.position import Position, Problem
from reconciler.model.run import ActionResult, InstanceResult, Run, RunMode, Status
from tests.support.example_runs import FAULTS

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BROKEN = (Problem(Position("desired.yaml", 3, 1), "E030", "unknown key"),)


class WatchLogHarness:
    """A watch log with a clock that the test controls."""

    def __init__(self, output: OutputFormat = OutputFormat.JSON) -> None:
        settings = Settings(output=output, log_format=LogFormat.JSON)
        logs.configure(settings, always=True)
        self.now = 0.0
        self.watch_log = WatchLog(settings, RunSettings(interval=60.0), lambda: self.now)

    def end_run(
        self,
        *outcomes: Outcome,
        status: Status = Status.OK,
        waiting: int = 0,
        problems: Sequence[Problem] = (),
        warnings: Sequence[Problem] = (),
        after: float = 60.0,
        faults: tuple[TorrentFault, ...] = (),
    ) -> None:
        """End a run whose actions had these outcomes."""
        self.now += after
        results = tuple(
            ActionResult(UpdateTorrent(f"t{n}", "name differs", infohash=f"{n}"), outcome)
            for n, outcome in enumerate(outcomes)
        )
        is_bad = status is not Status.OK
        code = 1 if is_bad or set(outcomes) & {Outcome.FAILED, Outcome.BLOCKED} else 0
        instance = InstanceResult(
            "box", status, "no answer" if is_bad else None, unchanged=3, results=results, faults=faults
        )
        backoffs = {"box": Backoff(waiting, "no answer", NOW + timedelta(seconds=9))} if waiting else {}
        run = Run(RunMode.APPLY, "sha256:0", code, (instance,), tuple(warnings))
        self.watch_log.on_run_end(FinishedRun(run, "interval", NOW, 0.5, tuple(problems), backoffs))


Capsys = pytest.CaptureFixture[str]


def lines(capsys: Capsys) -> list[str]:
    """Return `level event` of each log line since the last call."""
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    return [f"{event['level']} {event['event']}" for event in events]


def test_a_quiet_watch_logs_a_heartbeat_every_hour(capsys: Capsys) -> None:
    harness = WatchLogHarness()
    for _ in range(59):
        harness.end_run()
    assert lines(capsys) == ["info watching: nothing to do, 3 unchanged"]
    for _ in range(120):
        harness.end_run()
    assert lines(capsys) == ["info still watching: nothing to do, 3 unchanged"] * 2


def test_every_run_with_changes_is_logged(capsys: Capsys) -> None:
    harness = WatchLogHarness()
    for outcomes in ((), (Outcome.APPLIED,), (), (Outcome.APPLIED,)):
        harness.end_run(*outcomes)
    captured = capsys.readouterr()
    assert captured.err.count('"0 added, 1 changed, 0 deleted, 3 unchanged"') == 2
    assert captured.err.count('"event"') == 3
    reports = [json.loads(line) for line in captured.out.splitlines()]
    assert [report["summary"]["update"] for report in reports] == [1, 1]


def test_unfinished_work_is_logged_once_and_its_end_too(capsys: Capsys) -> None:
    harness = WatchLogHarness()
    for outcomes in ((Outcome.BLOCKED,),) * 5 + ((),) * 5:
        harness.end_run(*outcomes)
    logged = lines(capsys)
    assert [line.split()[0] for line in logged] == ["warning", "info"]
    assert logged[1] == "info nothing to do, 3 unchanged"


def test_a_torrent_that_cannot_run_is_logged_once_and_its_end_too(capsys: Capsys) -> None:
    """One that has no metadata yet comes and goes, so its fault alone is no news."""
    harness = WatchLogHarness()
    for faults in ((), FAULTS[2:], FAULTS, FAULTS, FAULTS[:2], ()):
        harness.end_run(faults=faults)
    assert lines(capsys) == [
        "info watching: nothing to do, 3 unchanged",
        "info 3 unchanged, 2 faults, 1 waiting for metadata",
        "info nothing to do, 3 unchanged",
    ]


def test_each_failure_of_an_instance_and_its_recovery_are_logged(capsys: Capsys) -> None:
    harness = WatchLogHarness()
    harness.end_run()
    for failures in (1, 1, 2):
        harness.end_run(status=Status.UNREACHABLE, waiting=failures)
    harness.end_run()
    assert lines(capsys)[1:] == ["warning no answer", "warning no answer", "info is back"]


def test_invalid_files_are_logged_every_ten_minutes(capsys: Capsys) -> None:
    harness = WatchLogHarness()
    for _ in range(21):
        harness.end_run(problems=BROKEN)
    assert lines(capsys)[1:] == ["error the desired state is still invalid; the last good one is in force"] * 2


def test_text_output_is_the_report_of_a_run(capsys: Capsys) -> None:
    harness = WatchLogHarness(OutputFormat.TEXT)
    harness.end_run(Outcome.APPLIED)
    harness.end_run()
    assert capsys.readouterr().out.count("1 change applied") == 1


def test_a_warning_is_logged_once_while_it_lasts(capsys: Capsys) -> None:
    harness = WatchLogHarness()
    (known,), found = BROKEN, Problem(Position("desired.yaml", 5, 1), "W005", "matches no file")
    harness.watch_log.on_run_start(DesiredState(Policy.SYNC, {}, warnings=(known,)))
    for warnings in ((known,), (known, found), (known, found), (known,), (known, found)):
        harness.end_run(warnings=warnings)
    logged = [line for line in lines(capsys) if line.startswith("warning")]
    assert logged == ["warning matches no file"] * 2
