"""The file of a live state: what is in it, and what is not."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from reconciler.model.content import CreationSpec, CreatorTask, TaskState
from reconciler.model.groups import Outage, PlacementFacts
from reconciler.model.health import Health, HealthState
from reconciler.model.live_state import LiveInstance, LiveState
from reconciler.model.magnet import Magnet, parse_magnet
from reconciler.model.run import Status
from reconciler.model.torrent_file import TorrentFile
from tests.support.planner_inputs import make_snapshot, make_torrent_file, make_v1_hash
from tests.support.saved_snapshots import render_snapshot

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
PASSKEY = "0123456789abcdef0123456789abcdef"
URL = "http://192.168.1.5:8080"
ROW = {
    "hash": "x",
    "name": "Sintel",
    "save_path": "/data",
    "content_path": "/data/Sintel/Sintel.mkv",
    "comment": f"https://t.example/details?{PASSKEY}",
    "trackers": [f"https://t.example/{PASSKEY}/announce"],
    "web_seeds": [f"https://w.example/{PASSKEY}/Sintel"],
    "files": ["normal Sintel/Sintel.mkv"],
    "is": "whole",
}
TASK = CreatorTask("1", CreationSpec("/d", trackers=(f"https://t.example/{PASSKEY}/announce",)), TaskState.RUNNING)


def make_live_state(*rows: dict[str, Any], **more: Any) -> LiveState:
    """A live state with everything in it."""
    preferences = {
        "dl_limit": 7,
        "temp_path": "/inc",
        "temp_path_enabled": True,
        "proxy_password": "hunter2",
        "dht": True,
    }
    snapshot = replace(make_snapshot(rows, {"linux": ["/l", False]}, preferences), creator_tasks=(TASK,))
    box = LiveInstance(
        "box", URL, snapshot, declared_preferences=frozenset({"dl_limit", "temp_path", "proxy_password"})
    )
    error = f"seedbox: no connection to {URL}"
    health = Health(HealthState.UNREACHABLE, NOW, error)
    down = LiveInstance("seedbox", URL, status=Status.UNREACHABLE, error=error, health=health)
    facts = PlacementFacts({"seedbox": Outage(NOW, f"no connection to {URL}")}, {"box": frozenset({make_v1_hash("x")})})
    sources: dict[str, TorrentFile | Magnet] = {
        f"https://i.example/dl?apikey={PASSKEY}": make_torrent_file("1:v1"),
        "http://m.example": MAGNET,
    }
    return LiveState(NOW, "home", (box, down), facts, sources, **more)


MAGNET = parse_magnet(f"magnet:?xt=urn:btih:{make_v1_hash('m')}&dn=Movie&tr=https%3A%2F%2Ft.example%2F{PASSKEY}")


def test_no_secret_is_in_the_file() -> None:
    text = render_snapshot(make_live_state(ROW))
    assert all(secret not in text for secret in (PASSKEY, "hunter2", "192.168.1.5", "apikey"))
    assert "no connection to its url" in text and "https://t.example/~" in text
    assert text.isascii()


def test_only_declared_preferences_and_those_that_decide_their_effect_are_in_the_file() -> None:
    box = json.loads(render_snapshot(make_live_state(ROW)))["instances"][0]
    assert box["preferences"] == {"dl_limit": 7, "temp_path": "/inc", "temp_path_enabled": True}
    assert "dht" in box["preference_names"]


def test_hashed_names_are_hashed_everywhere() -> None:
    text = render_snapshot(make_live_state(ROW), hash_names=True)
    assert "Sintel" not in text and "Movie" not in text and '"files"' not in text
    assert json.loads(text)["instances"][0]["torrents"][0]["content_path"].startswith("/data/name-")
    assert "Sintel" in render_snapshot(make_live_state(ROW))


def test_every_torrent_is_on_a_line_of_its_own() -> None:
    text = render_snapshot(make_live_state({"hash": "x"}, {"hash": "y"}))
    assert len([line for line in text.splitlines() if line.startswith('{"id": ')]) == 3, "two torrents and a task"
    document = json.loads(text)
    assert list(document)[:5] == ["kind", "format_version", "taken_at", "owner", "hashed_names"]
    assert (document["kind"], document["format_version"]) == ("snapshot", 1)
