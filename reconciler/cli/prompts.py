"""Questions to a person at a terminal."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from reconciler.cli.console import print_stderr
from reconciler.cli.settings import CommandFailure
from reconciler.report.text.lines import Style, make_line

_YES_WORDS = ("y", "yes")
_NO_WORDS = ("n", "no")


def can_ask() -> bool:
    """Return True if a person can answer on standard input."""
    return sys.stdin is not None and sys.stdin.isatty()


def ask(question: str, default: str, check: Callable[[str], str]) -> str:
    """Return the answer to a question, as `check` returns it.

    Where `check` raises `ValueError` with the reason, the question is asked again. Raises `CommandFailure` if standard
    input ends.
    """
    return _ask(f"{question} [{default}]: ", default, check)


def ask_yes_or_no(question: str, *, default: bool) -> bool:
    """Return the answer to a question. Raises `CommandFailure` if standard input ends."""

    def check(text: str) -> str:
        if text.lower() not in (*_YES_WORDS, *_NO_WORDS):
            raise ValueError("Answer y or n")
        return text.lower()

    choice = "Y/n" if default else "y/N"
    return _ask(f"{question} [{choice}]: ", "y" if default else "n", check) in _YES_WORDS


def ask_secret(question: str) -> str:
    """Return what a person types, which is not shown; "" for nothing. Raises `CommandFailure` if the input ends."""
    with _report_interrupts():
        return getpass.getpass(f"{question}: ", sys.stderr)


def _ask(prompt: str, default: str, check: Callable[[str], str]) -> str:
    while True:
        try:
            return check(_read_line(prompt) or default)
        except ValueError as error:
            print_stderr(make_line(("  ", Style.DIM), str(error)))


def _read_line(prompt: str) -> str:
    with _report_interrupts():
        sys.stderr.write(prompt)
        sys.stderr.flush()
        line = sys.stdin.readline()
        if not line:
            raise EOFError
    return line.strip()


@contextmanager
def _report_interrupts() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt as error:
        sys.stderr.write("\n")
        raise CommandFailure("stopped; nothing was written", 130) from error
    except EOFError as error:
        sys.stderr.write("\n")
        raise CommandFailure("standard input has ended; nothing was written", 4) from error
