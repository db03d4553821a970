"""Notifications of a watch, over a webhook or apprise: few, and at most one per run.

`policy` decides what to report, and is pure. `outbox` delivers in threads, so that no address can delay the loop;
`webhook` and `apprise_sender` send. The texts come from `report`, as a function.
"""

from reconciler.notify.notifier import InvalidNotificationUrl, Notifier, make_sender

__all__ = ["InvalidNotificationUrl", "Notifier", "make_sender"]
