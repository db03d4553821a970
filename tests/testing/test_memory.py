"""The in-memory instance: adds, reads, changes and faults, by version."""

from __future__ import annotations

import pytest

from reconciler.model.errors import RejectedError, UnreachableError, UnsupportedError
from reconciler.model.snapshot import AddOptions
from reconciler.testing.memory import MemoryInstance
from reconciler.testing.releases import WEB_API_VERSIONS
from tests.support.magnets import make_infohash, make_magnet
from tests.support.planner_inputs import make_torrent_file
from tests.support.torrents import make_torrent

RUNNING = AddOptions(stopped=False, auto_tmm=False)
STOPPED = AddOptions(stopped=True, auto_tmm=False)
KEY = make_infohash(1)


@pytest.mark.parametrize(
    ("version", "state", "tags"),
    [
        ("4.2.5", "pausedDL", frozenset()),
        ("4.5.2", "pausedDL", frozenset({"a"})),
        ("5.1.0", "stoppedDL", frozenset({"a"})),
        ("5.3.0", "stoppedDL", frozenset({"a"})),
    ],
)
def test_an_add_takes_what_its_version_takes(version: str, state: str, tags: frozenset[str]) -> None:
    box = MemoryInstance(version)
    box.add_magnets([make_magnet(1)], AddOptions(stopped=True, auto_tmm=False, tags=(" a ", "")))
    torrent = box.torrents[KEY]
    assert (torrent.state, torrent.tags, torrent.name) == (state, tags, "torrent-1")
    assert (torrent.comment is None) is (version in ("4.2.5", "4.5.2"))


def test_a_torrent_that_exists_stays_as_it_is() -> None:
    box = MemoryInstance()
    box.add_magnets([make_magnet(1)], STOPPED)
    box.add_magnets([make_magnet(1, "other"), "no magnet", make_magnet(2)], RUNNING)
    assert [(torrent.name, torrent.stopped) for torrent in box.torrents.values()] == [
        ("torrent-1", True),
        ("torrent-2", False),
    ]


def test_an_add_creates_its_category_unless_the_name_is_invalid() -> None:
    box = MemoryInstance()
    box.add_magnets([make_magnet(1)], AddOptions(stopped=True, auto_tmm=True, category="films"))
    box.add_magnets([make_magnet(2)], AddOptions(stopped=True, auto_tmm=True, category="a//b"))
    assert [(torrent.category, torrent.save_path) for torrent in box.torrents.values()] == [
        ("films", "/downloads/films"),
        ("", "/downloads"),
    ]
    assert list(box.live_categories) == ["films"]


def test_no_file_after_an_invalid_file_is_added() -> None:
    box = MemoryInstance()
    files = {"1": make_torrent(1), "2": b"junk", "3": make_torrent(3)}
    with pytest.raises(RejectedError) as caught:
        box.add_torrent_files(files, STOPPED)
    assert caught.value.http_status == 415
    assert [torrent.name for torrent in box.torrents.values()] == ["torrent-1"]
    with pytest.raises(ValueError, match="no file"):
        box.add_torrent_files({}, STOPPED)


def test_v2_torrents_need_4_4() -> None:
    data = make_torrent(7, "v2")
    with pytest.raises(RejectedError):
        MemoryInstance("4.2.5").add_torrent_files({"7": data}, STOPPED)
    box = MemoryInstance("4.5.2")
    box.add_torrent_files({"7": data}, STOPPED)
    assert [torrent.infohashes for torrent in box.torrents.values()] == [make_torrent_file("7:v2").infohashes]


@pytest.mark.parametrize(
    ("version", "links"), [("5.1.0", "&tr=wss%3A%2F%2Fa&tr=http%3A%2F%2Fb"), ("5.3.0", "&tr=http%3A%2F%2Fb")]
)
def test_a_link_keeps_only_common_trackers_from_5_3_on(version: str, links: str) -> None:
    box = MemoryInstance(version)
    box.add_magnets([f"{make_magnet(1)}&tr=wss%3A%2F%2Fa&tr=http%3A%2F%2Fb"], STOPPED)
    assert box.torrents[KEY].links == links


def test_a_hybrid_torrent_gets_the_id_of_its_v2_hash_with_its_metadata() -> None:
    hashes = make_torrent_file("7:hybrid").infohashes
    box = MemoryInstance()
    box.add_magnets([f"magnet:?xt=urn:btih:{hashes.v1}"], RUNNING)
    assert list(box.torrents) == [hashes.v1]
    box.receive_metadata(str(hashes.v1), make_torrent(7, "hybrid"))
    (torrent,) = box.torrents.values()
    assert (torrent.id, torrent.has_metadata, torrent.state) == (str(hashes.v2)[:40], True, "stalledDL")
    assert box.request_count == 1, "metadata comes from the swarm"


