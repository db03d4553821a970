"""Settings for a failure, colours, and standard streams."""

from __future__ import annotations

import io
import sys

import pytest

from reconciler.cli.settings import (
    LogFormat,
    OutputFormat,
    Settings,
    ensure_std_streams,
    settings_from_argv,
    should_use_colour,
)
from tests.support.streams import FakeTerminal


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], Settings()),
        (["--output", "json"], Settings(output=OutputFormat.JSON)),
        (["--output=json", "status", "--output", "text"], Settings()),
        (["status", "--output", "xml", "--bogus"], Settings()),
        (["--output"], Settings()),
        (["--log-format=json", "-qv"], Settings(log_format=LogFormat.JSON, verbose=True)),
        (["--verbose"], Settings(verbose=True)),
        (["--version"], Settings()),
    ],
)
def test_a_failure_is_reported_as_requested_by_an_invalid_command_line(
    arguments: list[str], expected: Settings
) -> None:
    assert settings_from_argv(arguments) == expected


def test_the_command_line_overrides_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECONCILE_OUTPUT", "github")
    monkeypatch.setenv("RECONCILE_LOG_FORMAT", "json")
    monkeypatch.setenv("RECONCILE_VERBOSE", "Yes")
    assert settings_from_argv([]) == Settings(output=OutputFormat.GITHUB, log_format=LogFormat.JSON, verbose=True)
    assert settings_from_argv(["--output", "markdown"]).output is OutputFormat.MARKDOWN


def test_colours_need_a_terminal_that_allows_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert should_use_colour(FakeTerminal())
    assert not should_use_colour(io.StringIO())
    monkeypatch.setenv("TERM", "dumb")
    assert not should_use_colour(FakeTerminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not should_use_colour(FakeTerminal())


def test_closed_and_narrow_streams_become_harmless(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    monkeypatch.setattr(sys, "stderr", None)
    ensure_std_streams()
    sys.stdout.write("naïve …")
    sys.stdout.flush()
    assert raw.getvalue() == b"na\\xefve \\u2026"
    assert sys.stderr.write("lost") == 4
    sys.stderr.close()
