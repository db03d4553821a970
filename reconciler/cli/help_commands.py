"""Commands that need no desired state: for editors and shells, about problems, and the demo."""

from __future__ import annotations

import signal
from typing import Annotated

import typer

from reconciler.cli.commands.completion import Shell
from reconciler.cli.option_factories import command_option

commands = typer.Typer()


@commands.command()
def schema() -> None:
    """Print the JSON Schema of the desired state, for editors.

    An editor with yaml-language-server completes and checks a file whose first line is
    "# yaml-language-server: $schema=desired-state.schema.json".

    \b
    Example:
      reconcile schema > desired-state.schema.json
    """
    from reconciler.cli.commands.schema import schema_command

    raise typer.Exit(schema_command())


ErrorCodeArgument = Annotated[str | None, typer.Argument(metavar="[CODE]", help="Such as E030. Without: list all.")]


@commands.command("explain-error")
def explain_error(code: ErrorCodeArgument = None) -> None:
    """Explain the code of an error or a warning.

    Shows what it means, with an example of wrong and of right YAML.

    \b
    Example:
      reconcile explain-error E030
    """
    from reconciler.cli.commands.explain_error import explain_error_command

    raise typer.Exit(explain_error_command(code))


ShellArgument = Annotated[Shell, typer.Argument(metavar="SHELL", show_default=False, help="bash, zsh or fish.")]


@commands.command()
def completion(shell: ShellArgument) -> None:
    """Print the completion script of a shell: bash, zsh or fish.

    \b
    Examples:
      reconcile completion bash > ~/.local/share/bash-completion/completions/reconcile
      reconcile completion zsh > ~/.zfunc/_reconcile
      reconcile completion fish > ~/.config/fish/completions/reconcile.fish
    """
    from reconciler.cli.commands.completion import completion_command

    raise typer.Exit(completion_command(shell))


KeepOption = Annotated[bool, command_option("--keep", help_text="Keep the servers running until Ctrl-C.")]


@commands.command()
def demo(keep: KeepOption = False) -> None:
    """Show the main features on throwaway qBittorrent servers.

    The servers are real. The demo starts them and removes them at the end.

    \b
    Example:
      reconcile demo --keep
    """
    from reconciler.demo.story import run_demo

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # remove the servers, as on Ctrl-C
    raise typer.Exit(run_demo(keep))
