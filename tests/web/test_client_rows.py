"""Rows of every version look like those of 5.1, and what an entry declares shows at once."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.model.desired import DesiredTags
from reconciler.web.client_rows import (
    EMPTY_ROW,
    make_client_row,
    make_pending_row,
    map_category,
    mark_as_unread,
    mask_row,
    overlay_entry,
)
from tests.support.catalogues import make_entry, make_row


def test_our_marks_and_the_fields_of_other_versions_are_not_shown() -> None:
    row = make_client_row(make_row("a", tags="tv, reconcile:me, hd", share_limit_action="Default"), {})
    assert (row["tags"], row.keys()) == ("tv, hd", EMPTY_ROW.keys())


def test_an_old_row_gets_the_fields_and_the_states_of_5_1() -> None:
    old = {"hash": "a" * 40, "name": "a", "state": "pausedDL", "tags": "", "save_path": "/data/", "total_size": 5}
    row = make_client_row(old, {})
    assert (row["state"], row["save_path"], row["has_metadata"]) == ("stoppedDL", "/data", True)
    assert (row["infohash_v1"], row["private"], row.keys()) == ("a" * 40, None, EMPTY_ROW.keys())


def test_all_paths_are_as_clients_see_them() -> None:
    paths = {
        "save_path": "/data/tv",
        "content_path": "/data/tv/a",
        "root_path": "/data/tv/a",
        "download_path": "/tmp/x",
    }
    row = make_client_row(make_row("a", **paths), {"/data": "/mnt/box"})
    assert {name: row[name] for name in paths} == {
        "save_path": "/mnt/box/tv",
        "content_path": "/mnt/box/tv/a",
        "root_path": "/mnt/box/tv/a",
        "download_path": "/tmp/x",
    }


@pytest.mark.parametrize(
    ("state", "paused", "shown"),
    [
        ("stalledUP", True, "stoppedUP"),
        ("metaDL", True, "stoppedDL"),
        ("stoppedUP", False, "queuedUP"),
        ("stoppedDL", False, "queuedDL"),
        ("uploading", False, "uploading"),
        ("stoppedDL", True, "stoppedDL"),
        ("checkingUP", True, "checkingUP"),
        ("error", True, "error"),
        ("stalledDL", None, "stalledDL"),
    ],
)
def test_a_declared_stop_shows_at_once(state: str, paused: bool | None, shown: str) -> None:
    row = dict(make_row("a", state=state))
    overlay_entry(row, make_entry("a", paused=paused))
    assert row["state"] == shown


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"category": "tv"}, {"category": "tv"}),
        ({"name": "new"}, {"name": "new"}),
        ({"tags": DesiredTags(frozenset({"b"}))}, {"tags": "b, x"}),
        ({"tags": DesiredTags(frozenset({"b"}), only=True)}, {"tags": "b"}),
        ({"options": {"download_limit": -1, "share_limits.ratio": 2.5}}, {"dl_limit": 0, "ratio_limit": 2.5}),
        ({"options": {"sequential": True, "auto_tmm": True}}, {"seq_dl": True, "auto_tmm": True}),
        ({"options": {"force_start": True}}, {"force_start": True}),
        ({"options": {"force_start": True}, "paused": True}, {"force_start": False}),
    ],
)
def test_what_is_declared_shows_at_once(fields: dict[str, Any], shown: dict[str, Any]) -> None:
    row = dict(make_row("a", tags="x"))
    overlay_entry(row, make_entry("a", **fields))
    assert {name: row[name] for name in shown} == shown


def test_a_torrent_without_a_place_is_queued_and_its_comment_says_why() -> None:
    entry = make_entry("a", name="show", category="tv", save_path="/data/tv")
    row = make_pending_row(entry, "home: it is away", {"/data": "/mnt"})
    assert row.keys() == EMPTY_ROW.keys()
    assert (row["hash"], row["state"], row["comment"]) == ("a" * 40, "queuedDL", "home: it is away")
    assert (row["name"], row["category"], row["save_path"]) == ("show", "tv", "/mnt/tv")


@pytest.mark.parametrize(
    ("state", "progress", "shown"),
    [("uploading", 1, "queuedUP"), ("downloading", 0.5, "queuedDL"), ("stoppedUP", 1, "stoppedUP")],
)
def test_a_torrent_whose_instance_is_away_is_queued(state: str, progress: float, shown: str) -> None:
    row = dict(make_row("a", state=state, progress=progress, upspeed=5))
    mark_as_unread(row, "home: it is away")
    assert (row["state"], row["upspeed"], row["comment"]) == (shown, 0, "home: it is away")


def test_a_masked_row_has_no_passkey() -> None:
    url = "https://tracker.example/secretpasskey123/announce"
    row = mask_row(make_row("a", tracker=url, magnet_uri=f"magnet:?xt=urn:btih:{'a' * 40}&tr={url}&ws=http://x/secret"))
    assert "secret" not in str(row)
    assert row["magnet_uri"].startswith(f"magnet:?xt=urn:btih:{'a' * 40}&tr=https://tracker.example/")


def test_a_category_has_the_paths_that_clients_see() -> None:
    category = {"name": "tv", "savePath": "/data/tv", "download_path": False, "ratio_limit": -2}
    assert map_category(category, {"/data": "/mnt"}) == {"name": "tv", "savePath": "/mnt/tv", "download_path": False}
