"""Answers to commands that people type out of habit from other tools."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from typer.core import TyperGroup

from reconciler.cli.settings import CommandFailure

COMMANDS_BY_HABIT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "plan": "reconcile --dry-run",
        "dry-run": "reconcile --dry-run",
        "run": "reconcile",
        "sync": "reconcile",
        "watch": "reconcile --watch",
        "help": "reconcile --help",
        "version": "reconcile --version",
    }
)
"""The command line that does what each of these words names in other tools."""


class CommandGroup(TyperGroup):
    """The group of all commands, which answers a habitual word with the command line that does the same."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that the first argument names. Raises `CommandFailure` for a habitual word."""
        if args[0] in COMMANDS_BY_HABIT and args[0] not in self.commands:
            raise CommandFailure(f'there is no command "{args[0]}". Use: {COMMANDS_BY_HABIT[args[0]]}', 4)
        return super().resolve_command(ctx, args)
