"""An entry that is declared by its content means the torrent that the last run has found or made."""

from __future__ import annotations

from dataclasses import replace

from reconciler.engine.events import FinishedRun
from reconciler.model.content import Content
from reconciler.model.desired import DesiredState, Policy
from reconciler.model.infohash import InfoHashes
from reconciler.model.run import Run, RunMode
from reconciler.plan import Plan
from reconciler.plan.placement import Placement
from reconciler.plan.resolve import ResolvedDesired
from reconciler.web.content_entries import ContentEntries, find_content_torrents
from reconciler.web.sync_states import SyncState
from tests.support.catalogues import CatalogueWorld, make_entry, make_row, make_rows
from tests.support.status_site import NOON

A = InfoHashes(v1="a" * 40)
FILM = replace(make_entry("a", content=Content("/data/film")), infohashes=None)
BOOK = replace(make_entry("b", content=Content("/data/book")), infohashes=None)
DESIRED = DesiredState(Policy.SYNC, {}, (FILM, BOOK, make_entry("c")))


def end_run(desired: DesiredState, infohashes: InfoHashes | None = A) -> FinishedRun:
    """A run that has found the torrent of the film."""
    resolved = replace(desired, torrents=(replace(FILM, infohashes=infohashes), *desired.torrents[1:]))
    plan = Plan("", (), ResolvedDesired(resolved), Placement({}))
    return FinishedRun(Run(RunMode.APPLY, "", 0), "interval", NOON, 1.0, plan=plan)


def test_the_torrents_of_content_are_those_of_the_last_run() -> None:
    assert find_content_torrents(end_run(DESIRED)) == {("home", FILM.content): A}
    film, book, other = ContentEntries().identify(DESIRED, end_run(DESIRED)).torrents
    assert (film.infohashes, book, other) == (A, BOOK, DESIRED.torrents[2])


def test_what_is_not_known_stays_so() -> None:
    for finished_run in (None, replace(end_run(DESIRED), plan=None), end_run(DESIRED, None)):
        assert ContentEntries().identify(DESIRED, finished_run) == DESIRED


def test_the_same_knowledge_gives_the_same_object() -> None:
    entries, other = ContentEntries(), replace(DESIRED, torrents=(FILM,))
    first = entries.identify(DESIRED, end_run(DESIRED))
    changed = entries.identify(other, end_run(DESIRED))
    assert entries.identify(DESIRED, end_run(DESIRED)) is first
    assert entries.identify(other, end_run(DESIRED)) is changed
    without = replace(DESIRED, torrents=(make_entry("c"),))
    assert entries.identify(without, end_run(DESIRED)) is without


def test_a_torrent_of_content_is_declared_and_one_that_is_not_made_is_not_listed() -> None:
    world = CatalogueWorld(make_rows("home", make_row("a", tags="reconcile:me")))
    world.declare(FILM, BOOK)
    assert world.catalogue.read().torrents["a" * 40].sync_state == SyncState.UNDECLARED
    assert world.catalogue.read().unlisted == (FILM, BOOK)
    world.end_run()
    world.board.on_run_end(end_run(world.desired))
    known = world.catalogue.read().torrents["a" * 40]
    assert (known.position, known.entry and known.entry.content) == (FILM.position, FILM.content)
    assert world.catalogue.read().unlisted == (BOOK,)
