"""Commands that people type out of habit."""

from __future__ import annotations

import pytest

from reconciler.cli.habits import COMMANDS_BY_HABIT
from reconciler.cli.main import run_command_line


@pytest.mark.parametrize("word", COMMANDS_BY_HABIT)
def test_a_habitual_word_is_answered_with_the_right_command(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line([word]) == 4
    assert capsys.readouterr().err == f'error: there is no command "{word}". Use: {COMMANDS_BY_HABIT[word]}\n'


@pytest.mark.parametrize("arguments", [["-h"], ["status", "-h"], ["import", "-h"]])
def test_h_is_help(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(arguments) == 0
    short = capsys.readouterr().out
    assert run_command_line([*arguments[:-1], "--help"]) == 0
    assert short == capsys.readouterr().out != ""
