"""The list of torrents: filters, order, pages, and what it says of what is not known."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.exceptions import HTTPException

from reconciler.model.groups import Group, Member, Strategy
from reconciler.model.torrent_file import UnknownSource
from reconciler.retry import utc_now
from reconciler.web.pages.torrents import NO_CATEGORY, build_parameters, parse_page_query
from reconciler.web.rest.listing import ListQuery
from tests.support.catalogues import POSITION, CatalogueWorld, make_entry, make_row, make_rows
from tests.support.example_runs import HOSTILE_NAME
from tests.support.html_pages import HtmlPage, get_context_page

OURS = "reconcile:me"
LETTERS = "abcdef"


@pytest.fixture
def world() -> CatalogueWorld:
    """Six torrents, of which two are declared, and one that is declared only."""
    rows = [
        make_row(letter, tags=OURS if letter in "ab" else "", category="films" if letter in "abc" else "", ratio=number)
        for number, letter in enumerate(LETTERS)
    ]
    world = CatalogueWorld(make_rows("home", *rows), make_rows("away"))
    world.declare(make_entry("a"), make_entry("b"), make_entry("9", "away"))
    world.end_run()
    return world


def get(world: CatalogueWorld, path: str = "/torrents", status: int = 200) -> HtmlPage:
    """The page."""
    return get_context_page(world.context, path, status)


def list_names(page: HtmlPage) -> str:
    """The first character of each torrent of the list, in its order."""
    links = [urlsplit(link).path for link in page.links]
    return "".join(link.removeprefix("./torrents/")[0] for link in links if link.startswith("./torrents/"))


def find_link(page: HtmlPage, relation: str) -> str:
    """The address of the page before or after."""
    number = page.attributes.index(("a", "rel", relation))
    return next(value for _, name, value in page.attributes[number:] if name == "href").removeprefix(".")


def test_everything_is_listed_with_where_and_why(world: CatalogueWorld) -> None:
    page = get(world)
    assert list_names(page) == "9abcdef"
    assert "7 torrents" in page.text
    assert "a ✓ in sync seeding, idle 100 % 0.00 – 0 films home desired.yaml:7" in page.text
    assert "waits for the next run ◷ pending not added yet" in page.text
    assert "c neither declared nor ours, so never touched · not ours" in page.text


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("text=A", "a"),
        ("category=films", "abc"),
        ("category=%2F", "9def"),
        ("sync=in_sync", "ab"),
        ("sync=in_sync&text=&category=&instance=", "ab"),
        ("instance=home&sort=-ratio&limit=2", "fe"),
        ("sort=-name&refresh=10", "fedcba9"),
    ],
)
def test_filters_and_order_are_in_the_address(world: CatalogueWorld, query: str, names: str) -> None:
    page = get(world, f"/torrents?{query}")
    assert list_names(page) == names


def test_each_filter_says_how_many_torrents_it_leaves(world: CatalogueWorld) -> None:
    page = get(world, "/torrents?category=films")
    assert "Sync any not ours (1) in sync (2)" in page.text
    assert "Category any none (4) films (3)" in page.text
    assert "3 torrents of 7" in page.text
    assert ("option", "selected", "") in page.attributes


def test_only_what_is_a_group_is_a_choice_of_groups(world: CatalogueWorld) -> None:
    assert "Group any" not in get(world).text
    group = Group("both", POSITION, Strategy.FAILOVER, (Member("home"), Member("away")))
    world.declare(make_entry("a", "both"), make_entry("b"), groups={"both": group})
    assert "Group any" not in get(world).text, "one value is no choice"
    page = get(world, "/torrents?group=both")
    assert ("Group any both (1)" in page.text, list_names(page)) == (True, "a")
    assert "home for both" in page.text


def test_pages_lead_on_and_back(world: CatalogueWorld) -> None:
    first = get(world, "/torrents?limit=3&sort=-ratio")
    assert "1–3 of 7" in first.text
    second = get(world, find_link(first, "next"))
    assert (list_names(first), list_names(second)) == ("fed", "cba")
    assert "4–6 of 7" in second.text
    third = get(world, find_link(second, "next"))
    assert "7–7 of 7" in third.text
    assert list_names(get(world, find_link(third, "prev"))) == "cba"
    assert list_names(get(world, find_link(second, "prev"))) == "fed"
    assert ("a", "rel", "next") not in third.attributes


def test_a_link_to_an_order_keeps_the_filters_and_begins_at_the_first_page(world: CatalogueWorld) -> None:
    first = get(world, "/torrents?limit=1&category=films")
    second = get(world, find_link(first, "next"))
    queries = [parse_qs(urlsplit(link).query) for link in second.links if "sort=-size" in link]
    assert queries == [{"limit": ["1"], "category": ["films"], "sort": ["-size"]}]


def test_a_page_that_has_become_empty_leads_back(world: CatalogueWorld) -> None:
    link = find_link(get(world, "/torrents?limit=6"), "next")
    world.set_rows(make_rows("home"), make_rows("away"))
    assert "There is nothing more in the list. Back to the first page" in get(world, link).text


@pytest.mark.parametrize("query", ["sync=odd", "sort=odd", "limit=0", "taag=a", "text=a&text=b", "cursor=odd"])
def test_a_wrong_address_says_so_and_is_no_list_of_something_else(world: CatalogueWorld, query: str) -> None:
    page = get(world, f"/torrents?{query}", 400)
    assert "The address is wrong" in page.text


def test_nothing_matches_and_nothing_is_there(world: CatalogueWorld) -> None:
    assert "No torrent matches. Show all 7" in get(world, "/torrents?text=zzz").text
    world.set_rows(make_rows("home"))
    world.declare()
    assert "There are no torrents" in get(world).text


def test_an_instance_that_is_not_read_makes_its_torrents_unknown_and_no_zero(world: CatalogueWorld) -> None:
    rows = world.rows.instances["home"]
    world.set_rows(replace(rows, is_read=False, reason="connection refused"), make_rows("away"))
    page = get(world, "/torrents?text=b")
    assert "home: connection refused. Its torrents are as they were last seen." in page.text
    assert "? unknown unknown" in page.text
    assert ("p", "data-passing", "") not in page.attributes, "who knows when it answers"
    world.set_rows(make_rows("home", is_read=False, reason="it has not been read yet"), make_rows("away"))
    page = get(world, "/torrents?text=b")
    assert "home: it has not been read yet. Its torrents are not known. Reload the page in a moment." in page.text
    assert ("p", "data-passing", "") in page.attributes
    assert "? unknown unknown – – – – unknown for home" in page.text


def test_old_rows_say_how_old_they_are(world: CatalogueWorld) -> None:
    rows = replace(world.rows.instances["home"], read_at=utc_now() - timedelta(minutes=5))
    world.set_rows(rows, make_rows("away", read_at=utc_now()))
    assert "home was read 5 min ago, and is being read again." in get(world).text
    assert "away was read" not in get(world).text


def test_an_entry_whose_torrent_is_not_known_is_named(world: CatalogueWorld) -> None:
    unknown = replace(
        make_entry("8"), infohashes=None, unknown_source=UnknownSource("", "tracker.example", "no answer")
    )
    world.declare(make_entry("a"), unknown)
    assert "1 entry is not in the list, because the torrent is not known yet: desired.yaml:7:5." in get(world).text


def test_a_query_and_its_address_are_the_same() -> None:
    for query in (ListQuery(), ListQuery(category="", sort="-size", label=["a:b"]), ListQuery(text="x", limit=7)):
        parameters = build_parameters(query)
        pairs = [(name, item) for name, value in parameters.items() for item in _as_list(value)]
        assert parse_page_query(pairs) == query
    assert build_parameters(ListQuery(category="")) == {"category": NO_CATEGORY}
    with pytest.raises(HTTPException):
        parse_page_query([("text", "a"), ("text", "b")])


def _as_list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [str(value)]


@settings(max_examples=30)
@given(st.text(min_size=1) | st.sampled_from([HOSTILE_NAME, "</a><script>alert(1)</script>", "x" * 4000]))
def test_no_text_of_a_torrent_becomes_markup(name: str) -> None:
    row = make_row("a", name=name, category=name, tags=name.replace(",", ""), state="stalledUP")
    world = CatalogueWorld(make_rows("home", row, make_row("b")))
    for path in ("/torrents", "/torrents/" + "a" * 40):
        page = get(world, path)
        assert not page.foreign_links
        assert len(page.html) < 60_000
