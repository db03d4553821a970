"""The parts of an instance that a session depends on: while they stay the same, so can the session."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from reconciler.model.desired import DesiredPreference, Instance
from reconciler.model.health import UnhealthyPolicy
from reconciler.model.position import Position

_NO_POSITION: Final = Position("", 0, 0)
_ANY_PREFERENCES: Final = {
    "": DesiredPreference("", _NO_POSITION, 0)
}  # a session reads all preferences if any is declared


def session_key(instance: Instance) -> Instance:
    """Return the parts of an instance that a session depends on: its URL, credentials and connection settings."""
    return replace(
        instance,
        position=_NO_POSITION,
        categories={},
        preferences=_ANY_PREFERENCES if instance.preferences else {},
        suspend=False,
        suspended_until=None,
        health=(),
        when_unhealthy=UnhealthyPolicy.LEAVE,
    )
