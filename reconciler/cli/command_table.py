"""The commands by name, each loaded and built when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any, Final

from typer.main import get_command_from_info, get_command_name
from typer.models import CommandInfo

COMMAND_MODULES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "init": "reconciler.cli.file_commands",
        "apply": "reconciler.cli.plan_commands",
        "validate": "reconciler.cli.file_commands",
        "diff": "reconciler.cli.plan_commands",
        "schema": "reconciler.cli.help_commands",
        "explain-error": "reconciler.cli.help_commands",
        "status": "reconciler.cli.query_commands",
        "explain": "reconciler.cli.query_commands",
        "doctor": "reconciler.cli.query_commands",
        "history": "reconciler.cli.query_commands",
        "import": "reconciler.cli.query_commands",
        "snapshot": "reconciler.cli.plan_commands",
        "add": "reconciler.cli.file_commands",
        "rm": "reconciler.cli.file_commands",
        "intake": "reconciler.cli.file_commands",
        "completion": "reconciler.cli.help_commands",
        "demo": "reconciler.cli.help_commands",
    }
)
"""The module that declares each command as one of its `commands`, in the order of the help."""


class CommandTable(Mapping[str, Any]):
    """The commands that typer would build before it reads a command line, which names at most one of them.

    To load and build them all takes 15 ms, as long as half of `--version`.
    """

    def __init__(self, modules: Mapping[str, str]) -> None:
        self._modules = modules
        self._built: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._built:
            declared = import_module(self._modules[name]).commands.registered_commands
            info = next(info for info in declared if _name_of(info) == name)
            self._built[name] = get_command_from_info(info, pretty_exceptions_short=False, rich_markup_mode=None)
        return self._built[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)


def _name_of(info: CommandInfo) -> str:
    assert info.callback, "a command is declared with its function"
    return info.name or get_command_name(info.callback.__name__)
