"""The words that the page and `reconcile status --url` share."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from humanize import naturaldelta, precisedelta

from reconciler.web.view import State

HEADLINES: Final = {
    State.STUCK: ("The loop is stuck", "bad"),
    State.STARTING: ("Starting", "wait"),
    State.INVALID: ("The desired state is invalid", "bad"),
    State.REFUSED: ("Refused by the guard", "bad"),
    State.DEGRADED: ("Not every instance is well", "bad"),
    State.ATTENTION: ("Something needs a person", "bad"),
    State.PENDING: ("Changes pending", "wait"),
    State.IN_SYNC: ("In sync", "good"),
}


def every(seconds: float) -> str:
    """`every 1 minute and 30 seconds`."""
    return f"every {precisedelta(timedelta(seconds=seconds), format='%g')}"


def ago(at: datetime, now: datetime) -> str:
    """`5 minutes ago`."""
    return "just now" if now - at < timedelta(seconds=1) else f"{naturaldelta(now - at)} ago"


def until(at: datetime, now: datetime) -> str:
    """`in 5 minutes`."""
    return "now" if at - now < timedelta(seconds=1) else f"in {naturaldelta(at - now)}"
