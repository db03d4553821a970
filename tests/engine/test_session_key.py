"""The parts of an instance that a session depends on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from reconciler.engine.session_key import session_key
from reconciler.model.desired import DesiredPreference, Instance
from reconciler.model.position import Position
from reconciler.model.secret import Secret

BOX = Instance("box", Position("desired.yaml", 4, 3), "http://box", "admin", Secret("old"))


def test_session_key_changes_with_the_first_declared_preference_only() -> None:
    def declaring(*names: str) -> Instance:
        return replace(BOX, preferences={name: DesiredPreference(name, BOX.position, True) for name in names})

    assert session_key(declaring("dht")) == session_key(declaring("lsd", "pex"))
    assert session_key(declaring("dht")) != session_key(declaring())


def test_session_key_changes_with_the_server_and_the_credentials_but_not_with_a_suspension() -> None:
    suspended = replace(BOX, suspend=True, suspended_until=datetime(2030, 1, 1, tzinfo=UTC))
    assert session_key(suspended) == session_key(BOX)
    assert session_key(replace(BOX, url="http://other")) != session_key(BOX)
    assert session_key(replace(BOX, password=Secret("new"))) != session_key(BOX)
