"""The observer that notifies."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Final

from reconciler.control.notify.decide import State, decide
from reconciler.control.notify.outbox import Address, Outbox
from reconciler.control.observing import Finished
from reconciler.model.message import Letter, Message

WITHIN: Final = 1.0  # seconds for the last letters at the end


class Notifier:
    """An observer of the loop. Each address has a thread of its own: one that hangs delays no other."""

    def __init__(
        self,
        addresses: Iterable[Address],
        put_into_words: Callable[[Message], Letter],
        outbox: Callable[[Address], Outbox] = Outbox,
    ) -> None:
        self._state = State()
        self._words = put_into_words
        self._outboxes = [outbox(address) for address in addresses]

    def finished(self, finished: Finished) -> None:
        """Say what there is to say about a run."""
        self._state, message = decide(self._state, finished)
        if message and self._outboxes:
            letter = self._words(message)
            for outbox in self._outboxes:
                outbox.put(letter)

    def close(self) -> None:
        """Deliver what can be delivered within a second."""
        end = time.monotonic() + WITHIN
        for outbox in self._outboxes:
            outbox.close(max(0.0, end - time.monotonic()))
