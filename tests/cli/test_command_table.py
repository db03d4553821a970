"""The table of commands."""

from __future__ import annotations

from typing import Any

import typer

from reconciler.cli.command_table import CommandTable


def make_table() -> CommandTable:
    """Return a table of two commands."""
    declared = typer.Typer()

    @declared.command()
    def say_hello(name: str) -> None:
        """Say hello."""

    @declared.command("import")
    def import_library(count: int = 1) -> None:
        """Import."""

    return CommandTable(declared.registered_commands)


def test_commands_are_listed_in_their_order_without_being_built() -> None:
    table = make_table()
    assert (list(table), len(table)) == (["say-hello", "import"], 2)
    assert vars(table)["_built"] == {}


def test_a_command_is_built_once() -> None:
    table = make_table()
    command: Any = table["say-hello"]
    assert (command.name, command.help, [parameter.name for parameter in command.params]) == (
        "say-hello",
        "Say hello.",
        ["name"],
    )
    assert table["say-hello"] is command
    assert vars(table)["_built"].keys() == {"say-hello"}
    assert table.get("plan") is None
