"""Where in the user's files something was said."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a desired-state file; `line` and `column` count from 1, as editors do."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """Something wrong (or doubtful) in the desired state: where, what, and how to mend it.

    `remote`: nothing is wrong in the files; another server that they name is in trouble, which may pass by itself.
    """

    position: Position
    message: str
    hint: str = ""
    remote: bool = False

    def __str__(self) -> str:
        return f"{self.position}: {self.message}" + (f". {self.hint}" if self.hint else "")
