"""The waits and the progress of a command: on a terminal a display, elsewhere lines."""

from __future__ import annotations

import io
import json
import re
import threading
import time
from datetime import UTC, datetime

import pytest

from reconciler.cli import logs
from reconciler.cli.progress import PendingPrinter, ProgressBars, RivalPrinter, WaitLines, describe_waits
from reconciler.cli.settings import LogFormat, Settings
from reconciler.model.groups import PendingTorrent
from reconciler.model.lease import Holder, LeaseHold, LeaseMark
from reconciler.waits import Wait, track_wait
from tests.support.example_runs import make_infohash, make_position
from tests.support.streams import replace_streams


def make_pending(number: int, reason: str = "no member can take it") -> PendingTorrent:
    """Return a pending torrent of the group `wide`."""
    return PendingTorrent(make_infohash(number), f"t{number}", "wide", reason, make_position(number))


def wait_for_text(stream: io.StringIO, text: str) -> None:
    """Wait until the stream contains the text."""
    deadline = time.monotonic() + 20
    while text not in stream.getvalue():
        assert time.monotonic() < deadline, f"no {text!r} in {stream.getvalue()!r}"
        time.sleep(0.01)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every wait is a long one."""
    monkeypatch.setattr("reconciler.cli.progress.SHOW_AFTER", 0.0)
    monkeypatch.setattr("reconciler.cli.progress._CHECK_INTERVAL", 0.005)


def make_wait(verb: str, subject: str, started_at: float = 0.0, trouble: str = "") -> Wait:
    """Return a wait; times are in seconds."""
    return Wait(verb, subject, started_at, trouble)


def test_a_wait_gets_a_line_after_a_second_and_again_after_half_a_minute() -> None:
    lines, wait = WaitLines(), make_wait("reading", "home")
    times = [0.2, 0.9, 1.0, 1.2, 30.9, 31.0, 31.2, 61.0]
    shown = [(now, text) for now in times for text in lines.select_due_texts([wait], {}, now)]
    assert shown == [(now, "reading home") for now in (1.0, 31.0, 61.0)]


def test_waits_with_one_verb_share_a_line_unless_there_is_more_to_say() -> None:
    waits = [
        make_wait("reading", "attic"),
        make_wait("reading", "home", trouble="home: connection refused"),
        make_wait("reading", "nas"),
        make_wait("changing", "box"),
        make_wait("fetching", "3 torrents from t.example", started_at=9.5),
    ]
    assert WaitLines().select_due_texts(waits, {"box": (1_200, 3_000)}, 10.0) == [
        "reading attic, nas",
        "reading home, trying again: connection refused",
        "changing box, 1,200 of 3,000 actions done",
    ]
    assert describe_waits([make_wait("reading", "home"), make_wait("reading", "home")], {}) == ["reading home"]
    many = [make_wait("reading", f"i{number}") for number in range(9)]
    assert describe_waits(many, {}) == ["reading i0, i1, i2, i3, i4 and 4 more"]


@pytest.mark.usefixtures("impatient")
def test_a_pipe_gets_a_line_for_a_wait_and_only_one(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    with ProgressBars(Settings()):
        with track_wait("reading", "home"):
            wait_for_text(stream, "reading home\n")
            with track_wait("probing", "home"):
                wait_for_text(stream, "probing home\n")
        with track_wait("reading", "attic"):
            wait_for_text(stream, "reading attic\n")
    assert stream.getvalue() == "waiting: reading home\nwaiting: probing home\nwaiting: reading attic\n"


@pytest.mark.usefixtures("impatient")
def test_a_wait_is_logged_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    stream, settings = io.StringIO(), Settings(log_format=LogFormat.JSON)
    monkeypatch.setattr("sys.stderr", stream)
    logs.configure(settings)
    with ProgressBars(settings), track_wait("reading", "home"):
        wait_for_text(stream, "}")
    event = json.loads(stream.getvalue())
    assert (event["event"], event["activity"], event["level"]) == ("waiting", "reading home", "info")


@pytest.mark.usefixtures("impatient")
def test_a_terminal_shows_waits_and_the_share_of_each_instance_that_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    with replace_streams(monkeypatch, "stderr") as terminal:
        with ProgressBars(Settings()) as bars:
            with track_wait("fetching", "2 torrents from t.example"):
                wait_for_text(terminal, "fetching 2 torrents from t.example")
            bars.start_instance("home", 4)
            bars.advance_instance("home", 3)
            bars.start_instance("seedbox", 2)
            wait_for_text(terminal, "75%")
            bars.finish_instance("seedbox")
            wait_for_text(terminal, "100%")
        shares = re.findall(r"(home|seedbox) .*?(\d+)%", terminal.getvalue())
    assert shares[-2:] == [("home", "75"), ("seedbox", "100")]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("colours", [True, False])
def test_the_display_has_neither_colours_nor_dimmed_text_if_colours_are_unwanted(
    monkeypatch: pytest.MonkeyPatch, colours: bool
) -> None:
    if not colours:
        monkeypatch.setenv("NO_COLOR", "1")
    with replace_streams(monkeypatch, "stderr") as terminal:
        with ProgressBars(Settings()) as bars, track_wait("reading", "attic"):
            wait_for_text(terminal, "reading attic")
            bars.start_instance("home", 4)
            bars.advance_instance("home", 3)
            wait_for_text(terminal, "75%")
        assert bool(re.search(r"\x1b\[[0-9;]*m", terminal.getvalue())) is colours


def test_a_command_that_ends_soon_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with replace_streams(monkeypatch, "stderr") as terminal:
        with ProgressBars(Settings()) as bars, track_wait("reading", "home"):
            bars.start_instance("home", 4)
            bars.finish_instance("home")
        assert terminal.getvalue() == ""


@pytest.mark.usefixtures("impatient")
def test_quiet_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = threading.active_count()
    with replace_streams(monkeypatch, "stderr") as terminal:
        with ProgressBars(Settings(quiet=True)), track_wait("reading", "home"):
            assert threading.active_count() == threads, "nothing that could show it"
        assert terminal.getvalue() == ""


def test_pending_torrents_are_printed_once_for_each_change(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressBars(Settings(quiet=True)) as bars:
        show = PendingPrinter(Settings(), bars)
        show([make_pending(1)], 60.4)
        show([make_pending(1)], 50.0)
        show([make_pending(1), make_pending(2)], 40.0)
    assert capsys.readouterr().err.splitlines() == [
        "waiting up to 60 s for t1: wide: no member can take it",
        "waiting up to 40 s for 2 torrents: wide: no member can take it",
    ]


def test_no_line_is_printed_if_quiet_or_if_the_terminal_shows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with replace_streams(monkeypatch, "stderr") as terminal:
        for settings in (Settings(quiet=True), Settings()):
            with ProgressBars(settings) as bars:
                PendingPrinter(settings, bars)([make_pending(1)], 60.0)
        assert terminal.getvalue() == ""


def test_pending_torrents_are_logged_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings(log_format=LogFormat.JSON)
    logs.configure(settings)
    with ProgressBars(Settings(quiet=True)) as bars:
        PendingPrinter(settings, bars)([make_pending(1, "attic is down")], 60.4)
    event = json.loads(capsys.readouterr().err)
    assert (event["event"], event["pending"], event["seconds"], event["reason"]) == ("waiting", 1, 60, "attic is down")


HOLD = LeaseHold(LeaseMark("home", "nas", "11111111", datetime(2026, 1, 1, tzinfo=UTC)), Holder("ci", "", "12.3", "a"))


def test_another_run_is_printed_once(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressBars(Settings(quiet=True)) as bars:
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
    with ProgressBars(Settings(quiet=True)) as bars:
        RivalPrinter(settings, bars)({"nas": HOLD}, 300.0)
        RivalPrinter(Settings(quiet=True), bars)({"nas": HOLD}, 300.0)
    event = json.loads(capsys.readouterr().err)
    assert (event["event"], event["instance"], event["seconds"]) == ("waiting for another run", "nas", 300)
    assert event["holder"].startswith("process 12 on ci")
