"""A call that changes a torrent is a change of the keys of its entry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from starlette.exceptions import HTTPException

from reconciler.model.desired import DesiredTags
from reconciler.web.gateway.change_call import ChangeContext
from reconciler.web.gateway.changing import CHANGE_CALLS
from tests.support.gateway_torrents import make_entry, make_known

CONTEXT = ChangeContext(lambda _known, path: path.replace("/mnt", "/data", 1), frozenset({"films"}))
LIVE: Mapping[str, Any] = {
    "seq_dl": True,
    "f_l_piece_prio": False,
    "force_start": False,
    "auto_tmm": False,
    "save_path": "/mnt/films",
    "tags": "x, live",
    "magnet_uri": "magnet:?xt=urn:btih:a&tr=http%3A%2F%2Fa%2Fannounce&tr=http%3A%2F%2Fb%2Fannounce",
}


def change(call: str, fields: Mapping[str, str], *, is_live: bool = True, **keys: Any) -> Any:
    """Return the change that a call makes of an entry with these fields."""
    row, instance = (LIVE, "home") if is_live else ({}, None)
    known = make_known(1, make_entry(1, **keys), row, instance=instance)
    assert known.entry
    return CHANGE_CALLS[call].make_change({"hashes": known.row["hash"], **fields}, CONTEXT)(known, known.entry)


SHARE = {"ratioLimit": "1.5", "seedingTimeLimit": "-2", "inactiveSeedingTimeLimit": "-1"}
FORCED = {"options": {"force_start": True}}
STOPPING = {"options": {"share_limits.action": "stop"}}
AUTO = {"options": {"auto_tmm": True}}
LIMITS = {"ratio": 1.5, "seeding_time": "global", "inactive_seeding_time": "unlimited"}


@pytest.mark.parametrize(
    ("call", "fields", "keys", "changes"),
    [
        ("stop", {}, {}, {"paused": True, "force_start": None}),
        ("pause", {}, {}, {"paused": True, "force_start": None}),
        ("start", {}, {}, {"paused": False, "force_start": None, "stop_condition": None}),
        ("resume", {}, FORCED, {"paused": False, "force_start": False, "stop_condition": None}),
        ("setForceStart", {"value": "true"}, {}, {"paused": False, "force_start": True, "stop_condition": None}),
        ("setForceStart", {"value": "x"}, {}, {"paused": False, "force_start": False, "stop_condition": None}),
        ("setCategory", {"category": "films"}, {}, {"category": "films"}),
        ("setCategory", {"category": ""}, {}, {"category": ""}),
        ("addTags", {"tags": "b,a"}, {}, {"tags": ["a", "b"]}),
        ("addTags", {"tags": "b"}, {"tags": DesiredTags(frozenset("a"))}, {"tags": ["a", "b"]}),
        ("addTags", {"tags": "b"}, {"tags": DesiredTags(frozenset("a"), only=True)}, {"tags": {"only": ["a", "b"]}}),
        ("addTags", {"tags": "a"}, {"tags": DesiredTags(frozenset("a"))}, {}),
        ("addTags", {"tags": ","}, {}, {}),
        ("removeTags", {"tags": "x"}, {"tags": DesiredTags(frozenset("a"))}, {"tags": {"only": ["a", "live"]}}),
        ("removeTags", {"tags": "unknown"}, {}, {}),
        ("removeTags", {}, {"tags": DesiredTags(frozenset("a"))}, {"tags": {"only": []}}),
        ("removeTags", {"tags": "a"}, {"tags": DesiredTags(frozenset("ab"), only=True)}, {"tags": {"only": ["b"]}}),
        ("setTags", {"tags": "b,a"}, {}, {"tags": {"only": ["a", "b"]}}),
        ("rename", {"name": " a\r\nb "}, {}, {"name": "a b"}),
        ("setDownloadLimit", {"limit": "1000"}, {}, {"download_limit": "1000 B/s"}),
        ("setUploadLimit", {"limit": "0"}, {}, {"upload_limit": "unlimited"}),
        ("setShareLimits", SHARE, {}, {"share_limits": LIMITS}),
        ("setShareLimits", SHARE, STOPPING, {"share_limits": {**LIMITS, "action": "stop"}}),
        ("toggleSequentialDownload", {}, {}, {"sequential": False}),
        ("toggleSequentialDownload", {}, {"options": {"sequential": False}}, {"sequential": True}),
        ("toggleFirstLastPiecePrio", {}, {}, {"first_last_piece_first": True}),
        ("setSuperSeeding", {"value": "True"}, {}, {"super_seeding": True}),
        ("setAutoManagement", {"enable": "true"}, {}, {"auto_tmm": True, "save_path": None, "download_path": None}),
        ("setAutoManagement", {"enable": "false"}, {"save_path": "/data"}, {"auto_tmm": False}),
        ("setAutoManagement", {"enable": "false"}, AUTO, {"auto_tmm": False, "save_path": "/data/films"}),
        ("setLocation", {"location": " /mnt/x "}, {}, {"save_path": "/data/x", "auto_tmm": False}),
        ("setSavePath", {"path": "/mnt/x"}, {}, {"save_path": "/data/x"}),
        ("setSavePath", {"path": "/mnt/x"}, {"options": {"auto_tmm": True}}, {}),
        ("setDownloadPath", {"path": "/mnt/x"}, {"save_path": "/s"}, {"download_path": "/data/x"}),
        ("setDownloadPath", {"path": ""}, {}, {"download_path": "", "auto_tmm": False}),
        ("setDownloadPath", {"path": "/x"}, {"options": {"auto_tmm": True}}, {}),
    ],
)  # fmt: skip
def test_calls(call: str, fields: dict[str, str], keys: dict[str, Any], changes: dict[str, object]) -> None:
    assert change(call, fields, **keys) == changes


@pytest.mark.parametrize(
    ("call", "fields", "status", "text"),
    [
        ("setCategory", {"category": "unknown"}, 409, "Incorrect category name"),
        ("addTags", {"tags": "a,reconcile:x"}, 409, "reconcile:x"),
        ("rename", {"name": " \n "}, 409, "Incorrect torrent name"),
        ("setShareLimits", {**SHARE, "ratioLimit": "x"}, 400, "not a number"),
        ("setLocation", {"location": " "}, 400, "Save path cannot be empty"),
        ("setSavePath", {"path": ""}, 400, "Save path cannot be empty"),
    ],
)
def test_what_is_refused(call: str, fields: dict[str, str], status: int, text: str) -> None:
    with pytest.raises(HTTPException) as caught:
        change(call, fields)
    assert caught.value.status_code == status
    assert text in caught.value.detail


def test_what_has_no_row_yet_is_changed_by_its_entry() -> None:
    assert change("toggleSequentialDownload", {}, is_live=False) == {"sequential": True}
    assert change("setSavePath", {"path": "/x"}, is_live=False, category="films") == {}
    assert change("setSavePath", {"path": "/x"}, is_live=False) == {"save_path": "/x"}
    assert change("setAutoManagement", {"enable": "false"}, is_live=False, category="films") == {"auto_tmm": False}
