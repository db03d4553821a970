"""Preferences in a session: the table of known preferences, secrets, and incremental reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from reconciler.demo.packages import QBITTORRENT_PACKAGES
from reconciler.demo.servers import QbittorrentServer
from reconciler.desired.builders.preferences import load_known_preferences
from reconciler.model.desired import DesiredPreference
from reconciler.model.errors import InstanceError
from reconciler.model.position import Position
from reconciler.model.preferences import SECRET_MASK, SECRET_PREFERENCES
from reconciler.model.secret import Secret
from reconciler.model.versions import CONTENT_PATH, INCREMENTAL_SYNC
from reconciler.qbittorrent import Session
from reconciler.qbittorrent.incremental_session import IncrementalSession
from tests.support.instances import (
    QBITTORRENT_ANSWERS,
    json_answer,
    make_instance,
    serve_stub,
    text_answer,
    write_torrent_file,
)
from tests.support.magnets import make_magnet
from tests.support.preference_table import asked
from tests.support.proxy import Proxy
from tests.support.raw import RawClient
from tests.support.server_builds import DEBIAN_BUILDS, Build

HERE = Position("desired.yaml", 1, 1)
DECLARED = {"queueing_enabled": DesiredPreference("queueing_enabled", HERE, True)}


def list_preferences(version: str) -> dict[str, str]:
    """Return the preferences of a version in the table."""
    return {name: kind for name, kinds in load_known_preferences().items() for kind in kinds if version in kinds[kind]}


def test_the_table_of_preferences_matches_the_servers(build: Build) -> None:
    """A build that is not in the table has at least what the versions before and after it have in common."""
    preferences = asked(build.source)
    if not build.program:
        assert list_preferences(build.name) == preferences
        return
    older = [other.name for other in DEBIAN_BUILDS.values() if other.api_version <= build.api_version]
    newer = [other.name for other in DEBIAN_BUILDS.values() if other.api_version >= build.api_version]
    common = list_preferences(older[-1]).items() & list_preferences(newer[0]).items() if older and newer else set()
    assert common <= preferences.items()
    known = load_known_preferences()
    assert {name for name, kind in preferences.items() if kind not in known.get(name, {kind: ""})} == set()


def test_the_table_contains_every_version() -> None:
    versions = {
        version
        for kinds in load_known_preferences().values()
        for versions_by_kind in kinds.values()
        for version in versions_by_kind
    }
    assert versions == set(QBITTORRENT_PACKAGES)
    assert load_known_preferences().keys() >= SECRET_PREFERENCES


def test_preferences_are_read_only_if_some_are_declared(
    server: QbittorrentServer, make_proxy: Callable[..., Proxy]
) -> None:
    proxy = make_proxy(server)
    with Session(make_instance(proxy, server)) as session:
        assert session.read_snapshot().preferences is None
    assert proxy.count_requests("app/preferences") == 0
    with Session(make_instance(proxy, server, preferences=DECLARED)) as session:
        preferences = session.read_snapshot().preferences
    assert preferences is not None
    assert preferences["queueing_enabled"] is True
    assert proxy.count_requests("app/preferences") == 1


def test_an_incremental_session_returns_a_changed_preference_and_the_same_torrents(
    server: QbittorrentServer, make_proxy: Callable[..., Proxy]
) -> None:
    raw, proxy = RawClient(server), make_proxy(server)
    raw.add_magnets([make_magnet(1)])
    with IncrementalSession(make_instance(proxy, server, preferences=DECLARED)) as mirror:
        raw.wait_until(lambda: mirror.read_snapshot() is mirror.read_snapshot())
        before = mirror.read_snapshot()
        raw.post("app/setPreferences", json=json.dumps({"queueing_enabled": False}))
        after = mirror.read_snapshot()
        assert (after.preferences or {})["queueing_enabled"] is False
        assert after.torrents == before.torrents
        asked_before = len(proxy.requests)
        assert mirror.read_snapshot() is after
        incremental = INCREMENTAL_SYNC.is_available(mirror.api_version)
        assert len(proxy.requests) - asked_before == (2 if incremental else 3)


def test_the_content_path_is_there_since_4_3_1(server: QbittorrentServer, build: Build, tmp_path: Path) -> None:
    (server.downloads / "a b").write_bytes(b"x" * 1000)
    _, file = write_torrent_file(tmp_path, "a b", b"x" * 1000)
    raw = RawClient(server)
    raw.add_magnets([str(file)], paused="false", stopped="false")
    raw.wait_until(lambda: all(row["progress"] == 1 for row in raw.list_torrents().values()))
    with Session(make_instance(server)) as session, IncrementalSession(make_instance(server)) as mirror:
        mirror.read_snapshot()
        raw.wait_until(lambda: mirror.read_snapshot().torrents == session.read_snapshot().torrents)
        (torrent,) = mirror.read_snapshot().torrents
    assert torrent.content_path == (str(server.downloads / "a b") if build.has(CONTENT_PATH) else "")
    assert (torrent.is_seeding, torrent.bytes_on_disk) == (True, 1000)


def test_a_refusal_that_quotes_a_preference_is_not_shown() -> None:
    answers = {
        **QBITTORRENT_ANSWERS,
        "app/setPreferences": text_answer('invalid json: {"proxy_password":"hunter2"}', 400),
        "app/preferences": json_answer('{"proxy_password": "hunter2", "web_ui_api_key": "hunter2"'),
    }
    with serve_stub(answers) as url, Session(make_instance(url)) as session:
        for call in (session.read_preferences, partial(session.set_preferences, {"proxy_password": Secret("hunter2")})):
            with pytest.raises(InstanceError) as error:
                call()
            assert "hunter2" not in str(error.value)
    assert SECRET_MASK == "(secret)"
