"""Telling people what a watch did and what is wrong, over a webhook or apprise: little, and at most once a run.

`decide` says what to say and is pure; `outbox` delivers in threads of its own, so that no address can delay the loop;
`webhook` and `by_apprise` are the two ways. Puts nothing into words: that comes from `report`, as a function.
"""

from reconciler.notify.notifier import InvalidNotificationUrl, Notifier, make_sender

__all__ = ["InvalidNotificationUrl", "Notifier", "make_sender"]
