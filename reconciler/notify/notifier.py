"""The observer that notifies."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Final

from reconciler.engine.events import Finished
from reconciler.model.desired import Desired
from reconciler.model.notification import Letter, Message
from reconciler.model.secret import Secret
from reconciler.notify.outbox import Address, Outbox
from reconciler.notify.policy import State, decide

WITHIN: Final = 1.0  # seconds for the last letters at the end
LASTING: Final = 60.0  # seconds that a trouble has to last before it is said; one interval, where that is shorter


class Notifier:
    """An `Observer` of the loop. Each address has a thread of its own: one that hangs delays no other."""

    def __init__(
        self,
        addresses: Iterable[Address],
        put_into_words: Callable[[Message], Letter],
        interval: float,
        outbox: Callable[[Address], Outbox] = Outbox,
    ) -> None:
        self._state = State()
        self._declared: frozenset[str] = frozenset()
        self._lasting = timedelta(seconds=min(LASTING, interval))
        self._words = put_into_words
        self._outboxes = [outbox(address) for address in addresses]

    def began(self, desired: Desired) -> None:
        """A run begins, with this desired state in force."""
        self._declared = frozenset(desired.instances)

    def finished(self, finished: Finished) -> None:
        """Say what there is to say about a run."""
        self._state, message = decide(self._state, finished, self._declared, self._lasting)
        if message:
            letter = self._words(message)
            for outbox in self._outboxes:
                outbox.put(letter)

    def close(self) -> None:
        """Deliver what can be delivered within a second."""
        end = time.monotonic() + WITHIN
        for outbox in self._outboxes:
            outbox.begin_to_close()
        for outbox in self._outboxes:
            outbox.close(max(0.0, end - time.monotonic()))


_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]{0,31})://\S+", re.IGNORECASE)


class BadAddress(ValueError):
    """An address that nothing can be sent to."""


def address(url: Secret) -> Address:
    """A JSON webhook for http and https, apprise for every other scheme. Raises `BadAddress`."""
    text = url.reveal().strip()
    found = _SCHEME.fullmatch(text)
    if not found:
        raise BadAddress("an address is a URL, such as https://host/path or discord://…")
    scheme = found[1].lower()
    try:
        if scheme in ("http", "https"):
            from reconciler.notify.webhook import Webhook

            return Webhook(Secret(text))
        from reconciler.notify.apprise_sender import ByApprise

        return ByApprise(Secret(text), scheme)
    except ValueError as error:
        raise BadAddress(f"{scheme}://… {error}") from None
