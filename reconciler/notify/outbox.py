"""One address and what is on its way there. Nothing here delays, or ends, who puts something in."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from typing import Final, Protocol

import structlog

from reconciler.model.notification import Notification

MAX_QUEUED: Final = 16  # letters; beyond that the oldest is lost
RETRY_DELAYS: Final = (5.0, 30.0)  # seconds before a second and a third attempt


class DeliveryError(Exception):
    """A letter did not arrive; the message says why and holds nothing secret. `transient`: worth another attempt."""

    def __init__(self, message: str, *, transient: bool) -> None:
        super().__init__(message)
        self.transient = transient


class Sender(Protocol):
    """Somewhere to send letters to."""

    @property
    def label(self) -> str:
        """What it is called in the log. Never the whole URL: that is a secret."""

    def send(self, notification: Notification) -> None:
        """Deliver, waiting for it no longer than some seconds. Raises `DeliveryError`."""


class Outbox:
    """Delivers in a thread of its own, one letter after the other."""

    def __init__(
        self, sender: Sender, retry_delays: Sequence[float] = RETRY_DELAYS, max_queued: int = MAX_QUEUED
    ) -> None:
        self._sender = sender
        self._retry_delays = retry_delays
        self._max_queued = max_queued
        self._queue: deque[Notification] = deque()
        self._queue_changed = threading.Condition()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._log = structlog.get_logger()

    def put(self, notification: Notification) -> None:
        """Have it delivered soon. Never waits."""
        with self._queue_changed:
            lost = len(self._queue) >= self._max_queued
            if lost:
                self._queue.popleft()
            self._queue.append(notification)
            if not self._thread:
                self._thread = threading.Thread(target=self._deliver_queued, name="notify", daemon=True)
                self._thread.start()
            self._queue_changed.notify()
        if lost:
            self._log.error("a notification is lost: too many wait for this address", address=self._sender.label)

    def start_closing(self) -> None:
        """From now on each letter gets one attempt."""
        with self._queue_changed:
            self._closing.set()
            self._queue_changed.notify()

    def close(self, timeout: float) -> None:
        """Give what waits one attempt, for at most so many seconds."""
        self.start_closing()
        if not self._thread:
            return
        self._thread.join(timeout)
        if self._thread.is_alive():
            self._log.error(
                "notifications are lost: this address does not answer, and the watch ends",
                address=self._sender.label,
                lost=len(self._queue) + 1,
            )

    def _deliver_queued(self) -> None:
        while letter := self._take_next():
            self._deliver(letter)

    def _take_next(self) -> Notification | None:
        with self._queue_changed:
            self._queue_changed.wait_for(lambda: self._queue or self._closing.is_set())
            return self._queue.popleft() if self._queue else None

    def _deliver(self, notification: Notification) -> None:
        for pause in (*self._retry_delays, None):
            try:
                self._sender.send(notification)
                return
            except DeliveryError as error:
                why, again = str(error), error.transient
            except Exception as error:  # of a library; its words may hold the address
                why, again = type(error).__name__, False
            if not again or pause is None or self._closing.wait(pause):
                break
        self._log.error("a notification was not delivered", address=self._sender.label, reason=why)
