"""Notifications over apprise, an optional dependency that supports over a hundred services."""

from __future__ import annotations

import logging
from typing import Final

from reconciler.model.notification import Notification
from reconciler.model.secret import Secret
from reconciler.notify.outbox import DeliveryError

MISSING_EXTRA_TEXT: Final = 'needs the extra "notifications": pip install "qbt-reconciler[notifications]"'


class AppriseSender:
    """Sends to a URL of apprise."""

    def __init__(self, url: Secret, scheme: str) -> None:
        """Raises `ValueError` if apprise is not installed, or does not understand the URL."""
        try:
            import apprise
        except ImportError:
            raise ValueError(MISSING_EXTRA_TEXT) from None
        logging.getLogger("apprise").disabled = True  # its log may quote the URL
        self.label = f"{scheme}://"
        self._apprise = apprise.Apprise()
        if not self._apprise.add(url.reveal()):
            raise ValueError("apprise does not understand this address")

    def send(self, notification: Notification) -> None:
        """Send a notification as plain text."""
        if not self._apprise.notify(title=notification.title, body=notification.text, body_format="text"):
            raise DeliveryError("apprise could not deliver it", transient=True)
