"""The catalogue merges copies, entries and the last run, and builds again only what has changed."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from reconciler.model.desired import DesiredCategory
from reconciler.model.gateway import Shows
from reconciler.model.groups import Group, Member, PendingTorrent, Strategy
from reconciler.model.infohash import InfoHashes
from reconciler.model.plan import DeleteTorrent, Outcome, UpdateTorrent
from reconciler.model.rows import Row
from reconciler.model.run import ActionResult, InstanceResult, Status
from reconciler.web.catalogue import Catalogue, KnownTorrent
from reconciler.web.peers import Peer
from reconciler.web.sync_states import RunFindings, SyncFinding, SyncState
from tests.support.catalogues import POSITION, CatalogueWorld, make_entry, make_row, make_rows

A = "a" * 40
OURS = "reconcile:me"


def read(world: CatalogueWorld, letter: str = "a") -> KnownTorrent:
    return world.catalogue.read().torrents[letter * 40]


def test_a_declared_torrent_is_in_sync_after_a_run_without_a_finding() -> None:
    world = CatalogueWorld(make_rows("home", make_row("a", tags=OURS)))
    world.declare(make_entry("a"))
    assert read(world).sync_state == SyncState.DRIFT  # no run has seen it
    world.end_run()
    known = read(world)
    assert (known.sync_state, known.instance, known.instances) == (SyncState.IN_SYNC, "home", ("home",))
    assert (known.is_owned, known.is_handed_in, known.position) == (True, False, POSITION)


def test_what_no_known_run_was_about_is_unknown() -> None:
    world = CatalogueWorld(make_rows("home", make_row("a", tags=OURS)), make_rows("away", make_row("b", tags=OURS)))
    world.declare(make_entry("a"), make_entry("b", "away"))
    world.end_run(instances=(InstanceResult("home", Status.OK),))
    known = read(world, "b")
    assert (known.sync_state, known.reason) == (SyncState.UNKNOWN, "the last run here was not about away")
    assert read(world).sync_state == SyncState.IN_SYNC


def test_the_findings_of_a_peer_count_for_its_instances() -> None:
    world = CatalogueWorld(
        make_rows("home", make_row("a", tags=OURS)),
        make_rows("away", make_row("b", tags=OURS), make_row("c", tags=OURS)),
    )
    world.declare(make_entry("a"), make_entry("b", "away"), make_entry("c", "away"))
    world.end_run(instances=(InstanceResult("home", Status.OK),))
    failed = {"b" * 40: SyncFinding(SyncState.FAILED, "no space")}
    world.peers.peers = (Peer("http://x", findings=RunFindings(failed, instances=frozenset({"away"})), reason=""),)
    states = [(known.sync_state, known.reason) for known in (read(world, letter) for letter in "abc")]
    assert states == [(SyncState.IN_SYNC, ""), (SyncState.FAILED, "no space"), (SyncState.IN_SYNC, "")]
    world.peers.peers = (Peer("http://x", reason="no answer"),)
    assert read(world, "b").sync_state == SyncState.UNKNOWN


def test_the_findings_of_the_run_are_the_state() -> None:
    world = CatalogueWorld(make_rows("home", make_row("a", tags=OURS)))
    world.declare(make_entry("a"))
    action = UpdateTorrent(name="a", reason="category differs", infohash=A)
    result = InstanceResult("home", Status.OK, results=(ActionResult(action, Outcome.FAILED, "no space"),))
    world.end_run(instances=(result,))
    assert (read(world).sync_state, read(world).reason) == (SyncState.FAILED, "no space")


@pytest.mark.parametrize(
    ("tags", "state", "shown"),
    [(OURS, SyncState.UNDECLARED, {Shows.OWNED, Shows.ALL}), ("x", SyncState.FOREIGN, {Shows.ALL})],
)
def test_torrents_that_nobody_declares(tags: str, state: SyncState, shown: set[Shows]) -> None:
    world = CatalogueWorld(make_rows("home", make_row("a", tags=tags)))
    assert read(world).sync_state == state
    assert {shows for shows in Shows if A in world.catalogue.read().select(shows)} == shown


@pytest.mark.parametrize(("tags", "is_shown"), [(OURS, False), ("x", True)])
def test_what_the_last_run_deleted_is_hidden_in_rows_that_were_read_before(tags: str, is_shown: bool) -> None:
    world = CatalogueWorld(make_rows("home", make_row("a", tags=tags)))
    action = DeleteTorrent(name="a", reason="taken back", infohash=A, torrent_id=A)
    result = InstanceResult("home", Status.OK, results=(ActionResult(action, Outcome.APPLIED),))
    world.end_run(instances=(result,))
    assert (A in world.catalogue.read().select(Shows.ALL)) == is_shown
    world.declare(make_entry("a"))
    assert A in world.catalogue.read().select(Shows.ALL), "it was added again"


def test_the_most_complete_copy_is_shown_and_among_equals_that_of_the_first_instance() -> None:
    world = CatalogueWorld(
        make_rows("home", make_row("a", progress=0.2), make_row("b")),
        make_rows("away", make_row("a", progress=0.3), make_row("b")),
    )
    assert (read(world, "a").instance, read(world, "a").instances) == ("away", ("away", "home"))
    assert read(world, "b").instance == "home"
    world.set_rows(
        make_rows("home", make_row("a", progress=0.2)),
        make_rows("away", make_row("a", progress=1), is_read=False, reason="it is away"),
    )
    assert read(world).instance == "home"


def test_copies_under_different_ids_are_one_torrent() -> None:
    v2 = "b" * 64
    hybrid = {"infohash_v1": A, "infohash_v2": v2}
    world = CatalogueWorld(
        make_rows("home", make_row("a", **hybrid, progress=0.5)), make_rows("away", make_row("b", **hybrid))
    )
    world.declare(replace(make_entry("a"), infohashes=InfoHashes(A, v2)))
    assert list(world.catalogue.read().torrents) == ["b" * 40]
    assert read(world, "b").instances == ("away", "home")


def test_a_torrent_without_a_place_is_pending_with_the_reason_of_the_run() -> None:
    world = CatalogueWorld(make_rows("home"))
    world.declare(make_entry("a"))
    assert (read(world).sync_state, read(world).row["comment"]) == (SyncState.PENDING, "waits for the next run")
    world.end_run(pending=(PendingTorrent(A, "a", "both", "no member is healthy", POSITION),))
    known = read(world)
    assert (known.instance, known.row["state"], known.row["comment"]) == (None, "queuedDL", "no member is healthy")


def test_a_torrent_that_is_pending_in_two_shards_is_listed_once() -> None:
    world = CatalogueWorld(make_rows("home"))
    world.declare(make_entry("a"))
    world.end_run(pending=(PendingTorrent(A, "a", "both", "no member is healthy", POSITION),))
    world.peers.peers = (Peer("http://x", findings=RunFindings(pending={A: "no member is healthy"}), reason=""),)
    (known,) = world.catalogue.read().torrents.values()
    assert (known.sync_state, known.reason) == (SyncState.PENDING, "no member is healthy")


def test_a_torrent_whose_instances_are_all_away_is_queued_with_their_reasons() -> None:
    away = {"is_read": False, "reason": "connection refused"}
    world = CatalogueWorld(make_rows("home", make_row("a", tags=OURS, progress=0.5), **away), make_rows("away", **away))
    group = Group("both", POSITION, Strategy.FAILOVER, (Member("home"), Member("away")))
    world.declare(make_entry("a", "both"), make_entry("b", "both"), groups={"both": group})
    assert (read(world).row["state"], read(world).row["comment"]) == ("queuedDL", "home: connection refused")
    assert read(world).sync_state == SyncState.UNKNOWN
    assert read(world, "b").row["comment"] == "home: connection refused; away: connection refused"
    assert read(world, "b").sync_state == SyncState.UNKNOWN, "nobody knows if one of them has it"


def test_a_client_reads_what_it_has_written() -> None:
    world = CatalogueWorld(make_rows("home", make_row("a", tags=OURS, category="old")))
    world.declare(make_entry("a", category="old"))
    world.hand_in(make_entry("a", category="old"))
    world.end_run()
    assert (read(world).row["category"], read(world).sync_state) == ("old", SyncState.IN_SYNC)
    world.hand_in(make_entry("a", category="new"), make_entry("b"))
    assert (read(world).row["category"], read(world).sync_state) == ("new", SyncState.DRIFT)
    assert read(world).is_handed_in and read(world, "b").sync_state == SyncState.PENDING
    world.hand_in(make_entry("a", absent=True))
    assert read(world).sync_state == SyncState.REMOVED
    assert list(world.catalogue.read().select(Shows.ALL)) == []


def test_what_git_declares_is_not_shown_before_it_is_carried_out() -> None:
    world = CatalogueWorld(make_rows("home", make_row("a", tags=OURS, category="old")))
    world.declare(make_entry("a", category="new"))
    assert read(world).row["category"] == "old"


def test_only_what_has_changed_is_built_again() -> None:
    first, second = make_row("a"), make_row("b")
    world = CatalogueWorld(make_rows("home", first, second))
    view = world.catalogue.read()
    assert world.catalogue.read() is view
    world.set_rows(replace(world.rows.instances["home"], server_state={"dht_nodes": 1}))
    assert world.catalogue.read().torrents is view.torrents
    assert world.catalogue.read().instances["home"].server_state == {"dht_nodes": 1}
    world.set_rows(make_rows("home", first, make_row("b", progress=0.5)))
    after = world.catalogue.read().torrents
    assert after[A] is view.torrents[A] and after["b" * 40] is not view.torrents["b" * 40]


def test_categories_and_tags_are_those_of_all_instances_and_of_the_intake() -> None:
    world = CatalogueWorld(
        make_rows("home", categories={"tv": {"savePath": "/data/tv"}}, tags=("hd", OURS)),
        make_rows("away", categories={"tv": {"savePath": "/other"}, "films": {"savePath": ""}}),
    )
    world.desired = replace(
        world.desired,
        instances={
            name: replace(instance, path_map={"/data": "/mnt"}) for name, instance in world.desired.instances.items()
        },
    )
    world.intake.categories = {"new": DesiredCategory("new", POSITION, "/data/new")}
    world.hand_in(make_entry("a", category="added"), make_entry("b", category="gone", absent=True))
    view = world.catalogue.read()
    assert view.categories == {
        "added": {"name": "added", "savePath": ""},
        "films": {"name": "films", "savePath": ""},
        "new": {"name": "new", "savePath": "/mnt/new"},
        "tv": {"name": "tv", "savePath": "/mnt/tv"},
    }
    assert view.tags == ("hd",)


def test_after_any_changes_it_is_as_if_built_at_once() -> None:
    dice, world = random.Random(5), CatalogueWorld()
    world.declare(make_entry("a"), make_entry("b"), make_entry("c", absent=True))
    rows: dict[str, dict[str, Row]] = {"home": {}, "away": {}}
    for _ in range(300):
        name, letter = dice.choice(["home", "away"]), dice.choice("abcd")
        action = dice.random()
        if action < 0.15:
            rows[name] = {key: row for key, row in rows[name].items() if key != letter * 40}
        elif action < 0.85:
            row = make_row(letter, progress=dice.randrange(3) / 2, tags=dice.choice([OURS, "x"]), infohash_v2="")
            rows[name] = {**rows[name], letter * 40: row}
        elif action < 0.95:
            world.hand_in(*(make_entry(letter, category=dice.choice("xy")) for letter in dice.sample("ab", 1)))
        else:
            world.end_run()
        reads = {name: {"is_read": dice.random() > 0.1, "reason": "away"} for name in rows}
        world.set_rows(*(make_rows(name, *rows[name].values(), **reads[name]) for name in rows))
        world.set_rows(*(replace(read, rows=rows[name]) for name, read in world.rows.instances.items()))
        assert world.catalogue.read().torrents == Catalogue(world.context).read().torrents
