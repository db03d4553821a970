"""The parameters of torrents/info select, sort and cut as qBittorrent 5.1 does."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.exceptions import HTTPException

from reconciler.web.catalogue import KnownTorrent
from reconciler.web.gateway.listing import list_torrents
from tests.support.catalogues import make_entry, make_row

STATES = {
    "a": "downloading",
    "b": "stalledDL",
    "c": "stoppedDL",
    "d": "stalledUP",
    "e": "stoppedUP",
    "f": "uploading",
    "0": "checkingUP",
    "1": "moving",
    "2": "missingFiles",
}


def make_torrents(**rows: dict[str, Any]) -> dict[str, KnownTorrent]:
    return {letter * 40: KnownTorrent(make_row(letter, **fields)) for letter, fields in rows.items()}


def select(torrents: dict[str, KnownTorrent], *, has_subcategories: bool = False, **parameters: str) -> str:
    listed = list_torrents(torrents, parameters, has_subcategories=has_subcategories)
    return "".join(known.row["hash"][0] for known in listed)


@pytest.mark.parametrize(
    ("name", "selected"),
    [
        ("all", "abcdef012"),
        ("", "abcdef012"),
        ("no such filter", "abcdef012"),
        ("downloading", "abc"),
        ("seeding", "df0"),
        ("completed", "def0"),
        ("stopped", "ce"),
        ("running", "abdf012"),
        ("active", "abf1"),
        ("inactive", "cde02"),
        ("stalled", "bd"),
        ("stalled_uploading", "d"),
        ("stalled_downloading", "b"),
        ("checking", "0"),
        ("moving", "1"),
        ("errored", "2"),
    ],
)
def test_filters(name: str, selected: str) -> None:
    torrents = {
        letter * 40: KnownTorrent(make_row(letter, state=state, upspeed=5 if letter == "b" else 0))
        for letter, state in STATES.items()
    }
    assert select(torrents, filter=name) == selected


def test_a_state_that_hides_the_stop_shows_what_is_declared() -> None:
    known = KnownTorrent(make_row("a", state="checkingUP"), entry=make_entry("a", paused=True))
    assert select({"a" * 40: known}, filter="stopped") == "a"


@pytest.mark.parametrize(
    ("parameters", "selected"),
    [
        ({"category": ""}, "c"),
        ({"category": "tv"}, "a"),
        ({"category": "tv", "has_subcategories": True}, "ab"),
        ({"category": "none"}, ""),
        ({"tag": ""}, "c"),
        ({"tag": " hd "}, "ab"),
        ({"tag": "h"}, ""),
        ({"private": "true"}, "a"),
        ({"private": "false"}, "bc"),
        ({"private": "perhaps"}, "abc"),
        ({"hashes": "A" * 40 + "|" + "c" * 40}, "ac"),
        ({"hashes": "|"}, "abc"),
        ({"hashes": "0" * 40}, ""),
    ],
)
def test_selections(parameters: dict[str, Any], selected: str) -> None:
    torrents = make_torrents(
        a={"category": "tv", "tags": "x, hd", "private": True},
        b={"category": "tv/x", "tags": "hd", "private": False},
        c={"category": "", "tags": "", "private": None},
    )
    assert select(torrents, **parameters) == selected


@pytest.mark.parametrize(
    ("parameters", "selected"),
    [
        ({"sort": "size"}, "bca"),
        ({"sort": "size", "reverse": "true"}, "acb"),
        ({"sort": "name"}, "abc"),
        ({"sort": "private"}, "bca"),
        ({"sort": "size", "limit": "2"}, "bc"),
        ({"sort": "size", "limit": "2", "offset": "2"}, "a"),
        ({"sort": "size", "offset": "-1"}, "a"),
        ({"sort": "size", "offset": "-9"}, "bca"),
        ({"sort": "size", "offset": "9"}, "bca"),
        ({"sort": "size", "limit": "x", "offset": "y"}, "bca"),
        ({"sort": "size", "limit": "-1"}, "bca"),
    ],
)
def test_order_and_cut(parameters: dict[str, Any], selected: str) -> None:
    torrents = make_torrents(a={"size": 30, "private": True}, b={"size": 10}, c={"size": 20, "private": False})
    assert select(torrents, **parameters) == selected


def test_an_unknown_column_is_refused_unless_there_is_nothing_to_sort() -> None:
    with pytest.raises(HTTPException, match="'sort' parameter is invalid"):
        select(make_torrents(a={}), sort="nonsense")
    assert select({}, sort="nonsense") == ""
