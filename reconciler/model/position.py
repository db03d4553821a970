"""Positions in the user's files, and the problems found there."""

from __future__ import annotations

from dataclasses import field

from reconciler.model.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A position in a desired-state file. `line` and `column` count from 1, as in editors."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The line of a problem, as it was loaded and without its secrets: the place in it, and the text around that."""

    before: str
    marked: str
    after: str


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """An error or a warning about the desired state: its position, what is wrong, and a hint what to do.

    `code` is one of `codes.Code`. `of_file`: it concerns a file as a whole, of which nothing may be shown: it may be
    any file, behind a link.
    """

    position: Position
    code: str
    message: str
    hint: str = ""
    of_file: bool = False
    excerpt: Excerpt | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.position}: {self.message}" + (f". {self.hint}" if self.hint else "")
