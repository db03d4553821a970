"""The plan of one instance is executed in a safe order, and every action gets an outcome."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from reconciler.apply.executor import Executor
from reconciler.model.errors import InternalError, StopRequested, UnreachableError
from reconciler.model.plan import (
    Action,
    AddCategory,
    AddTorrent,
    Change,
    DeleteCategory,
    DeleteTorrent,
    InstancePlan,
    Outcome,
    SetPreference,
    UpdateTorrent,
)
from reconciler.model.preferences import PreferenceValue
from reconciler.model.snapshot import LiveTorrent
from reconciler.testing.memory import MemoryInstance
from tests.support.fake_retry import fake_retry_policy
from tests.support.planner_inputs import make_live_torrent, make_torrent_file

Results = dict[str, tuple[Outcome, str | None]]


class Box(MemoryInstance):
    """An instance that records the kinds of its changes in their order."""

    def __init__(self, version: str = "5.1.0") -> None:
        super().__init__(version)
        self.changes: list[str] = []

    def put(self, **row: object) -> LiveTorrent:
        torrent = make_live_torrent(row)
        self.torrents[torrent.id] = torrent
        return torrent

    def stop_torrents(self, ids: Collection[str]) -> None:
        self.changes.append("stop")
        super().stop_torrents(ids)

    def set_preferences(self, values: object) -> None:
        self.changes.append("preferences")
        super().set_preferences(values)  # type: ignore[arg-type]

    def create_category(self, *arguments: object) -> None:
        self.changes.append("category")
        super().create_category(*arguments)  # type: ignore[arg-type]

    def add_torrent_files(self, *arguments: object) -> None:
        self.changes.append("add")
        super().add_torrent_files(*arguments)  # type: ignore[arg-type]

    def delete_torrents(self, ids: Collection[str], delete_files: bool) -> None:
        self.changes.append("delete")
        super().delete_torrents(ids, delete_files)

    def remove_categories(self, names: Collection[str]) -> None:
        self.changes.append("remove category")
        super().remove_categories(names)


def execute(box: MemoryInstance, *actions: Action) -> Results:
    """Execute the actions and return their outcomes by name; no error may lose the instance."""
    results, lost = Executor(box, fake_retry_policy(effect_timeout=1.0)).execute(InstancePlan("box", actions))
    assert lost is None
    return {result.action.name: (result.outcome, result.error) for result in results}


def make_add(category: str | None = None, **values: object) -> AddTorrent:
    """An add of a .torrent file."""
    changes = (Change("category", None, category),) if category else ()
    return AddTorrent("film", "declared", changes, source=make_torrent_file("7:v1"), **values)  # type: ignore[arg-type]


def make_delete(live: LiveTorrent, **values: object) -> DeleteTorrent:
    """A deletion of a torrent of ours."""
    owner = (Change("owner", "home", None),)
    return DeleteTorrent(live.name, "not declared", owner, torrent_id=live.id, **values)  # type: ignore[arg-type]


def test_stops_come_first_and_deletions_last() -> None:
    box = Box()
    stopped, deleted = box.put(hash="a"), box.put(hash="b", tags=["reconcile:home"])
    box.create_category("old", "")
    box.changes.clear()
    results = execute(
        box,
        DeleteCategory("old", "not declared"),
        make_delete(deleted),
        make_add("films"),
        AddCategory("films", "declared"),
        SetPreference("max_active_downloads", "drift", value=5),
        UpdateTorrent("a", "stop", (Change("paused", False, True),), torrent_id=stopped.id, urgent=True),
    )
    assert {outcome for outcome, _ in results.values()} == {Outcome.APPLIED}
    assert box.changes == ["stop", "preferences", "category", "add", "delete", "remove category"]
    assert [torrent.category for torrent in box.torrents.values()] == ["", "films"]


def test_a_held_action_keeps_its_hold_and_is_not_executed() -> None:
    box = Box()
    assert execute(box, make_add(hold=Outcome.BLOCKED)) == {"film": (Outcome.BLOCKED, None)}
    assert (box.changes, box.torrents) == ([], {})


def test_no_torrent_is_added_without_its_category() -> None:
    box = Box()
    results = execute(box, AddCategory("a//b", "declared"), make_add("a//b"))
    assert results["a//b"][0] is Outcome.FAILED
    assert results["film"] == (Outcome.DROPPED, "its category a//b could not be made")
    assert box.torrents == {}


def test_a_change_of_a_torrent_that_is_gone_fails() -> None:
    change = Change("paused", False, True)
    results = execute(Box(), UpdateTorrent("a", "drift", (change,), torrent_id="f" * 40))
    outcome, error = results["a"]
    assert outcome is Outcome.FAILED
    assert error is not None and error.startswith("accepted, but it does not appear on the instance")


def test_a_toggle_that_another_program_sends_at_the_same_moment_is_corrected() -> None:
    class SharedBox(Box):
        def toggle_option(self, ids: Collection[str], field: str) -> None:
            self.changes.append(field)
            super().toggle_option(ids, field)
            if self.changes == [field]:
                super().toggle_option(ids, field)  # by the other, which has read the same state

    box = SharedBox()
    live = box.put(hash="a")
    update = UpdateTorrent("a", "drift", (Change("sequential", False, True),), torrent_id=live.id)
    results, _ = Executor(box, fake_retry_policy()).execute(InstancePlan("box", (update,)))
    assert [result.outcome for result in results] == [Outcome.APPLIED]
    assert box.torrents[live.id].options.sequential
    assert box.changes == ["sequential", "sequential"]


@pytest.mark.parametrize(("version", "outcome"), [("4.2.5", Outcome.DEFERRED), ("4.5.2", Outcome.FAILED)])
def test_an_old_server_that_does_not_show_a_toggle_is_not_waited_for(version: str, outcome: Outcome) -> None:
    class HidingBox(Box):
        def toggle_option(self, ids: Collection[str], field: str) -> None:
            self.changes.append(field)

    box = HidingBox(version)
    live = box.put(hash="a")
    change = Change("first_last_piece_first", False, True)
    (result,), _ = Executor(box, fake_retry_policy()).execute(
        InstancePlan("box", (UpdateTorrent("a", "drift", (change,), torrent_id=live.id),))
    )
    assert result.outcome is outcome
    assert "show" in (result.error or "")


@pytest.mark.parametrize(
    ("tags", "outcome", "error"),
    [
        (["reconcile:home"], Outcome.APPLIED, None),
        (
            ["reconcile:home", "reconcile:protect"],
            Outcome.DROPPED,
            "it has been given the tag reconcile:protect since it was planned",
        ),
        (
            ["reconcile:home", "reconcile:ignore"],
            Outcome.DROPPED,
            "it has been given the tag reconcile:ignore since it was planned",
        ),
        (["reconcile:other"], Outcome.DROPPED, "it has lost our tag since it was planned"),
    ],
)
def test_only_what_is_still_ours_is_deleted(tags: list[str], outcome: Outcome, error: str | None) -> None:
    box = Box()
    live = box.put(hash="a", tags=tags)
    assert execute(box, make_delete(live)) == {"a": (outcome, error)}
    assert (live.id in box.torrents) is (outcome is Outcome.DROPPED)


def test_data_that_another_torrent_uses_is_not_deleted() -> None:
    box = Box()
    row = {"tags": ["reconcile:home"], "is": "whole", "files": ["normal x.mkv"], "content_path": "/downloads/x.mkv"}
    live, other = box.put(hash="a", **row), box.put(hash="b", **row)
    assert execute(box, make_delete(live, delete_files=True)) == {
        "a": (Outcome.DROPPED, f"{other.id[:10]} may have files in its data since it was planned")
    }
    assert live.id in box.torrents


def test_a_torrent_that_is_gone_already_counts_as_deleted() -> None:
    box = Box()
    live = make_live_torrent({"hash": "a"})
    assert execute(box, make_delete(live)) == {"a": (Outcome.APPLIED, None)}
    assert box.changes == []


def test_a_lost_instance_drops_what_was_not_sent() -> None:
    box = Box()
    error = UnreachableError("connection refused")
    box.fail_next(100, error)
    results, lost = Executor(box, fake_retry_policy()).execute(InstancePlan("box", (make_add(),)))
    assert lost is error
    assert (results[0].outcome, results[0].error) == (
        Outcome.DROPPED,
        "the instance was lost: connection refused",
    )


def test_what_was_sent_and_not_read_back_has_failed() -> None:
    box = Box()
    box.fail_next(100, UnreachableError("connection refused"), skip=1)
    results, _ = Executor(box, fake_retry_policy()).execute(InstancePlan("box", (make_add(),)))
    assert (results[0].outcome, results[0].error) == (
        Outcome.FAILED,
        "sent, but not read back: the instance was lost: connection refused",
    )


def test_a_stop_and_a_bug_drop_the_actions() -> None:
    class Broken(Box):
        error: Exception = StopRequested("stop")

        def read_preferences(self) -> dict[str, PreferenceValue]:
            raise self.error

    box = Broken()
    plan = InstancePlan("box", (SetPreference("max_active_downloads", "drift", value=5), make_add()))
    results, lost = Executor(box, fake_retry_policy()).execute(plan)
    assert lost is None
    assert [(result.outcome, result.error) for result in results] == [(Outcome.DROPPED, "the run was stopped")] * 2
    box.error = KeyError("a bug")
    results, lost = Executor(box, fake_retry_policy()).execute(plan)
    assert isinstance(lost, InternalError)
    assert [(result.outcome, result.error) for result in results] == [(Outcome.DROPPED, str(lost))] * 2


def test_progress_counts_every_torrent_action_once() -> None:
    box = Box()
    live = box.put(hash="a", tags=["reconcile:home"])
    counts: list[int] = []
    Executor(box, fake_retry_policy(), counts.append).execute(InstancePlan("box", (make_add(), make_delete(live))))
    assert sum(counts) == 2
