"""What a watch says of its runs: what is new, once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.cli import logs
from reconciler.cli.commands.watch_log import WatchLog
from reconciler.cli.settings import LogFormat, OutputFormat, RunSettings, Settings
from reconciler.engine.events import Backoff, FinishedRun
from reconciler.model.plan import Action, ObjectKind, Outcome, Verb
from reconciler.model.position import Position, Problem
from reconciler.model.run import ActionResult, InstanceResult, Run, RunMode, Status

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BROKEN = (Problem(Position("desired.yaml", 3, 1), "unknown key"),)


class Said:
    """A teller with a clock, and what it wrote."""

    def __init__(self, output: OutputFormat = OutputFormat.JSON) -> None:
        settings = Settings(output=output, log_format=LogFormat.JSON)
        logs.configure(settings, always=True)
        self.now = 0.0
        self.teller = WatchLog(settings, RunSettings(interval=60.0), lambda: self.now)

    def tell(
        self,
        *outcomes: Outcome,
        status: Status = Status.OK,
        waiting: int = 0,
        problems: Sequence[Problem] = (),
        after: float = 60.0,
    ) -> None:
        """A run in which actions had these outcomes."""
        self.now += after
        results = tuple(
            ActionResult(Action(Verb.UPDATE, ObjectKind.TORRENT, f"t{n}", "name differs", infohash=f"{n}"), outcome)
            for n, outcome in enumerate(outcomes)
        )
        bad = status is not Status.OK
        code = 1 if bad or set(outcomes) & {Outcome.FAILED, Outcome.BLOCKED} else 0
        part = InstanceResult("box", status, "no answer" if bad else None, unchanged=3, results=results)
        waits = {"box": Backoff(waiting, "no answer", NOW + timedelta(seconds=9))} if waiting else {}
        run = Run(RunMode.APPLY, "sha256:0", code, (part,))
        self.teller.on_run_end(FinishedRun(run, "interval", NOW, 0.5, tuple(problems), waits))


Capsys = pytest.CaptureFixture[str]


def lines(capsys: Capsys) -> list[str]:
    """`level event` of the log since the last look."""
    found = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    return [f"{line['level']} {line['event']}" for line in found]


def test_quiet_while_nothing_happens_and_a_sign_of_life_every_hour(capsys: Capsys) -> None:
    said = Said()
    for _ in range(59):
        said.tell()
    assert lines(capsys) == ["info watching: nothing to do, 3 unchanged"]
    for _ in range(120):
        said.tell()
    assert lines(capsys) == ["info still watching: nothing to do, 3 unchanged"] * 2


def test_every_run_that_changes_something_is_told(capsys: Capsys) -> None:
    said = Said()
    for outcomes in ((), (Outcome.APPLIED,), (), (Outcome.APPLIED,)):
        said.tell(*outcomes)
    said_so = capsys.readouterr()
    assert said_so.err.count('"0 added, 1 changed, 0 deleted, 3 unchanged"') == 2
    assert said_so.err.count('"event"') == 3
    reports = [json.loads(line) for line in said_so.out.splitlines()]
    assert [report["summary"]["update"] for report in reports] == [1, 1]


def test_what_stays_undone_is_told_once_and_its_end_too(capsys: Capsys) -> None:
    said = Said()
    for outcomes in ((Outcome.BLOCKED,),) * 5 + ((),) * 5:
        said.tell(*outcomes)
    told = lines(capsys)
    assert [line.split()[0] for line in told] == ["warning", "info"]
    assert told[1] == "info nothing to do, 3 unchanged"


def test_an_instance_in_trouble_is_told_with_each_failure_and_when_it_is_back(capsys: Capsys) -> None:
    said = Said()
    said.tell()
    for failures in (1, 1, 2):
        said.tell(status=Status.UNREACHABLE, waiting=failures)
    said.tell()
    assert lines(capsys)[1:] == ["warning no answer", "warning no answer", "info is back"]


def test_invalid_files_are_recalled_every_ten_minutes(capsys: Capsys) -> None:
    said = Said()
    for _ in range(21):
        said.tell(problems=BROKEN)
    assert lines(capsys)[1:] == ["error the desired state is still invalid; the last good one is in force"] * 2


def test_text_is_the_report_of_a_run(capsys: Capsys) -> None:
    said = Said(OutputFormat.TEXT)
    said.tell(Outcome.APPLIED)
    said.tell()
    assert capsys.readouterr().out.count("1 change applied") == 1
