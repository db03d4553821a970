"""The table of commands."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from reconciler.cli.command_table import COMMAND_MODULES, CommandTable


def test_commands_are_listed_in_their_order_without_being_loaded() -> None:
    table = CommandTable({"say-hello": "no.such.module", "import": "no.such.module"})
    assert (list(table), len(table)) == (["say-hello", "import"], 2)


def test_a_command_is_built_once() -> None:
    table = CommandTable(COMMAND_MODULES)
    command: Any = table["explain-error"]
    assert (command.name, command.help.splitlines()[0], [parameter.name for parameter in command.params]) == (
        "explain-error",
        "Explain the code of an error or a warning.",
        ["code"],
    )
    assert table["explain-error"] is command
    assert vars(table)["_built"].keys() == {"explain-error"}
    assert table.get("plan") is None


@pytest.mark.parametrize("module", sorted(set(COMMAND_MODULES.values())))
def test_every_command_that_a_module_declares_is_in_the_table(module: str) -> None:
    listed = [name for name, its_module in COMMAND_MODULES.items() if its_module == module]
    assert len(import_module(module).commands.registered_commands) == len(listed)
    assert [CommandTable(COMMAND_MODULES)[name].name for name in listed] == listed
