"""The waits of this process, so that a command can say what it waits for.

It is one list for the process, like a log: a wait can begin in every room and in every thread, and only the command
line shows it. See docs/decisions/0120-what-a-command-waits-for-is-one-list.md.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from reconciler.model.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Wait:
    """Something that takes time: `verb` and `subject`, as in "reading" and "seedbox".

    `trouble`: the error after which it is tried again, or "". `started_at` is a time of `time.monotonic`.
    """

    verb: str
    subject: str
    started_at: float
    trouble: str = ""


_stacks: Final[dict[int, list[Wait]]] = {}  # by thread; the last wait of a thread is within those before it


@contextmanager
def track_wait(verb: str, subject: str) -> Iterator[None]:
    """Context in which this thread waits for something."""
    thread = threading.get_ident()
    stack = _stacks.setdefault(thread, [])
    stack.append(Wait(verb, subject, time.monotonic()))
    try:
        yield
    finally:
        stack.pop()
        if not stack:
            _stacks.pop(thread, None)


def note_trouble(trouble: str) -> None:
    """Set the error after which this thread tries again, or remove it with ""."""
    stack = _stacks.get(threading.get_ident())
    if stack and stack[-1].trouble != trouble:
        stack[-1] = replace(stack[-1], trouble=trouble)


def list_waits() -> list[Wait]:
    """Return what the threads of this process wait for, the longest wait first."""
    waits = [wait for stack in list(_stacks.values()) for wait in stack[-1:]]
    return sorted(waits, key=lambda wait: wait.started_at)
