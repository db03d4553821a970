"""An import of the torrents of instances: the skipped torrents, the filter, and the categories."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconciler.model.errors import AuthenticationError
from reconciler.model.snapshot import LiveCategory, LiveTorrent
from reconciler.queries.import_library import UnmatchedFilter, UnreadableInstance
from reconciler.testing.memory import MemoryInstance
from tests.support.library_imports import import_library_into
from tests.support.planner_inputs import parse_hashes

HOME = "version: 1\npolicy: sync\ninstances: {home: {url: 'http://home'}}\n"


def box_of(*live_torrents: LiveTorrent) -> MemoryInstance:
    box = MemoryInstance()
    box.torrents = {torrent.id: torrent for torrent in live_torrents}
    box.live_categories = {
        torrent.category: LiveCategory(torrent.category, "/c") for torrent in live_torrents if torrent.category
    }
    return box


def live(letter: str, **more: Any) -> LiveTorrent:
    infohashes = parse_hashes(letter)
    return LiveTorrent(infohashes.ids[0], infohashes, letter, False, "stalledUP", save_path="/data", **more)


def test_an_import_reports_skipped_torrents(tmp_path: Path) -> None:
    box = box_of(
        live("a"),
        live("b", tags=frozenset({"reconcile:work"})),
        live("c", tags=frozenset({"reconcile:ignore"})),
        live("d", tags=frozenset({"reconcile:default", "reconcile:quarantine:2026-01-01"})),
        live("e"),
        live("f"),
        live("f+f2"),
    )
    text = HOME + f"torrents: [{{magnet: 'magnet:?xt=urn:btih:{parse_hashes('e').v1}'}}]\n"
    desired, imported = import_library_into(tmp_path, text, {"home": box})
    assert imported.torrent_count == 2
    assert sorted((torrent.name, torrent.reason) for torrent in imported.skipped) == [
        ("b", 'it belongs to the owner "work"'),
        ("c", "it has the tag reconcile:ignore"),
        ("d", "it is in quarantine; declaring it would bring it back"),
        ("e", "declared already"),
        ("f+f2", imported.skipped[-1].reason),
    ]
    assert "declared" in imported.skipped[-1].reason or "twice" in imported.skipped[-1].reason
    assert len(desired.torrents) == 3


def test_an_import_obeys_its_filter(tmp_path: Path) -> None:
    box = box_of(live("a", category="linux"), live("b", tags=frozenset({"x"})), live("c", category="linux/iso"))
    for asked, names in (
        ({"categories": ("linux",)}, {"a"}),
        ({"categories": ("", "linux/iso")}, {"b", "c"}),
        ({"tags": ("x",)}, {"b"}),
        ({"tags": ("x",), "categories": ("linux",)}, set()),
    ):
        desired, imported = import_library_into(tmp_path, HOME, {"home": box}, **asked)
        assert {entry.label for entry in desired.torrents} == names
        assert imported.skipped == ()


def test_a_torrent_under_automatic_management_keeps_its_path_by_its_category(tmp_path: Path) -> None:
    box = box_of(live("a", category="linux", auto_tmm=True), live("b", category="films"))
    box.live_categories["linux"] = LiveCategory("linux", "/c", download_path="/inc")
    desired, _ = import_library_into(tmp_path, HOME, {"home": box})
    assert {entry.label: (entry.category, entry.save_path) for entry in desired.torrents} == {
        "a": ("linux", None),
        "b": ("films", "/data"),
    }
    declared = desired.instances["home"].categories
    paths = {name: (category.save_path, category.download_path) for name, category in declared.items()}
    assert paths == {"linux": ("/c", "/inc"), "films": ("/c", None)}
    assert desired.categories == {}, "another instance has other paths"


def test_the_categories_of_one_instance_change_no_other_one(tmp_path: Path) -> None:
    home, other = box_of(live("a", category="linux", auto_tmm=True)), box_of(live("b", category="linux", auto_tmm=True))
    other.live_categories["linux"] = LiveCategory("linux", "/elsewhere")
    text = "version: 1\npolicy: sync\ninstances: {home: {url: 'http://home'}, other: {url: 'http://other'}}\n"
    desired, _ = import_library_into(tmp_path, text, {"home": home, "other": other}, instances=("home",))
    assert {name: category.save_path for name, category in desired.categories_of("home").items()} == {"linux": "/c"}
    assert desired.categories_of("other") == {}


def test_a_filter_that_no_torrent_matches_names_the_nearest_value(tmp_path: Path) -> None:
    box = box_of(live("a", category="linux"), live("b", tags=frozenset({"iso"})))
    with pytest.raises(UnmatchedFilter, match=r'^no torrent has the category "linxu"\. Did you mean "linux"\?$'):
        import_library_into(tmp_path, HOME, {"home": box}, categories=("linxu",))
    with pytest.raises(UnmatchedFilter, match=r'^no torrent has the tag "films"'):
        import_library_into(tmp_path, HOME, {"home": box}, tags=("films",))


def test_nothing_is_imported_if_an_instance_cannot_be_read(tmp_path: Path) -> None:
    box = box_of(live("a"))
    box.fail_next(5, AuthenticationError("home: the credentials were refused"))
    with pytest.raises(UnreadableInstance, match="home: the credentials were refused"):
        import_library_into(tmp_path, HOME, {"home": box})
    assert not (tmp_path / "imported.yaml").exists()
