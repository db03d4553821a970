"""A saved live state is read as it was, and anything else is a clear error."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from reconciler.model.groups import NO_PLACEMENT_FACTS
from reconciler.model.live_state import LiveInstance, LiveState
from reconciler.model.magnet import Magnet, parse_magnet
from reconciler.model.run import Status
from reconciler.model.torrent_file import TorrentFile, TorrentFileError
from reconciler.saved.document import SavedFileError
from reconciler.saved.snapshot_reader import NOT_FETCHED_REASON, read_snapshot_file
from tests.support.planner_inputs import make_desired_state, make_snapshot, make_torrent_file, make_v1_hash
from tests.support.saved_snapshots import render_snapshot, save_snapshot

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
ROW = {
    "hash": "x",
    "name": "Sintel",
    "comment": "c",
    "files": ["normal Sintel.mkv"],
    "is": "whole",
    "shared": [1, 2, 3, 4],
}
FORMAT_1 = Path(__file__).with_name("snapshot-1.json")
DESIRED = make_desired_state({"desired": [{"hash": "x", "name": "Sintel", "comment": "c"}]})


def make_live_state(*rows: dict[str, Any]) -> LiveState:
    """A live state with two instances."""
    box = LiveInstance("box", "http://127.0.0.1", make_snapshot(rows))
    return LiveState(NOW, "home", (box, LiveInstance("down", status=Status.BANNED, error="down: banned")))


def test_a_live_state_is_the_same_after_it_was_saved(tmp_path: Path) -> None:
    live_state = make_live_state(ROW, {"hash": "y+y2"}, {"hash": "z2"})
    read = save_snapshot(live_state, tmp_path).build_live_state(DESIRED)
    box, before = read.get_instance("box"), live_state.get_instance("box")
    assert box.snapshot and before.snapshot and box.snapshot.torrents == before.snapshot.torrents
    assert (read.taken_at, read.owner, read.facts, box.url) == (NOW, "home", NO_PLACEMENT_FACTS, "http://127.0.0.1")
    down = read.get_instance("down")
    assert (down.snapshot, down.status, down.error) == (None, Status.BANNED, "down: banned")


def test_declared_names_are_known_again(tmp_path: Path) -> None:
    file = save_snapshot(make_live_state(ROW, {"hash": "y", "name": "Other"}), tmp_path, hash_names=True)
    snapshot = file.build_live_state(DESIRED).get_instance("box").snapshot
    assert snapshot
    known, unknown = snapshot.torrents
    assert (known.name, known.comment, known.files) == ("Sintel", "c", None)
    assert unknown.name.startswith("name-")


def test_torrents_behind_urls_are_known_again(tmp_path: Path) -> None:
    magnet = parse_magnet(f"magnet:?xt=urn:btih:{make_v1_hash('m')}&dn=Movie")
    sources: dict[str, TorrentFile | Magnet] = {"http://a/1": make_torrent_file("1:v1"), "http://a/2": magnet}
    file = save_snapshot(LiveState(NOW, "home", sources=sources), tmp_path)
    fetched = file.fetch(["http://a/1", "http://a/2", "http://a/3"])
    first, second, third = (fetched[f"http://a/{n}"] for n in (1, 2, 3))
    assert isinstance(first.source, TorrentFile) and first.source.infohashes == make_torrent_file("1:v1").infohashes
    assert isinstance(second.source, Magnet) and second.source.name == "Movie"
    assert third.source is None and str(third.error) == NOT_FETCHED_REASON
    with pytest.raises(TorrentFileError):
        first.source.read_bytes()


def test_a_file_of_the_first_format_is_still_read() -> None:
    live_state = read_snapshot_file(FORMAT_1).build_live_state(DESIRED)
    assert [live.name for live in live_state.instances] == ["box", "seedbox"]
    assert live_state.get_instance("box").snapshot


def test_what_older_files_said_of_v2_torrents_is_what_their_web_api_shows(tmp_path: Path) -> None:
    file = tmp_path / "old.json"
    for web_api, supported in (("2.5.1", False), ("2.11.4", None)):
        text = change(FORMAT_1.read_text(encoding="utf-8"), "instances", 0, "web_api", value=web_api)
        file.write_text(change(text, "instances", 0, "supports_v2", value=False), encoding="utf-8")
        snapshot = read_snapshot_file(file).build_live_state(DESIRED).get_instance("box").snapshot
        assert snapshot and (snapshot.libtorrent, snapshot.supports_v2) == ("", supported)


def change(text: str, *path: str | int, value: Any) -> str:
    """Return a document with another value; None removes it."""
    document = json.loads(text)
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    if value is None:
        del place[path[-1]]
    return json.dumps(document)


TORRENT = ("instances", 0, "torrents", 0)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("format_version",), 2, "has format 2, and this reconcile reads only format 1"),
        (("kind",), "plan", "is not a saved snapshot. Save one with: reconcile snapshot -o FILE"),
        (("instances",), None, "instances: Field required"),
        (("instances",), {}, "instances: "),
        (("taken_at",), "2026-11-29T12:00:00", "taken_at: "),
        (("hashed_names",), 1, "hashed_names: "),
        (("instances", 0, "web_api"), None, "has an instance with half a version"),
        (("instances", 0, "web_api"), "2.11.x", "web_api: "),
        (("instances", 1, "error"), None, "was neither read nor has an error"),
        (("instances", 1, "name"), "box", "has two instances of one name"),
        (("instances", 1, "status"), "great", "status: "),
        ((*TORRENT, "id"), "X" * 40, "id: "),
        ((*TORRENT, "size"), 10**30, "size: "),
        ((*TORRENT, "progress"), 7, "progress: "),
        ((*TORRENT, "name"), None, "name: Field required"),
        ((*TORRENT, "tags"), "a", "tags: "),
        ((*TORRENT, "stopped"), "yes", "stopped: "),
        ((*TORRENT, "files", 0, "priority"), "first", "priority: "),
        (("instances", 0, "preferences"), {"a": [1]}, "preferences"),
    ],
)
def test_a_hostile_file_is_a_clear_error(path: tuple[str | int, ...], value: Any, message: str, tmp_path: Path) -> None:
    file = tmp_path / "live.json"
    file.write_text(change(render_snapshot(make_live_state(ROW)), *path, value=value))
    with pytest.raises(SavedFileError) as raised:
        read_snapshot_file(file)
    assert message in str(raised.value)


def test_two_torrents_of_one_id_are_an_error(tmp_path: Path) -> None:
    file = tmp_path / "live.json"
    file.write_text(render_snapshot(make_live_state(ROW, ROW)))
    with pytest.raises(SavedFileError, match=r"has the torrent .* twice"):
        read_snapshot_file(file)


def test_a_cut_file_is_a_clear_error(tmp_path: Path) -> None:
    file = tmp_path / "live.json"
    file.write_text(render_snapshot(make_live_state(ROW))[:-9])
    with pytest.raises(SavedFileError, match="is not whole JSON"):
        read_snapshot_file(file)
