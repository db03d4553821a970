"""The commands by name, each built from its function when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from typer.main import get_command_from_info, get_command_name
from typer.models import CommandInfo


class CommandTable(Mapping[str, Any]):
    """The commands that typer would build before it reads a command line, which names at most one of them.

    To build them all takes 10 ms, as long as a third of `--version`.
    """

    def __init__(self, declared: Sequence[CommandInfo]) -> None:
        self._declared = {info.name or _name_of(info): info for info in declared}
        self._built: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._built:
            info = self._declared[name]
            self._built[name] = get_command_from_info(info, pretty_exceptions_short=False, rich_markup_mode=None)
        return self._built[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._declared)

    def __len__(self) -> int:
        return len(self._declared)


def _name_of(info: CommandInfo) -> str:
    assert info.callback, "a command is declared with its function"
    return get_command_name(info.callback.__name__)
