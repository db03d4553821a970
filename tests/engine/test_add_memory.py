"""Adds are remembered until their tag is seen, by the instance and owner that they belong to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.engine.add_memory import FORGET_AFTER, AddMemory
from reconciler.engine.observation import Observation
from reconciler.model.history import AddKey, UntaggedAdds
from reconciler.model.infohash import InfoHashes
from reconciler.model.magnet import parse_magnet
from reconciler.model.plan import AddTorrent, AdoptTorrent, Change, Outcome
from reconciler.model.run import ActionResult, InstanceResult, Status
from reconciler.model.snapshot import LiveTorrent, Snapshot
from reconciler.testing.memory import MemoryInstance
from tests.support.journal_runs import DESIRED
from tests.support.magnets import make_infohash, make_magnet

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
KEY = AddKey("me", "home", "http://home")
ONE, TWO = make_infohash(1), make_infohash(2)


def make_memory(*ids: str, added_at: datetime = NOW) -> tuple[AddMemory, dict[AddKey, UntaggedAdds | None]]:
    """A memory with these adds on `home`, and what it saves."""
    saved: dict[AddKey, UntaggedAdds | None] = {}

    def save(key: AddKey, adds: UntaggedAdds | None) -> bool:
        saved[key] = adds
        return True

    return AddMemory({KEY: UntaggedAdds(frozenset(ids), added_at)} if ids else {}, save), saved


def observe(memory: AddMemory, *torrents: tuple[str, str], now: datetime = NOW) -> None:
    """Let the memory see these torrents, each with a tag or "", on `home`."""
    live = tuple(
        LiveTorrent(key, InfoHashes(key), key, False, "stalledDL", tags=frozenset({tag} - {""}))
        for key, tag in torrents
    )
    snapshot = Snapshot("v4.2.5", "2.5.1", live)
    memory.record_observations({"home": Observation(MemoryInstance("4.2.5"), snapshot)}, DESIRED, now)


def test_adds_are_saved_at_once_and_together_with_earlier_ones() -> None:
    memory, saved = make_memory(ONE, added_at=NOW - timedelta(minutes=5))
    assert memory.record_adds(KEY, [TWO], NOW)
    assert saved == {KEY: UntaggedAdds(frozenset({ONE, TWO}), NOW)}
    assert memory.get_ids(DESIRED) == {"home": {ONE, TWO}}


def test_a_memory_that_cannot_save_says_so_and_still_remembers() -> None:
    memory = AddMemory()
    assert not memory.record_adds(KEY, [ONE], NOW)
    assert memory.get_ids(DESIRED) == {"home": {ONE}}


@pytest.mark.parametrize("change", [{"owner": "other"}, {"instances": {}}])
def test_another_owner_or_instance_has_none_of_them(change: dict[str, object]) -> None:
    memory, _ = make_memory(ONE)
    assert memory.get_ids(replace(DESIRED, **change)) == {}  # type: ignore[arg-type]


def test_another_address_is_another_instance() -> None:
    memory, _ = make_memory(ONE)
    moved = {name: replace(instance, url="http://new") for name, instance in DESIRED.instances.items()}
    assert memory.get_ids(replace(DESIRED, instances=moved)) == {}


@pytest.mark.parametrize("tag", ["reconcile:me", "reconcile:other", "reconcile:ignore"])
def test_a_torrent_with_an_owner_or_ignored_is_forgotten(tag: str) -> None:
    memory, saved = make_memory(ONE, TWO)
    observe(memory, (ONE, tag), (TWO, "linux"))
    assert memory.get_ids(DESIRED) == {"home": {TWO}}
    assert saved == {}  # a read writes nothing: it may be that of a dry-run
    memory.record_results([], DESIRED)
    assert saved == {KEY: UntaggedAdds(frozenset({TWO}), NOW)}


def test_a_torrent_that_does_not_appear_is_forgotten_after_a_while() -> None:
    memory, _ = make_memory(ONE, TWO)
    observe(memory, (TWO, ""), now=NOW + FORGET_AFTER - timedelta(seconds=1))
    assert memory.get_ids(DESIRED) == {"home": {ONE, TWO}}
    observe(memory, (TWO, ""), now=NOW + FORGET_AFTER)
    assert memory.get_ids(DESIRED) == {"home": {TWO}}


def test_an_instance_that_was_not_read_changes_nothing() -> None:
    memory, _ = make_memory(ONE)
    memory.record_observations({"home": Observation(MemoryInstance("4.2.5"))}, DESIRED, NOW + 2 * FORGET_AFTER)
    assert memory.get_ids(DESIRED) == {"home": {ONE}}


def test_applied_adds_and_adoptions_are_forgotten_and_that_is_saved() -> None:
    memory, saved = make_memory(ONE, TWO)
    owner = (Change("owner", None, "me"),)
    add = AddTorrent("a", "declared", owner, source=parse_magnet(make_magnet(1)))
    adopt = AdoptTorrent("b", "untagged", owner, torrent_id=TWO)
    failed = InstanceResult("home", Status.OK, results=(ActionResult(add, Outcome.FAILED),))
    memory.record_results([failed], DESIRED)
    assert memory.get_ids(DESIRED) == {"home": {ONE, TWO}}
    assert saved == {}
    applied = tuple(ActionResult(action, Outcome.APPLIED) for action in (add, adopt))
    memory.record_results([replace(failed, results=applied)], DESIRED)
    assert memory.get_ids(DESIRED) == {}
    assert saved == {KEY: None}
