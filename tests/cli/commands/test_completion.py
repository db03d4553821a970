"""`reconcile completion`; tests/e2e/test_completion.py runs its scripts in real shells."""

from __future__ import annotations

import pytest

from reconciler.cli.commands.completion import Shell
from reconciler.cli.main import run_command_line
from reconciler.cli.settings import COMPLETION_VARIABLE


@pytest.mark.parametrize("shell", Shell)
def test_each_shell_has_a_script(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["completion", shell]) == 0
    assert COMPLETION_VARIABLE in capsys.readouterr().out


def test_another_shell_is_refused_with_the_choices(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["completion", "tcsh"]) == 4
    assert "'tcsh' is not one of 'bash', 'zsh', 'fish'" in capsys.readouterr().err
