"""Filters, order and pages of the list of torrents."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from reconciler.web.catalogue import KnownTorrent
from reconciler.web.rest.listing import CursorError, ListQuery, Page, SortKey, list_torrents
from tests.support.known_torrents import make_hash, make_known_torrent

FILMS = [make_known_torrent(number, size=number, category="" if number == 3 else "films") for number in range(4)]
PENDING = make_known_torrent(9, instance=None, name="Übung", tags="", state="queuedDL")


def names(torrents: list[KnownTorrent], **query: Any) -> list[str]:
    """Return the names of a page."""
    return [torrent.row["name"] for torrent in list_torrents(torrents, ListQuery(**query)).torrents]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"instance": "home"}, ["Film 0", "Film 1", "Film 2", "Film 3"]),
        ({"instance": "hom"}, []),
        ({"group": "all", "sync": "pending"}, ["Übung"]),
        ({"group": "other"}, []),
        ({"category": ""}, ["Film 3"]),
        ({"category": "films", "text": "film 3"}, []),
        ({"tag": "b", "label": ["movie_id:2"]}, ["Film 2"]),
        ({"label": ["movie_id:2", "movie_id:1"]}, []),
        ({"label": ["other:"]}, []),
        ({"state": "queuedDL"}, ["Übung"]),
        ({"text": "übUNG"}, ["Übung"]),
        ({"text": make_hash(1)[:12]}, ["Film 1"]),
        ({"sort": "-name", "limit": 2}, ["Übung", "Film 3"]),
        ({"sort": "size"}, ["Film 0", "Film 1", "Film 2", "Film 3", "Übung"]),
        ({"sort": "-size"}, ["Film 3", "Film 2", "Film 1", "Film 0", "Übung"]),
    ],
)
def test_filters_and_order(query: dict[str, Any], expected: list[str]) -> None:
    assert names([PENDING, *FILMS], **query) == expected


@pytest.mark.parametrize(
    "query", [{"sort": "size'"}, {"sort": "--size"}, {"limit": 0}, {"limit": 1001}, {"label": ["x"]}, {"taag": "x"}]
)
def test_wrong_parameters(query: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ListQuery(**query)


@pytest.mark.parametrize("sort", [f"{sign}{key}" for key in SortKey for sign in ("", "-")])
def test_pages_have_each_torrent_that_stays_exactly_once(sort: str) -> None:
    chance = random.Random(sort)
    changing = [make_known_torrent(100 + n) for n in range(30)]
    staying = [
        make_known_torrent(n, instance=chance.choice(["home", "attic", None]), size=chance.randrange(5), ratio=n % 3)
        for n in range(60)
    ]
    seen, cursor = [], None
    while True:
        present = staying + chance.sample(changing, 20)
        chance.shuffle(present)
        page = list_torrents(present, ListQuery(sort=sort, limit=7, cursor=cursor))
        assert page.total == 80
        seen += [torrent.row["hash"] for torrent in page.torrents]
        cursor = page.next_cursor
        if cursor is None:
            break
    hashes = {torrent.row["hash"] for torrent in staying}
    assert sorted(infohash for infohash in seen if infohash in hashes) == sorted(hashes)


def test_a_cursor_is_short_whatever_a_torrent_is_called() -> None:
    torrents = [make_known_torrent(number, name="\U0001f3ac" * 5000) for number in range(3)]
    page = list_torrents(torrents, ListQuery(limit=1))
    assert page.next_cursor
    assert len(list_torrents(torrents, ListQuery(limit=5, cursor=page.next_cursor)).torrents) == 2


@pytest.mark.parametrize(
    "cursor", ["x", "====", "é", "W10", "bnVsbA", "WyJuYW1lIiwgMSwgIngiXQ", "WyJzaXplIiwgMSwgIngiXQ"]
)
def test_a_cursor_that_is_not_ours(cursor: str) -> None:
    with pytest.raises(CursorError, match=r'^"cursor" is not the "next"'):
        list_torrents(FILMS, ListQuery(cursor=cursor))


def test_a_cursor_belongs_to_an_order() -> None:
    page = list_torrents(FILMS, ListQuery(limit=1))
    with pytest.raises(CursorError):
        list_torrents(FILMS, ListQuery(limit=1, sort="-name", cursor=page.next_cursor))


def walk(torrents: list[KnownTorrent], page: Page, cursor_of: Callable[[Page], str | None], **query: Any) -> list[Page]:
    """Return the pages from one page on, in one direction."""
    pages = [page]
    while cursor := cursor_of(pages[-1]):
        pages.append(list_torrents(torrents, ListQuery(cursor=cursor, **query)))
    return pages


@pytest.mark.parametrize("sort", [f"{sign}{key}" for key in SortKey for sign in ("", "-")])
def test_the_way_back_has_the_same_pages(sort: str) -> None:
    torrents = [make_known_torrent(number, size=number // 3) for number in range(11)]
    query: dict[str, Any] = {"sort": sort, "limit": 4}
    there = walk(torrents, list_torrents(torrents, ListQuery(**query)), lambda page: page.next_cursor, **query)
    back = walk(torrents, there[-1], lambda page: page.previous_cursor, **query)
    assert [page.first_number for page in there] == [1, 5, 9]
    assert back == there[::-1]
    assert there[0].previous_cursor is None and there[-1].next_cursor is None


def test_the_way_back_ends_with_a_full_page_although_torrents_have_gone() -> None:
    torrents = [make_known_torrent(number) for number in range(8)]
    second = list_torrents(torrents, ListQuery(limit=3))
    third = list_torrents(torrents, ListQuery(limit=3, cursor=second.next_cursor))
    page = list_torrents(torrents[2:], ListQuery(limit=3, cursor=third.previous_cursor))
    assert (page.first_number, [torrent.row["name"] for torrent in page.torrents]) == (
        1,
        ["Film 2", "Film 3", "Film 4"],
    )


def test_a_page_beyond_the_end_is_empty_and_leads_nowhere() -> None:
    torrents = [make_known_torrent(number) for number in range(8)]
    cursor = list_torrents(torrents, ListQuery(limit=5)).next_cursor
    page = list_torrents(torrents[:4], ListQuery(limit=5, cursor=cursor))
    assert (page.torrents, page.total, page.next_cursor, page.previous_cursor) == ((), 4, None, None)


def test_a_text_may_be_a_v2_infohash() -> None:
    assert names([make_known_torrent(1, infohash_v2="ab" * 32), make_known_torrent(2)], text="AB" * 32) == ["Film 1"]
