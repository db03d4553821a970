"""Streams in place of the standard streams of a process."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


class FakeTerminal(io.StringIO):
    """A text stream that claims to be a terminal."""

    def isatty(self) -> bool:
        """Return True."""
        return True


@contextmanager
def replace_streams(monkeypatch: pytest.MonkeyPatch, *names: str) -> Iterator[FakeTerminal]:
    """Context in which these streams of `sys` are one fake terminal."""
    terminal = FakeTerminal()
    with monkeypatch.context() as patch:
        for name in names:
            patch.setattr(f"sys.{name}", terminal)
        yield terminal


def type_lines(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    """Let a person type these lines on standard input."""
    monkeypatch.setattr(sys, "stdin", FakeTerminal("".join(f"{line}\n" for line in lines)))
