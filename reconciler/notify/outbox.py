"""The queue of notifications for one address. It never delays the loop, and never raises into it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from typing import Final, Protocol

import structlog

from reconciler.model.notification import Notification

MAX_QUEUED: Final = 16  # notifications; beyond that the oldest is dropped
RETRY_DELAYS: Final = (5.0, 30.0)  # seconds before the second and the third attempt


class DeliveryError(Exception):
    """A notification was not delivered; the message says why, without secrets. `transient`: a retry may work."""

    def __init__(self, message: str, *, transient: bool) -> None:
        super().__init__(message)
        self.transient = transient


class Sender(Protocol):
    """An address that notifications are sent to."""

    @property
    def label(self) -> str:
        """The name of the address in the log. Never the whole URL, which is a secret."""

    def send(self, notification: Notification) -> None:
        """Deliver a notification within some seconds. Raises `DeliveryError`."""


class Outbox:
    """Delivers notifications one after the other, in its own thread."""

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
        """Queue a notification. Never waits."""
        with self._queue_changed:
            is_full = len(self._queue) >= self._max_queued
            if is_full:
                self._queue.popleft()
            self._queue.append(notification)
            if not self._thread:
                self._thread = threading.Thread(target=self._deliver_queued, name="notify", daemon=True)
                self._thread.start()
            self._queue_changed.notify()
        if is_full:
            self._log.error("a notification is lost: too many wait for this address", address=self._sender.label)

    def start_closing(self) -> None:
        """Give each notification only one attempt from now on."""
        with self._queue_changed:
            self._closing.set()
            self._queue_changed.notify()

    def close(self, timeout: float) -> None:
        """Give each queued notification one attempt, for at most `timeout` seconds."""
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
        while notification := self._take_next():
            self._deliver(notification)

    def _take_next(self) -> Notification | None:
        with self._queue_changed:
            self._queue_changed.wait_for(lambda: self._queue or self._closing.is_set())
            return self._queue.popleft() if self._queue else None

    def _deliver(self, notification: Notification) -> None:
        for delay in (*self._retry_delays, None):
            try:
                self._sender.send(notification)
                return
            except DeliveryError as error:
                reason, can_retry = str(error), error.transient
            except Exception as error:  # of a library; its message may contain the URL
                reason, can_retry = type(error).__name__, False
            if not can_retry or delay is None or self._closing.wait(delay):
                break
        self._log.error("a notification was not delivered", address=self._sender.label, reason=reason)
