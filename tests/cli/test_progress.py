"""Progress of a run: bars on a terminal, lines elsewhere."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest

from reconciler.cli import logs
from reconciler.cli.progress import PendingPrinter, ProgressBars, RivalPrinter
from reconciler.cli.settings import LogFormat, Settings
from reconciler.model.groups import PendingTorrent
from reconciler.model.lease import Holder, LeaseHold, LeaseMark
from tests.support.example_runs import make_infohash, make_position
from tests.support.streams import ManualTimer, replace_streams


def make_pending(number: int, reason: str = "no member can take it") -> PendingTorrent:
    """Return a pending torrent of the group `wide`."""
    return PendingTorrent(make_infohash(number), f"t{number}", "wide", reason, make_position(number))


@pytest.fixture
def timers(monkeypatch: pytest.MonkeyPatch) -> list[ManualTimer]:
    """Every timer that is made, none of which fires by itself."""
    timers: list[ManualTimer] = []

    def make_timer(*arguments: object) -> ManualTimer:
        timers.append(ManualTimer(*arguments))  # type: ignore[arg-type]
        return timers[-1]

    monkeypatch.setattr("reconciler.cli.progress.threading.Timer", make_timer)
    return timers


def test_bars_show_the_share_of_each_instance_that_is_done(
    timers: list[ManualTimer], monkeypatch: pytest.MonkeyPatch
) -> None:
    with replace_streams(monkeypatch, "stderr") as terminal:
        with ProgressBars(enabled=True) as bars:
            bars.start_instance("home", 4)
            bars.advance_instance("home", 3)
            bars.start_instance("seedbox", 2)
            timers[0].fire()
            bars.finish_instance("seedbox")
        shares = re.findall(r"(home|seedbox) .*?(\d+)%", terminal.getvalue())
    assert shares[-2:] == [("home", "75"), ("seedbox", "100")]
    assert timers[0].is_cancelled


def test_a_run_that_ends_before_the_bars_appear_shows_nothing(
    timers: list[ManualTimer], monkeypatch: pytest.MonkeyPatch
) -> None:
    with replace_streams(monkeypatch, "stderr") as terminal:
        with ProgressBars(enabled=True) as bars:
            bars.start_instance("home", 4)
            bars.finish_instance("home")
        timers[0].fire()
        assert terminal.getvalue() == ""


def test_pending_torrents_are_printed_once_for_each_change(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressBars(enabled=False) as bars:
        show = PendingPrinter(Settings(), bars)
        show([make_pending(1)], 60.4)
        show([make_pending(1)], 50.0)
        show([make_pending(1), make_pending(2)], 40.0)
    assert capsys.readouterr().err.splitlines() == [
        "waiting up to 60 s for t1: wide: no member can take it",
        "waiting up to 40 s for 2 torrents: wide: no member can take it",
    ]


@pytest.mark.parametrize(("settings", "enabled"), [(Settings(quiet=True), False), (Settings(), True)])
def test_no_line_is_printed_if_quiet_or_if_bars_show_it(
    settings: Settings, enabled: bool, timers: list[ManualTimer], capsys: pytest.CaptureFixture[str]
) -> None:
    with ProgressBars(enabled=enabled) as bars:
        PendingPrinter(settings, bars)([make_pending(1)], 60.0)
    assert capsys.readouterr().err == ""
    assert len(timers) == 1


def test_pending_torrents_are_logged_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings(log_format=LogFormat.JSON)
    logs.configure(settings)
    with ProgressBars(enabled=False) as bars:
        PendingPrinter(settings, bars)([make_pending(1, "attic is down")], 60.4)
    event = json.loads(capsys.readouterr().err)
    assert (event["event"], event["pending"], event["seconds"], event["reason"]) == ("waiting", 1, 60, "attic is down")


HOLD = LeaseHold(LeaseMark("home", "nas", "11111111", datetime(2026, 1, 1, tzinfo=UTC)), Holder("ci", "", "12.3", "a"))


def test_another_run_is_printed_once(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressBars(enabled=False) as bars:
        show = RivalPrinter(Settings(), bars)
        show({"nas": HOLD}, 300.0)
        show({"nas": HOLD.renew()}, 290.0)
        show({"nas": HOLD, "attic": HOLD}, 280.4)
    assert capsys.readouterr().err.splitlines() == [
        "waiting up to 300 s for another run on nas: process 12 on ci, since 2026-01-01 00:00:00 UTC",
        "waiting up to 280 s for another run on attic: process 12 on ci, since 2026-01-01 00:00:00 UTC",
    ]


def test_another_run_is_logged_as_json_and_not_at_all_if_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings(log_format=LogFormat.JSON)
    logs.configure(settings)
    with ProgressBars(enabled=False) as bars:
        RivalPrinter(settings, bars)({"nas": HOLD}, 300.0)
        RivalPrinter(Settings(quiet=True), bars)({"nas": HOLD}, 300.0)
    event = json.loads(capsys.readouterr().err)
    assert (event["event"], event["instance"], event["seconds"]) == ("waiting for another run", "nas", 300)
    assert event["holder"].startswith("process 12 on ci")
