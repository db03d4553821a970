"""One torrent: declared beside live, the plan's words, its history and its files."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime

import pytest

from reconciler.engine.events import FinishedRun
from reconciler.model.explanation import Explanation, FieldComparison, InstanceExplanation
from reconciler.model.history import HistoryFilter, PastAction, PastRun, Trend, UnreadableHistory
from reconciler.model.plan import Change, ObjectKind, Outcome, UpdateTorrent, Verb
from reconciler.model.rows import Reply
from reconciler.model.run import ActionResult, RunMode, Status
from reconciler.web.pages.torrent import list_ids
from tests.support.catalogues import CatalogueWorld, make_entry, make_row, make_rows
from tests.support.html_pages import HtmlPage, get_context_page
from tests.support.known_torrents import make_known_torrent
from tests.support.planner_inputs import make_live_torrent
from tests.support.status_site import NOON

A = "a" * 40
ACTION = UpdateTorrent(name="Film", reason="category differs", changes=(Change("category", "old", "films"),))
HOME = InstanceExplanation(
    "home",
    Status.OK,
    entry=make_entry("a"),
    live_torrents=(make_live_torrent({"hash": "a"}),),
    owned=True,
    fields=(FieldComparison("category", "films", "old", differs=True), FieldComparison("save_path", None, "/data")),
    results=(ActionResult(ACTION, Outcome.FAILED, "no space"),),
)
PAST = PastAction("home", Verb.UPDATE, ObjectKind.TORRENT, "Film", A, "category: old -> films", Outcome.FAILED, "full")


@dataclass
class StubHistory:
    """Implements `History`."""

    runs: list[PastRun] = field(default_factory=list)
    filters: list[HistoryFilter] = field(default_factory=list)
    error: str = ""

    def list_runs(self, history_filter: HistoryFilter) -> list[PastRun]:
        """The runs of a test."""
        self.filters.append(history_filter)
        if self.error:
            raise UnreadableHistory(self.error)
        return self.runs

    def read_trend(self, since: datetime, history_filter: HistoryFilter) -> Trend:
        """Nothing."""
        return Trend()


@pytest.fixture
def world() -> CatalogueWorld:
    """A torrent that is declared and on an instance."""
    world = CatalogueWorld(make_rows("home", make_row("a", tags="reconcile:me", name="Film", ratio=1.5)))
    world.declare(make_entry("a", labels={"movie_id": "12"}))
    world.end_run()
    return world


def explain_with(world: CatalogueWorld, *instances: InstanceExplanation, pending: str | None = None) -> None:
    """Let the last run explain every torrent so."""

    def explain(_run: FinishedRun, name: str, ids: Collection[str], _rows: object) -> Explanation:
        assert A in ids
        return Explanation(name, A, "me", instances, pending_reason=pending)

    world.context = replace(world.context, explain_run=explain)


def get(world: CatalogueWorld, query: str = "", status: int = 200, infohash: str = A) -> HtmlPage:
    """The page."""
    return get_context_page(world.context, f"/torrents/{infohash}{query}", status)


def test_the_facts(world: CatalogueWorld) -> None:
    text = get(world).text
    assert "Film ✓ in sync as declared" in text
    assert "Progress 100 % State seeding, idle Size – Ratio 1.50" in text
    assert f"Declared at desired.yaml:7 Labels movie_id: 12 Infohash {A}" in text
    assert f"reconcile explain {A}" in text


def test_an_infohash_in_any_form_leads_to_it(world: CatalogueWorld) -> None:
    assert "Film" in get(world, infohash=A.upper()).text


def test_declared_is_beside_live_with_the_words_of_the_plan(world: CatalogueWorld) -> None:
    explain_with(world, HOME, InstanceExplanation("away", Status.OK))
    page = get(world)
    assert "home declared desired.yaml:7:5 live" in page.text
    assert "owner ours (reconcile:me) plan ! failed: no space category: old → films guard passed" in page.text
    assert "Field Declared Live category ~ differs films old save_path not managed /data" in page.text
    assert "away" not in page.text


def test_an_instance_that_could_not_be_read_says_so(world: CatalogueWorld) -> None:
    explain_with(world, InstanceExplanation("attic", Status.UNREACHABLE, "attic: connection refused"))
    assert "attic unreachable not read connection refused declared nowhere" in get(world).text


def test_what_has_changed_since_the_last_run_is_no_contradiction(world: CatalogueWorld) -> None:
    explain_with(world, replace(HOME, results=()))
    assert "Changed since the last run: category. The next run, in" in get(world).text
    explain_with(world, replace(HOME, fields=()))
    assert "Changed since the last run" not in get(world).text


def test_a_pending_torrent_says_why(world: CatalogueWorld) -> None:
    explain_with(world, pending="all: no member is healthy")
    assert "Pending: all: no member is healthy" in get(world).text


def test_without_a_plan_the_page_says_why() -> None:
    world = CatalogueWorld(make_rows("home", make_row("a")))
    assert "No run has ended yet, so there is no plan." in get(world).text
    world.end_run()
    assert "The last run made no plan." in get(world).text


def test_the_history(world: CatalogueWorld) -> None:
    assert "The history is not known: no journal is kept." in get(world).text
    history = StubHistory([PastRun(1, "me", NOON, 0.5, RunMode.APPLY, "interval", "", 1, (), (PAST,))])
    world.context = replace(world.context, history=history)
    assert "2026-01-02 12:00:00 UTC home ! category: old → films failed: full" in get(world).text
    assert history.filters == [HistoryFilter(20, torrent=A)]
    history.runs = []
    assert "No run in the journal has changed this torrent." in get(world).text
    history.error = "the journal is broken"
    assert "The history is not known: the journal is broken." in get(world).text


def test_files_are_asked_for_only_on_demand(world: CatalogueWorld) -> None:
    rows = [{"name": f"Film/{number}.mkv", "size": 1, "progress": 1, "priority": 1} for number in range(201)]
    world.rows.replies["torrents/files"] = Reply(200, json.dumps(rows).encode())
    assert "Show the files" in get(world).text
    assert world.rows.asked == []
    text = get(world, "?files=1").text
    assert "Film/199.mkv 1 B 100 % normal" in text and "Film/200.mkv" not in text
    assert "… and 1 more. Show all 201 files" in text
    assert "Film/200.mkv" in get(world, "?files=all").text
    del world.rows.replies["torrents/files"]
    assert "No files are shown: home: it is away." in get(world, "?files=1").text


def test_a_torrent_that_is_gone_has_its_history(world: CatalogueWorld) -> None:
    runs = [PastRun(1, "me", NOON, 0.5, RunMode.APPLY, "interval", "", 1, (), (PAST,))]
    world.context = replace(world.context, history=StubHistory(runs))
    page = get(world, status=404, infohash="b" * 40)
    assert f"No torrent that is declared or on an instance has the infohash {'b' * 40}" in page.text
    assert "category: old → films" in page.text


def test_what_is_no_infohash(world: CatalogueWorld) -> None:
    history = StubHistory()
    world.context = replace(world.context, history=history)
    assert "No torrent" in get(world, status=404, infohash="%3Cscript%3E").text
    assert history.filters == []


def test_ids_include_the_short_form_of_a_v2_infohash() -> None:
    known = make_known_torrent(1, infohash_v2="c" * 64)
    assert list_ids(known)[0] == known.row["hash"]
    assert {"c" * 64, "c" * 40} <= set(list_ids(known))
