"""Logs on standard error."""

from __future__ import annotations

import pytest
import structlog

from reconciler.cli import logs
from reconciler.cli.logs import redact_event
from reconciler.cli.settings import Settings
from reconciler.model.secret import Secret


def test_a_traceback_shows_no_local_variables(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    logs.configure(Settings(verbose=True), always=True)

    def log_in() -> None:
        password = "hunter" + "2"
        raise ValueError(f"{len(password)} characters are too few")

    try:
        log_in()
    except ValueError as error:
        structlog.get_logger().debug("login failed", exc_info=error)
    written = capsys.readouterr().err
    assert written.splitlines()[-1] == "ValueError: 7 characters are too few"
    assert "Traceback (most recent call last):" in written
    assert "hunter2" not in written


def test_redaction_reaches_nested_values() -> None:
    event = {"password": "a", "x": {"API-Key": "b", "deep": [{"Cookie": "c"}]}, "secret": Secret("d"), "fine": "e"}
    shown = str(redact_event(None, "info", event))
    assert shown.count("***") == 4
    assert "'e'" in shown
