"""Repeated status reports on a terminal, in a pipe, and as JSON."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.cli.commands.status_display import WaitProgress, can_redraw, make_status_display
from reconciler.cli.progress import ProgressBars
from reconciler.cli.settings import OutputFormat, Settings, StatusSettings
from reconciler.model.position import Position, Problem
from reconciler.model.status import Pagination, TorrentFilter
from tests.support.status_rows import make_status_report, make_status_row
from tests.support.streams import replace_streams

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
OPTIONS = StatusSettings(TorrentFilter(), Pagination(), True, 2.0, False, None)
SEEDING = make_status_report(make_status_row(1))
DOWNLOADING = make_status_report(make_status_row(1, "downloading"))


def test_json_has_a_line_for_every_status_even_if_nothing_changed(capsys: pytest.CaptureFixture[str]) -> None:
    with make_status_display(Settings(output=OutputFormat.JSON), OPTIONS) as display:
        assert display.show(SEEDING, NOON)
        assert display.show(SEEDING, NOON + timedelta(seconds=2))
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["at"], second["at"]) == ("2026-01-01T12:00:00.000Z", "2026-01-01T12:00:02.000Z")
    assert first["torrents"] == second["torrents"]


def test_text_in_a_pipe_has_a_block_for_each_change(capsys: pytest.CaptureFixture[str]) -> None:
    with make_status_display(Settings(), OPTIONS) as display:
        assert display.show(SEEDING, NOON)
        assert display.show(SEEDING, NOON + timedelta(seconds=2))
        assert capsys.readouterr().out.count("2026-01-0") == 1
        assert display.show(DOWNLOADING, NOON + timedelta(seconds=4))
    text = capsys.readouterr().out
    assert text.startswith("\n2026-01-0"), "an empty line separates the blocks"
    assert "downloading" in text


def test_problems_of_changed_files_are_shown_above_the_last_valid_state(capsys: pytest.CaptureFixture[str]) -> None:
    problem = Problem(Position("desired.yaml", 3, 1), "E030", "unknown key")
    with make_status_display(Settings(), OPTIONS) as display:
        display.show(replace(SEEDING, problems=(problem,)), NOON)
    assert (
        "the changed files have 1 problem, the first: desired.yaml:3:1: unknown key; the last valid state is shown\n"
        in capsys.readouterr().out
    )


def test_only_text_on_a_capable_terminal_is_redrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not can_redraw(Settings())
    with replace_streams(monkeypatch, "stdout"):
        assert can_redraw(Settings())
        assert not can_redraw(Settings(output=OutputFormat.JSON))
        monkeypatch.setenv("TERM", "dumb")
        assert not can_redraw(Settings())


def test_a_redrawn_status_counts_the_torrents_below_the_height(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("LINES", "12")
    rows = [make_status_row(number) for number in range(1, 31)]
    with replace_streams(monkeypatch, "stdout") as terminal, make_status_display(Settings(), OPTIONS) as display:
        assert display.show(make_status_report(*rows), NOON)
        text = terminal.getvalue()
    assert "every 2 s · Ctrl-C to quit" in text
    assert text.count("\n") < 12
    assert "more" in text
    assert "t30" not in text


@pytest.mark.parametrize(("state", "shown"), [("uploading", 5), ("missing", 2)])
def test_a_redrawn_status_fills_the_height_and_ends_with_the_totals(
    state: str, shown: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "15")
    reason = "not on the instance" if state == "missing" else ""
    rows = [make_status_row(number, state, reason=reason, name="x" * 30 + f" t{number}") for number in range(1, 301)]
    with replace_streams(monkeypatch, "stdout") as terminal, make_status_display(Settings(), OPTIONS) as display:
        assert display.show(make_status_report(*rows), NOON)
        lines = terminal.getvalue().splitlines()
    assert sum(bool(re.search(r"\bt\d", line)) for line in lines) == shown
    assert any("300 declared torrents: " in line for line in lines)
    assert len(lines) <= 15


def test_waiting_prints_a_line_only_at_changes(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressBars(Settings()) as bars:
        progress = WaitProgress(Settings(), bars)
        progress.show(DOWNLOADING)
        progress.show(DOWNLOADING)
        progress.show(SEEDING)
    output = capsys.readouterr()
    assert output.out == ""
    lines = output.err.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("waiting: 0 of 1 complete")
    assert lines[1].startswith("waiting: 1 of 1 complete")


def test_quiet_waiting_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressBars(Settings(quiet=True)) as bars:
        WaitProgress(Settings(quiet=True), bars).show(DOWNLOADING)
    assert capsys.readouterr().err == ""
