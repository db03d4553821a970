"""The declaration of options, of the main command or after the name of a command."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Annotated, Any, Final

import typer

from reconciler.cli.settings import OutputFormat

OPTION_VARIABLES: Final[set[str]] = set()  # that the options of the main command read


def main_option(
    *flags: str, help_text: str, metavar: str | None = None, callback: Callable[..., Any] | None = None
) -> Any:
    """Return an option of the main command, which also reads `RECONCILE_<OPTION>`."""
    variable = "RECONCILE_" + flags[0].lstrip("-").upper().replace("-", "_")
    OPTION_VARIABLES.add(variable)
    return typer.Option(
        *flags,
        help=help_text,
        metavar=metavar,
        callback=callback,
        envvar=variable,
        show_envvar=False,
        show_default=False,
    )


def command_option(
    *flags: str,
    help_text: str,
    metavar: str | None = None,
    minimum: int | None = None,
    callback: Callable[..., Any] | None = None,
) -> Any:
    """Return an option that follows a command's name. It reads no variable, so that it overrides the main command's."""
    return typer.Option(*flags, help=help_text, metavar=metavar, min=minimum, callback=callback, show_default=False)


def join_alternatives(words: Collection[str]) -> str:
    """Return `a`, `a or b`, or `a, b or c`."""
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def output_help(outputs: Iterable[OutputFormat], more: str = "") -> str:
    """Return the help of `--output` of a command that can print these formats."""
    return f"Report format: {join_alternatives(list(outputs))}{more}. [default: text]"


def make_output_option(outputs: Collection[OutputFormat]) -> Any:
    """Return the option `--output` of a command that can print these formats."""
    option = command_option("--output", metavar="FORMAT", help_text=output_help(outputs))
    option.autocompletion = lambda: list(map(str, outputs))
    return Annotated[OutputFormat | None, option]
