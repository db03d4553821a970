"""`reconcile completion`: the completion script of a shell."""

from __future__ import annotations

from enum import StrEnum

from reconciler.cli.settings import COMPLETION_VARIABLE


class Shell(StrEnum):
    """A shell with a completion script."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion_command(shell: Shell) -> int:
    """Print the script that a shell reads at its start. Return the exit code."""
    from typer.completion import get_completion_script  # type: ignore[attr-defined]

    from reconciler.cli import console

    script = get_completion_script(prog_name="reconcile", complete_var=COMPLETION_VARIABLE, shell=shell)
    console.write_report_text([script])
    return 0
