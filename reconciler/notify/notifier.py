"""The listener of the loop that sends notifications."""

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

CLOSE_TIMEOUT: Final = 1.0  # seconds for the last notifications
MIN_ISSUE_SECONDS: Final = 60.0  # that an issue lasts before it is reported; one interval, if that is shorter
_URL_PATTERN: Final = re.compile(r"([a-z][a-z0-9+.-]{0,31})://\S+", re.IGNORECASE)


class InvalidNotificationUrl(ValueError):
    """A URL that no notification can be sent to."""


class Notifier:
    """A `RunListener` of the loop. Each sender has its own thread, so that one that hangs delays no other."""

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
        self._outboxes = [make_outbox(sender) for sender in senders]

    def on_run_start(self, desired: DesiredState) -> None:
        """Note the declared instances."""
        self._declared = frozenset(desired.instances)

    def on_run_end(self, finished_run: FinishedRun) -> None:
        """Queue the notification of a run, if there is one."""
        self._state, digest = decide_notification(self._state, finished_run, self._declared, self._min_issue_duration)
        if digest:
            notification = self._build_notification(digest)
            for outbox in self._outboxes:
                outbox.put(notification)

    def close(self) -> None:
        """Deliver the queued notifications, within a second."""
        end = time.monotonic() + CLOSE_TIMEOUT
        for outbox in self._outboxes:
            outbox.start_closing()
        for outbox in self._outboxes:
            outbox.close(max(0.0, end - time.monotonic()))


def make_sender(url: Secret) -> Sender:
    """Return a JSON webhook for http and https, and apprise for other schemes. Raises `InvalidNotificationUrl`."""
    text = url.reveal().strip()
    match = _URL_PATTERN.fullmatch(text)
    if not match:
        raise InvalidNotificationUrl("an address is a URL, such as https://host/path or discord://…")
    scheme = match[1].lower()
    try:
        if scheme in ("http", "https"):
            from reconciler.notify.webhook import WebhookSender

            return WebhookSender(Secret(text))
        from reconciler.notify.apprise_sender import AppriseSender

        return AppriseSender(Secret(text), scheme)
    except ValueError as error:
        raise InvalidNotificationUrl(f"{scheme}://… {error}") from None
