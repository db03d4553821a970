"""A service that takes notifications, and the log of what could not be delivered."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

import pytest
import structlog

from reconciler.model.notification import Notification
from tests.support.inbox import Inbox

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
