"""The arguments of the commands that need no desired state reach them."""

from __future__ import annotations

import signal

import pytest

from reconciler.cli.commands.completion import Shell
from reconciler.cli.main import run_command_line
from tests.cli.conftest import RecordedCalls


@pytest.mark.parametrize(
    ("arguments", "command", "expected"),
    [
        (["schema"], "schema.schema_command", ()),
        (["explain-error"], "explain_error.explain_error_command", (None,)),
        (["explain-error", "E030"], "explain_error.explain_error_command", ("E030",)),
        (["completion", "zsh"], "completion.completion_command", (Shell.ZSH,)),
    ],
)
def test_a_command_without_a_desired_state_gets_its_argument(
    arguments: list[str], command: str, expected: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = RecordedCalls(3)
    monkeypatch.setattr(f"reconciler.cli.commands.{command}", calls)
    assert run_command_line(arguments) == 3
    assert calls.arguments == [expected]


def test_a_demo_that_is_terminated_removes_its_servers_as_on_an_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = RecordedCalls()
    monkeypatch.setattr("reconciler.demo.story.run_demo", calls)
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert run_command_line(["demo", "--keep"]) == 0
        assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGTERM, before)
    assert calls.arguments == [(True,)]
