"""Adds whose tags must follow get them in a run that is stopped, and are remembered before they are sent."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from reconciler.apply.executor import Executor
from reconciler.model.errors import StopRequested, UnreachableError
from reconciler.model.infohash import InfoHashes
from reconciler.model.magnet import parse_magnet
from reconciler.model.plan import AddTorrent, Change, InstancePlan, Outcome
from reconciler.model.run import ActionResult
from reconciler.model.snapshot import AddOptions, LiveTorrent
from reconciler.testing.memory import MemoryInstance
from tests.support.fake_retry import fake_retry_policy
from tests.support.magnets import make_infohash, make_magnet

OWNER_TAG = "reconcile:home"


class StoppedInstance(MemoryInstance):
    """An instance on which the run is asked to stop as soon as an add has been sent.

    It lists added torrents only after `late_reads` further reads.
    """

    def __init__(self, version: str, late_reads: int = 0) -> None:
        super().__init__(version)
        self.has_stopped = False
        self.late_reads = late_reads
        self.sent: list[str] = []

    def add_magnets(self, magnets: Sequence[str], options: AddOptions) -> None:
        self.sent.append("add")
        super().add_magnets(magnets, options)
        self.has_stopped = True

    def add_tags(self, ids: Collection[str], tags: Collection[str]) -> None:
        self._check_stop()
        self.sent.append("tag")
        super().add_tags(ids, tags)

    def read_torrents(self, ids: Collection[str], *sift: Any) -> tuple[LiveTorrent, ...]:
        self._check_stop()
        self.late_reads -= 1
        return super().read_torrents(ids, *sift) if self.late_reads < 0 else ()

    @contextmanager
    def ignore_stop(self) -> Iterator[None]:
        before, self.has_stopped = self.has_stopped, False
        yield
        self.has_stopped = before

    def _check_stop(self) -> None:
        if self.has_stopped:
            raise StopRequested("the run was asked to stop")


def make_add(number: int, *more: Change) -> AddTorrent:
    """An add of a made-up magnet link that is owned by `home`."""
    changes = (Change("owner", None, "home"), *more)
    return AddTorrent(f"t{number}", "declared", changes, source=parse_magnet(make_magnet(number)))


def execute(box: MemoryInstance, *actions: AddTorrent, is_remembered: bool = True) -> tuple[ActionResult, ...]:
    """Execute the actions in no time and return their results."""
    executor = Executor(box, fake_retry_policy(effect_timeout=1.0), remember_adds=lambda ids: is_remembered)
    return executor.execute(InstancePlan("box", actions))[0]


@pytest.mark.parametrize("late_reads", [0, 3])
def test_a_stopped_run_still_tags_what_it_added(late_reads: int) -> None:
    box = StoppedInstance("4.2.5", late_reads)
    results = execute(box, *(make_add(number, Change("tags", None, ("iso",))) for number in range(3)))
    assert [torrent.tags for torrent in box.torrents.values()] == [{OWNER_TAG, "iso"}] * 3
    assert [result.outcome for result in results] == [Outcome.APPLIED] * 3
    assert (box.sent, box.has_stopped) == (["add", "tag"], True)


def test_a_stopped_run_sends_nothing_where_the_add_carries_the_tag() -> None:
    box = StoppedInstance("4.5.2")
    execute(box, make_add(1, Change("files", None, ("skip a",))))
    assert box.sent == ["add"]
    assert {tag for torrent in box.torrents.values() for tag in torrent.tags} == {OWNER_TAG}


@pytest.mark.parametrize(
    ("tag", "error"),
    [
        ("reconcile:ignore", "it was there already, with the tag reconcile:ignore"),
        ("reconcile:work", 'it was there already, and belongs to the owner "work"'),
    ],
)
@pytest.mark.parametrize(
    ("version", "instance_type"),
    [("4.2.5", MemoryInstance), ("4.2.5", StoppedInstance), ("5.3.0", MemoryInstance)],
)
def test_an_add_claims_no_torrent_that_is_marked_already(
    version: str, instance_type: type[MemoryInstance], tag: str, error: str
) -> None:
    box = instance_type(version)
    live = LiveTorrent(make_infohash(1), InfoHashes(make_infohash(1)), "t1", False, "pausedDL", tags=frozenset({tag}))
    box.torrents[live.id] = live
    (result,) = execute(box, make_add(1, Change("files", None, ("skip a",)), Change("tags", None, ("iso",))))
    assert (result.outcome, result.error) == (Outcome.DROPPED, error)
    assert box.torrents == {live.id: live}


def test_an_add_that_should_carry_its_tag_claims_no_torrent_without_it() -> None:
    box = MemoryInstance("5.3.0")
    live = LiveTorrent(make_infohash(1), InfoHashes(make_infohash(1)), "t1", False, "pausedDL")
    box.torrents[live.id] = live
    (result,) = execute(box, make_add(1, Change("files", None, ("skip a",))))
    assert (result.outcome, box.torrents) == (Outcome.DROPPED, {live.id: live})
    assert result.error == "it was there already, without our tag; the next run decides about it"


@pytest.mark.parametrize(
    ("is_remembered", "text"), [(True, "the next run finds it by the journal"), (False, "run again while it is")]
)
def test_an_add_that_is_not_listed_in_time_says_how_it_is_found_again(is_remembered: bool, text: str) -> None:
    (result,) = execute(StoppedInstance("4.2.5", late_reads=99), make_add(1), is_remembered=is_remembered)
    assert result.outcome is Outcome.FAILED
    assert text in str(result.error)


def test_an_instance_that_is_lost_during_the_tagging_ends_it() -> None:
    box = StoppedInstance("4.2.5")
    box.fail_next(9, UnreachableError("box: gone"), skip=1)
    (result,) = execute(box, make_add(1))
    assert "sent, but not read back" in str(result.error)


def test_adds_are_remembered_before_they_are_sent_and_only_without_a_tag() -> None:
    for version, remembered in (("4.2.5", [make_infohash(1), make_infohash(2)]), ("4.5.2", [])):
        box, seen = MemoryInstance(version), list[str]()

        def remember(ids: Collection[str], box: MemoryInstance = box, seen: list[str] = seen) -> bool:
            assert not box.torrents
            seen.extend(ids)
            return True

        executor = Executor(box, fake_retry_policy(effect_timeout=1.0), remember_adds=remember)
        executor.execute(InstancePlan("box", (make_add(1), make_add(2))))
        assert seen == remembered