def test_faults_come_in_order_and_a_lost_reply_is_carried_out() -> None:
    box = MemoryInstance()
    box.fail_next(1, UnreachableError("lost"), lose_reply=True, skip=1)
    assert box.read_torrents([KEY]) == ()
    with pytest.raises(UnreachableError):
        box.add_magnets([make_magnet(1)], STOPPED)
    assert list(box.torrents) == [KEY]
    box.fail_next(5, UnreachableError("refused"))
    with pytest.raises(UnreachableError):
        box.delete_torrents([KEY], delete_files=False)
    box.fail_next(0, UnreachableError("none"))
    assert [torrent.id for torrent in box.read_torrents([KEY])] == [KEY]


def test_a_copy_changes_separately() -> None:
    box = MemoryInstance("4.5.2")
    box.add_magnets([make_magnet(1)], STOPPED)
    box.fail_next(1, UnreachableError("refused"))
    twin = box.copy()
    with pytest.raises(UnreachableError):
        twin.add_tags([KEY], ["a"])
    twin.add_tags([KEY], ["a"])
    assert twin.version == "v4.5.2"
    assert (twin.torrents[KEY].tags, box.torrents[KEY].tags) == (frozenset({"a"}), frozenset())
    with pytest.raises(UnreachableError):
        box.add_tags([KEY], ["a"])


@pytest.mark.parametrize("items", [[], ["all"], [KEY, "all"]])
def test_nothing_is_done_to_all_torrents_by_accident(items: list[str]) -> None:
    box = MemoryInstance()
    box.add_magnets([make_magnet(1)], STOPPED)
    for call in (box.start_torrents, box.read_torrents, lambda ids: box.delete_torrents(ids, delete_files=True)):
        with pytest.raises(ValueError, match="non-empty collection"):
            call(items)
    with pytest.raises(ValueError, match="non-empty collection"):
        box.remove_tags([KEY], items)
    assert box.torrents[KEY].stopped


def test_a_name_is_one_line_and_never_empty() -> None:
    box = MemoryInstance()
    box.add_magnets([make_magnet(1)], STOPPED)
    box.rename_torrent(KEY, " a\nb ")
    assert box.torrents[KEY].name == "a b"
    for key, name, status in (("f" * 40, "x", 404), (KEY, " \n ", 409)):
        with pytest.raises(RejectedError) as caught:
            box.rename_torrent(key, name)
        assert caught.value.http_status == status


def test_a_start_ends_a_forced_start() -> None:
    box = MemoryInstance()
    box.add_magnets([make_magnet(1)], RUNNING)
    for change in (box.stop_torrents, box.start_torrents):
        box.set_option([KEY], "force_start", True)
        change([KEY])
        assert box.torrents[KEY].options.force_start is False


def test_an_export_needs_4_5_and_an_uploaded_file() -> None:
    with pytest.raises(UnsupportedError, match=r"v4\.2\.5 exports no \.torrent files"):
        MemoryInstance("4.2.5").export_torrent(KEY)
    box = MemoryInstance()
    box.add_magnets([make_magnet(1)], STOPPED)
    assert box.export_torrent(KEY) is None
    data = make_torrent(7)
    box.add_torrent_files({"7": data}, STOPPED)
    key = make_torrent_file("7:v1").infohashes.ids[0]
    assert box.export_torrent(key) == data
    box.delete_torrents([key], delete_files=False)
    assert box.export_torrent(key) is None


def test_a_peer_needs_an_address_and_a_port() -> None:
    box = MemoryInstance()
    with pytest.raises(RejectedError):
        box.add_peer(KEY, "10.0.0.1")
    box.add_peer(KEY, "10.0.0.1:6881")
    assert box.peers == {}, "the torrent is missing"


@pytest.mark.parametrize("version", WEB_API_VERSIONS)
def test_a_snapshot_has_the_files_and_preferences_that_are_wanted(version: str) -> None:
    box = MemoryInstance(version, with_preferences=True)
    box.add_torrent_files({"1": make_torrent(1), "2": make_torrent(2)}, STOPPED)
    first, second = box.torrents
    snapshot = box.read_snapshot(files_of=[first])
    assert (snapshot.version, snapshot.web_api) == (f"v{version}", WEB_API_VERSIONS[version])
    assert {torrent.id: torrent.files is not None for torrent in snapshot.torrents} == {first: True, second: False}
    assert snapshot.preferences is not None
    assert snapshot.preferences["max_active_downloads"] == 3
    assert MemoryInstance(version).read_snapshot().preferences is None
