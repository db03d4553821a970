"""The facts about group members: what every run adds to them, and what makes it forget."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from reconciler.engine.observation import Observation
from reconciler.engine.placement_memory import PlacementMemory
from reconciler.model.errors import StopRequested, UnreachableError
from reconciler.model.groups import Outage, PendingTorrent, PlacementFacts
from reconciler.model.health import Health, HealthState
from reconciler.model.infohash import InfoHashes
from reconciler.model.magnet import Magnet
from reconciler.model.plan import AddTorrent, DeleteTorrent, Outcome
from reconciler.model.position import Position
from reconciler.model.run import ActionResult, InstanceResult, Status
from reconciler.testing.memory import MemoryInstance
from tests.support.fake_time import EPOCH
from tests.support.planner_inputs import make_desired_state, make_snapshot, make_v1_hash

X, Y, Z = (make_v1_hash(letter) for letter in "xyz")
GROUP = {"strategy": "failover", "members": ["a", "b"]}
DESIRED = make_desired_state({"groups": {"g": GROUP}, "instances": ["a", "b", "c"]})
TARGET = MemoryInstance()
READ = Observation(TARGET, make_snapshot([{"hash": "x"}, {"hash": "y"}]))
DOWN = Observation(TARGET, error=UnreachableError("a: no connection. Is it running?"))
PENDING = PendingTorrent(X, "Sintel", "g", "waits", Position("desired.yaml", 1, 1), since=EPOCH)
ADD_Z = AddTorrent("z", "a reason", source=Magnet("magnet:?xt=urn:btih:" + Z, InfoHashes(Z, None)))


def make_memory(facts: PlacementFacts | None = None) -> PlacementMemory:
    """The memory of a loop on the group, after its first look at the desired state."""
    memory = PlacementMemory(facts) if facts else PlacementMemory()
    memory.drop_undeclared(DESIRED)
    return memory


def test_a_read_member_holds_what_was_read_and_an_unread_one_is_in_outage_since_the_first_failure() -> None:
    memory = make_memory()
    for minute in range(3):
        memory.record_observations({"a": DOWN, "b": READ, "c": READ}, EPOCH + timedelta(minutes=minute))
    assert memory.facts == PlacementFacts({"a": Outage(EPOCH, "no connection")}, {"b": frozenset({X, Y})})
    memory.record_observations({"a": READ}, EPOCH)
    assert memory.facts.outages == {}


def test_an_unhealthy_member_is_in_outage_although_it_was_read() -> None:
    health = Health(HealthState.VPN_DOWN, EPOCH, "the connection is refused")
    memory = make_memory()
    memory.record_observations({"a": replace(READ, health=health)}, EPOCH)
    assert memory.facts.outages == {"a": Outage(EPOCH, "VPN is down: the connection is refused")}
    assert memory.facts.held_ids == {"a": frozenset({X, Y})}


def test_the_facts_stay_the_same_object_until_something_changes() -> None:
    memory = make_memory()
    memory.record_observations({"a": READ}, EPOCH)
    facts = memory.facts
    memory.record_observations({"a": replace(READ, snapshot=make_snapshot([{"hash": "x"}, {"hash": "y"}]))}, EPOCH)
    memory.record_observations({"b": Observation(TARGET, error=StopRequested("stop"))}, EPOCH)
    memory.set_pending([], ["g"])
    assert memory.facts is facts
    assert memory.is_dirty
    memory.saved_facts = facts
    assert not memory.is_dirty


def test_free_space_is_measured_every_five_minutes_and_kept_to_about_one_percent() -> None:
    memory = make_memory()
    due = [memory.start_measurement_if_due("a", EPOCH + timedelta(seconds=seconds)) for seconds in (0, 299, 300, 301)]
    assert due == [True, False, True, False]
    assert memory.start_measurement_if_due("a", EPOCH), "a clock that was set back does not stop the measurements"
    memory.record_observations({"a": replace(READ, free_space=1_000_007)}, EPOCH)
    assert memory.facts.free_space == {"a": 999_424}


def test_the_results_of_a_run_change_what_a_member_holds() -> None:
    memory = make_memory()
    memory.record_observations({"a": READ, "b": READ}, EPOCH)
    deleted = DeleteTorrent("x", "a reason", infohash=X, torrent_id=X)
    results = (ActionResult(ADD_Z, Outcome.APPLIED), ActionResult(deleted, Outcome.APPLIED))
    not_done = (ActionResult(ADD_Z, Outcome.FAILED, "no"), ActionResult(deleted, Outcome.FAILED, "no"))
    memory.record_results(
        [InstanceResult("a", Status.OK, results=results), InstanceResult("b", Status.OK, results=not_done)], EPOCH
    )
    assert memory.facts.held_ids == {"a": frozenset({Y, Z}), "b": frozenset({X, Y})}


def test_a_failed_add_counts_as_done_on_an_instance_that_was_lost() -> None:
    memory = make_memory()
    memory.record_observations({"a": READ}, EPOCH)
    failed = (ActionResult(ADD_Z, Outcome.FAILED, "no answer"),)
    memory.record_results([InstanceResult("a", Status.UNREACHABLE, "a: no answer", results=failed)], EPOCH)
    assert memory.facts.held_ids == {"a": frozenset({X, Y, Z})}
    assert memory.facts.outages == {"a": Outage(EPOCH, "no answer")}


def test_a_member_with_another_url_is_another_instance() -> None:
    memory = make_memory()
    memory.record_observations({"a": READ, "b": DOWN}, EPOCH)
    memory.set_pending([PENDING], ["g"])
    moved = {**DESIRED.instances, "a": replace(DESIRED.instances["a"], url="http://elsewhere")}
    memory.drop_undeclared(replace(DESIRED, instances=moved))
    assert (set(memory.facts.held_ids), set(memory.facts.outages)) == (set(), {"b"})
    memory.drop_undeclared(replace(DESIRED, groups={}))
    assert memory.facts == PlacementFacts()


def test_the_paths_of_members_that_share_their_files_are_kept() -> None:
    shared = {name: replace(instance, data="nas") for name, instance in DESIRED.instances.items() if name != "c"}
    desired = replace(DESIRED, instances={**DESIRED.instances, **shared})
    memory = make_memory()
    memory.drop_undeclared(desired)
    memory.record_observations({"a": READ, "c": READ}, EPOCH)
    assert memory.facts.held_paths == {"a": {X: "/downloads", Y: "/downloads"}}
    memory.record_observations({"a": DOWN}, EPOCH)
    assert set(memory.facts.held_paths) == {"a"}
    memory.drop_undeclared(DESIRED)
    assert memory.facts.held_paths == {}


def test_pending_torrents_of_other_groups_stay() -> None:
    other = replace(PENDING, group="h")
    memory = PlacementMemory()
    memory.set_pending([PENDING, other], ["g", "h"])
    memory.set_pending([], ["g"])
    assert memory.facts.pending == {("h", X): other}


def test_what_began_in_the_future_begins_now() -> None:
    ahead = EPOCH + timedelta(days=400)
    memory = make_memory(PlacementFacts({"a": Outage(ahead, "no"), "b": Outage(EPOCH, "no")}))
    memory.set_pending([replace(PENDING, since=ahead)], ["g"])
    now = EPOCH + timedelta(hours=1)
    memory.correct_future_times(now)
    assert memory.facts.outages == {"a": Outage(now, "no"), "b": Outage(EPOCH, "no")}
    assert memory.facts.pending == {("g", X): replace(PENDING, since=now)}
