"""Actions: the values that they set, their identity, and the actions that move data."""

from __future__ import annotations

from typing import get_args

import pytest

from reconciler.model.infohash import InfoHashes
from reconciler.model.plan import (
    Action,
    AddCategory,
    AddTorrent,
    Blast,
    Change,
    DeleteCategory,
    DeleteTorrent,
    ObjectKind,
    SetPreference,
    UpdateCategory,
    UpdateTorrent,
    Verb,
)
from reconciler.model.torrent_file import TorrentFile

KEY = "a" * 40


def test_a_new_value_comes_from_the_change_of_its_field() -> None:
    action = UpdateTorrent("T", "", (Change("category", "old", "new"), Change("comment", "text", None)))
    assert action.get_new_value("category", "default") == "new"
    assert action.get_new_value("comment", "default") is None


def test_a_field_without_a_change_has_the_default() -> None:
    action = UpdateTorrent("T", "", (Change("category", "old", "new"),))
    assert action.get_new_value("save_path") is None
    assert action.get_new_value("save_path", "/data") == "/data"


def test_every_action_has_its_verb_and_kind() -> None:
    assert {(action.verb.value, action.kind.value) for action in get_args(Action)} == {
        ("add", "torrent"),
        ("adopt", "torrent"),
        ("update", "torrent"),
        ("delete", "torrent"),
        ("add", "category"),
        ("update", "category"),
        ("delete", "category"),
        ("update", "preference"),
    }
    assert (SetPreference.verb, SetPreference.kind) == (Verb.UPDATE, ObjectKind.PREFERENCE)


def test_a_setting_is_disruptive_if_torrents_follow_it() -> None:
    blast = Blast(torrents=3)
    assert UpdateCategory("a", "", blast=blast).disruptive
    assert not UpdateCategory("a", "").disruptive
    assert SetPreference("save_path", "", value="/data", blast=blast).disruptive
    assert not SetPreference("save_path", "", value="/data").disruptive
    assert not AddCategory("a", "").disruptive


def test_only_torrents_have_an_id_and_an_infohash() -> None:
    deletion = DeleteTorrent("T", "", infohash=KEY, torrent_id="b" * 40)
    assert (deletion.infohash, deletion.torrent_id) == (KEY, "b" * 40)
    assert AddTorrent("T", "", infohash=KEY).torrent_id is None
    category = DeleteCategory("a", "")
    assert (category.infohash, category.torrent_id, category.blast) == (None, None, None)


@pytest.mark.parametrize("secret", ["passkey=1", "10.0.0.2:6881"])
def test_the_text_of_an_action_shows_no_passkey_and_no_address(secret: str) -> None:
    action = AddTorrent(
        "T",
        "",
        added_urls={"trackers": ("https://tracker.example/?passkey=1",)},
        source=TorrentFile("https://site.example/?passkey=1", InfoHashes(KEY), "T", 1, lambda: b""),
        peer_address="10.0.0.2:6881",
    )
    assert secret not in repr(action)
