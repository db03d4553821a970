"""One address and what is on its way there. Nothing here delays, or ends, who puts something in."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from typing import Final, Protocol

import structlog

from reconciler.model.notification import Letter

SIZE: Final = 16  # letters; beyond that the oldest is lost
PAUSES: Final = (5.0, 30.0)  # seconds before a second and a third attempt


class DeliveryError(Exception):
    """A letter did not arrive; the message says why and holds nothing secret. `transient`: worth another attempt."""

    def __init__(self, message: str, *, transient: bool) -> None:
        super().__init__(message)
        self.transient = transient


class Address(Protocol):
    """Somewhere to send letters to."""

    @property
    def label(self) -> str:
        """What it is called in the log. Never the whole URL: that is a secret."""

    def send(self, letter: Letter) -> None:
        """Deliver, waiting for it no longer than some seconds. Raises `DeliveryError`."""


class Outbox:
    """Delivers in a thread of its own, one letter after the other."""

    def __init__(self, address: Address, pauses: Sequence[float] = PAUSES, size: int = SIZE) -> None:
        self._address = address
        self._pauses = pauses
        self._size = size
        self._letters: deque[Letter] = deque()
        self._news = threading.Condition()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._log = structlog.get_logger()

    def put(self, letter: Letter) -> None:
        """Have it delivered soon. Never waits."""
        with self._news:
            lost = len(self._letters) >= self._size
            if lost:
                self._letters.popleft()
            self._letters.append(letter)
            if not self._thread:
                self._thread = threading.Thread(target=self._work, name="notify", daemon=True)
                self._thread.start()
            self._news.notify()
        if lost:
            self._log.error("a notification is lost: too many wait for this address", address=self._address.label)

    def begin_to_close(self) -> None:
        """From now on each letter gets one attempt."""
        with self._news:
            self._closing.set()
            self._news.notify()

    def close(self, within: float) -> None:
        """Give what waits one attempt, for at most so many seconds."""
        self.begin_to_close()
        if not self._thread:
            return
        self._thread.join(within)
        if self._thread.is_alive():
            self._log.error(
                "notifications are lost: this address does not answer, and the watch ends",
                address=self._address.label,
                lost=len(self._letters) + 1,
            )

    def _work(self) -> None:
        while letter := self._next():
            self._deliver(letter)

    def _next(self) -> Letter | None:
        with self._news:
            self._news.wait_for(lambda: self._letters or self._closing.is_set())
            return self._letters.popleft() if self._letters else None

    def _deliver(self, letter: Letter) -> None:
        for pause in (*self._pauses, None):
            try:
                self._address.send(letter)
                return
            except DeliveryError as error:
                why, again = str(error), error.transient
            except Exception as error:  # of a library; its words may hold the address
                why, again = type(error).__name__, False
            if not again or pause is None or self._closing.wait(pause):
                break
        self._log.error("a notification was not delivered", address=self._address.label, why=why)
