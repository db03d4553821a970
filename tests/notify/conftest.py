"""A service that takes notifications, and the log of what could not be delivered."""

from __future__ import annotations

import threading
from collections.abc import Iterator, MutableMapping
from typing import Any

import pytest
import structlog

from reconciler.model.notification import Notification
from tests.support.inbox import Inbox

Log = list[MutableMapping[str, Any]]
LETTER = Notification("reconcile: 1 added", "1 added:\n  added Sintel (home)", b'{"title": "reconcile: 1 added"}')


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    """A real server on loopback."""
    with Inbox() as inbox:
        yield inbox


@pytest.fixture
def log() -> Iterator[list[MutableMapping[str, Any]]]:
    """Capture the log of the test."""
    with structlog.testing.capture_logs() as lines:
        yield lines


class Stuck:
    """An address that does not come to an end."""

    label = "stuck://"

    def __init__(self) -> None:
        self.begun, self.free = threading.Event(), threading.Event()
        self.sent: list[Notification] = []

    def send(self, letter: Notification) -> None:
        self.begun.set()
        self.free.wait(60)
        self.sent.append(letter)
