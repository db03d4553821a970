"""`reconcile explain-error`."""

from __future__ import annotations

import pytest

from reconciler.cli.main import run_command_line


@pytest.mark.parametrize("text", ["E030", "e30", "error[E030]:"])
def test_a_code_is_explained_with_examples(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["explain-error", text]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "E030: an unknown key"
    assert lines.index("Wrong:") < lines.index("Right:")
    assert max(map(len, lines)) <= 80


def test_without_a_code_all_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["explain-error"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "E030  an unknown key" in lines
    assert len(lines) > 80


def test_another_code_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["explain-error", "E999"]) == 4
    assert "there is no code 'E999'. reconcile explain-error lists all codes" in capsys.readouterr().err
