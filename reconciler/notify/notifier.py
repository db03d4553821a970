"""The observer that notifies."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Final

from reconciler.engine.events import FinishedRun
from reconciler.model.desired import DesiredState
from reconciler.model.notification import Notification, RunDigest
from reconciler.model.secret import Secret
from reconciler.notify.outbox import Outbox, Sender
from reconciler.notify.policy import NotificationState, decide_notification

CLOSE_TIMEOUT: Final = 1.0  # seconds for the last letters at the end
MIN_ISSUE_SECONDS: Final = (
    60.0  # seconds that a trouble has to last before it is said; one interval, where that is shorter
)


class Notifier:
    """An `RunListener` of the loop. Each address has a thread of its own: one that hangs delays no other."""

    def __init__(
        self,
        senders: Iterable[Sender],
        build_notification: Callable[[RunDigest], Notification],
        interval: float,
        make_outbox: Callable[[Sender], Outbox] = Outbox,
    ) -> None:
        self._state = NotificationState()
        self._declared: frozenset[str] = frozenset()
        self._min_issue_duration = timedelta(seconds=min(MIN_ISSUE_SECONDS, interval))
        self._build_notification = build_notification
        self._outboxes = [make_outbox(address) for address in senders]

    def on_run_start(self, desired: DesiredState) -> None:
        """A run begins, with this desired state in force."""
        self._declared = frozenset(desired.instances)

    def on_run_end(self, finished_run: FinishedRun) -> None:
        """Say what there is to say about a run."""
        self._state, message = decide_notification(self._state, finished_run, self._declared, self._min_issue_duration)
        if message:
            letter = self._build_notification(message)
            for outbox in self._outboxes:
                outbox.put(letter)

    def close(self) -> None:
        """Deliver what can be delivered within a second."""
        end = time.monotonic() + CLOSE_TIMEOUT
        for outbox in self._outboxes:
            outbox.start_closing()
        for outbox in self._outboxes:
            outbox.close(max(0.0, end - time.monotonic()))


_URL_PATTERN: Final = re.compile(r"([a-z][a-z0-9+.-]{0,31})://\S+", re.IGNORECASE)


class InvalidNotificationUrl(ValueError):
    """An address that nothing can be sent to."""


def make_sender(url: Secret) -> Sender:
    """A JSON webhook for http and https, apprise for every other scheme. Raises `InvalidNotificationUrl`."""
    text = url.reveal().strip()
    found = _URL_PATTERN.fullmatch(text)
    if not found:
        raise InvalidNotificationUrl("an address is a URL, such as https://host/path or discord://…")
    scheme = found[1].lower()
    try:
        if scheme in ("http", "https"):
            from reconciler.notify.webhook import WebhookSender

            return WebhookSender(Secret(text))
        from reconciler.notify.apprise_sender import AppriseSender

        return AppriseSender(Secret(text), scheme)
    except ValueError as error:
        raise InvalidNotificationUrl(f"{scheme}://… {error}") from None
