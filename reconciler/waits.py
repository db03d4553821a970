"""The waits of this process, so that a command can say what it waits for.

It is one list for the process, like a log: a wait can begin in every room and in every thread, and only the command
line shows it. See docs/decisions/0120-what-a-command-waits-for-is-one-list.md.
"""

from __future__ import annotations

import threading
import time
from contextlib import AbstractContextManager
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


def track_wait(verb: str, subject: str) -> AbstractContextManager[None]:
    """Return a context in which this thread waits for something."""
    return _TrackedWait(verb, subject)


class _TrackedWait:
    """A wait of a thread. A generator would take three times as long, and every instance of a run has several."""

    def __init__(self, verb: str, subject: str) -> None:
        self._verb, self._subject = verb, subject

    def __enter__(self) -> None:
        stack = _stacks.setdefault(threading.get_ident(), [])
        stack.append(Wait(self._verb, self._subject, time.monotonic()))

    def __exit__(self, *_: object) -> None:
        thread = threading.get_ident()
        stack = _stacks[thread]
        stack.pop()
        if not stack:
            del _stacks[thread]


def note_trouble(trouble: str) -> None:
    """Set the error after which this thread tries again, or remove it with ""."""
    stack = _stacks.get(threading.get_ident())
    if stack and stack[-1].trouble != trouble:
        stack[-1] = replace(stack[-1], trouble=trouble)


def list_waits() -> list[Wait]:
    """Return what the threads of this process wait for, the longest wait first."""
    waits = [wait for stack in list(_stacks.values()) for wait in stack[-1:]]
    return sorted(waits, key=lambda wait: wait.started_at)
