"""The copies on other instances that torrents without metadata can get it from."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from reconciler.model.plan import (
    AddTorrent,
    DeleteTorrent,
    InstancePlan,
    Outcome,
    SetTorrent,
    TorrentAction,
    UpdateTorrent,
)
from reconciler.model.snapshot import Snapshot
from reconciler.model.torrent_file import TorrentFile, TorrentFileError
from reconciler.plan import PlanInput, make_plan
from reconciler.plan.metadata import MetadataHolders
from reconciler.plan.plan import Plan
from reconciler.plan.projection import project_plan
from tests.support.planner_inputs import (
    OWNER_TAG,
    make_desired_state,
    make_desired_torrent,
    make_live_torrent,
    make_snapshot,
)

WHOLE = {"hash": "a", "is": "whole", "has_metadata": True, "tags": [OWNER_TAG]}
WAITING = {"hash": "a", "state": "metaDL", "tags": [OWNER_TAG]}
INSTANCES = ["x", "y"]
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


def make_snapshots(
    x: list[dict[str, Any]], y: list[dict[str, Any]], *, x_version: str = "5.1.0", y_version: str = "5.1.0"
) -> dict[str, Snapshot]:
    """Snapshots of the instances `x` and `y` with these torrents."""
    return {"x": make_snapshot(x, version=x_version), "y": make_snapshot(y, version=y_version)}


def plan_world(snapshots: dict[str, Snapshot], *torrents: dict[str, Any], **desired: Any) -> Plan:
    """Plan two instances that declare these torrents."""
    world = {"instances": INSTANCES, "desired": list(torrents), **desired}
    return make_plan(PlanInput(make_desired_state(world), snapshots, now=NOW))


def list_actions(plan: Plan, name: str) -> list[TorrentAction]:
    """The torrent actions on one instance."""
    return [
        action
        for instance_plan in plan.instances
        if instance_plan.name == name
        for action in instance_plan.actions
        if isinstance(action, TorrentAction)
    ]


@pytest.mark.parametrize("source", ["magnet", "infohash"])
def test_a_torrent_is_added_by_the_file_of_the_instance_that_has_it(source: str) -> None:
    plan = plan_world(make_snapshots([WHOLE], []), {"hash": "a", "instance": "y", "source": source})
    (action,) = list_actions(plan, "y")
    assert isinstance(action, AddTorrent) and action.hold is None
    assert action.get_new_value("metadata") == "x"
    assert action.reason == "not on the instance; its metadata comes from x"
    assert action.metadata_from and action.metadata_from.torrent_id == make_live_torrent(WHOLE).id
    fallback = action.metadata_from.fallback
    assert (fallback is not None) == (source == "magnet"), "an infohash alone cannot be added"
    if fallback:
        assert (fallback.reason, fallback.get_new_value("metadata")) == ("not on the instance", None)
    assert isinstance(action.source, TorrentFile)
    with pytest.raises(TorrentFileError, match="it is read from another instance"):
        action.source.read_bytes()


def test_the_plan_hash_names_the_source() -> None:
    entry = {"hash": "a", "instance": "y"}
    hashes = {plan_world(make_snapshots(x, []), entry).hash for x in ([], [WHOLE])}
    assert len(hashes) == 2


@pytest.mark.parametrize(
    ("held", "declared", "versions"),
    [
        (WHOLE | {"has_metadata": False}, {}, {}),
        (WHOLE | {"tags": ["reconcile:amy"]}, {}, {}),
        (WHOLE | {"tags": [OWNER_TAG, "reconcile:ignore"]}, {}, {}),
        (WHOLE, {}, {"x_version": "4.2.5"}),
        (WHOLE | {"hash": "7:v1"}, {"hash": "7:v1", "source": "torrent"}, {}),
    ],
)
def test_no_metadata_is_handed_over(held: dict[str, Any], declared: dict[str, Any], versions: dict[str, Any]) -> None:
    """The other instance has none, the torrent is not to be touched, it cannot export it, or there is no need."""
    plan = plan_world(make_snapshots([held], [], **versions), {"hash": "a", "instance": "y", **declared})
    (action,) = list_actions(plan, "y")
    assert isinstance(action, AddTorrent) and action.metadata_from is None


def test_priorities_of_files_are_set_with_the_add() -> None:
    """The files are known then, so the torrent neither starts without priorities nor has to stop for its metadata."""
    files = {"files": [{"match": "*", "priority": "skip"}], "paused": True}
    (action,) = list_actions(plan_world(make_snapshots([WHOLE], []), {"hash": "a", "instance": "y", **files}), "y")
    assert isinstance(action, AddTorrent) and action.file_rules
    assert action.get_new_value("stop_condition") is None
    assert action.metadata_from and action.metadata_from.fallback
    assert action.metadata_from.fallback.get_new_value("stop_condition") == "metadata-received"


@pytest.mark.parametrize(
    ("live", "declared", "desired", "version", "is_given"),
    [
        ({}, {}, {}, "4.5.2", True),
        ({}, {}, {}, "5.3.0", True),
        ({}, {}, {}, "4.2.5", False),
        ({"stopped": True, "state": "stoppedDL"}, {"paused": True}, {}, "5.1.0", False),
        ({}, {"paused": True, "files": [{"match": "*", "priority": "skip"}]}, {}, "5.1.0", True),
        ({"tags": []}, {}, {}, "5.1.0", False),
        ({}, {}, {"policy": "create-only"}, "5.1.0", False),
        ({"has_metadata": True}, {}, {}, "5.1.0", False),
    ],
)
def test_a_torrent_that_fetches_its_metadata_gets_it(
    live: dict[str, Any], declared: dict[str, Any], desired: dict[str, Any], version: str, *, is_given: bool
) -> None:
    snapshots = make_snapshots([WHOLE], [WAITING | live], y_version=version)
    plan = plan_world(snapshots, {"hash": "a", "instance": "y", **declared}, **desired)
    updates = [action for action in list_actions(plan, "y") if isinstance(action, SetTorrent) and action.metadata_from]
    assert [action.get_new_value("metadata") for action in updates] == ["x"] * is_given
    assert all(isinstance(action, UpdateTorrent) and len(action.changes) == 1 for action in updates)


def test_a_complete_copy_is_preferred_and_then_the_first_name() -> None:
    half = WHOLE | {"is": "half"}
    entry = make_desired_torrent({"hash": "a"}, 1)
    for torrents, expected in (({"p": half, "q": WHOLE}, "q"), ({"q": WHOLE, "p": WHOLE}, "p")):
        snapshots = {name: make_snapshot([row]) for name, row in torrents.items()} | {"box": make_snapshot([])}
        source = MetadataHolders("home", snapshots).find_source(entry, "box")
        assert source and source.instance == expected


def test_members_of_a_group_can_have_what_only_an_infohash_declares() -> None:
    group = {"groups": {"g": {"strategy": "replicate", "members": INSTANCES}}}
    entry = {"hash": "a", "instance": "g", "source": "infohash"}
    plan = plan_world(make_snapshots([WHOLE], []), entry, **group)
    (action,) = list_actions(plan, "y")
    assert (action.hold, action.get_new_value("metadata"), plan.pending) == (None, "x", ())
    (pending,) = plan_world(make_snapshots([WHOLE], [], x_version="4.2.5"), entry, **group).pending
    assert "an infohash alone cannot be added" in pending.reason


def test_a_plan_that_is_carried_out_leaves_nothing_to_do() -> None:
    snapshots = make_snapshots([WHOLE, WHOLE | {"hash": "b"}], [WAITING])
    entries = [{"hash": name, "instance": instance} for name in "ab" for instance in INSTANCES]
    plan = plan_world(snapshots, *entries)
    assert [type(action) for action in list_actions(plan, "y")] == [AddTorrent, UpdateTorrent]
    after = {p.name: project_plan(p, snapshots[p.name]) for p in plan.instances}
    assert all(live.has_metadata for live in after["y"].torrents)
    assert not list_actions(plan_world(after, *entries), "y")


def test_no_copy_is_deleted_because_another_gets_metadata() -> None:
    group = {"groups": {"g": {"strategy": "failover", "members": INSTANCES}}}
    plan = plan_world(make_snapshots([WHOLE], [WAITING]), {"hash": "a", "instance": "g"}, **group)
    plans: list[InstancePlan] = list(plan.instances)
    deleted = [action for p in plans for action in p.actions if isinstance(action, DeleteTorrent)]
    assert [action.torrent_id for action in deleted] == [make_live_torrent(WAITING).id], "x has it, complete"


@pytest.mark.parametrize(
    ("held", "versions", "expected"),
    [
        ([], {}, "no peer has sent it, and no other instance has it"),
        ([WHOLE], {"x_version": "4.2.5"}, "no peer has sent it, and x has it, but qBittorrent v4.2.5 cannot export it"),
        ([WHOLE], {"y_version": "4.2.5"}, "x has it, but qBittorrent v4.2.5 takes none for a torrent that is there"),
        ([WHOLE], {}, "no peer has sent it; x has it"),
    ],
)
def test_the_lack_of_metadata_is_explained(held: list[dict[str, Any]], versions: dict[str, str], expected: str) -> None:
    holders = MetadataHolders("home", make_snapshots(held, [WAITING], **versions))
    assert holders.explain_lack(make_desired_torrent({"hash": "a"}, 1), "y").startswith(expected)


def test_a_hold_is_no_hand_over() -> None:
    """A torrent that an instance refuses for another reason stays blocked."""
    snapshots = make_snapshots([WHOLE | {"hash": "a2"}], [], y_version="4.2.5")
    (action,) = list_actions(plan_world(snapshots, {"hash": "a2", "instance": "y"}), "y")
    assert action.hold is Outcome.BLOCKED
    assert action.reason.startswith("unsupported")


@pytest.mark.parametrize(
    ("live", "is_sent"),
    [
        ({}, True),
        ({"added_on": int(NOW.timestamp()) - 600}, False),
        ({"added_on": 0}, False),
        ({"state": "downloading"}, False),
        ({"progress": 0.1}, False),
        ({"stopped": True, "state": "stoppedDL"}, False),
        ({"tags": []}, False),
    ],
)
def test_a_peer_is_sent_again_while_nothing_of_a_new_torrent_arrives(live: dict[str, Any], *, is_sent: bool) -> None:
    new = {"has_metadata": True, "size": 100, "added_on": int(NOW.timestamp()) - 599}
    row = WAITING | new | {"state": "stalledDL"} | live
    plan = plan_world(make_snapshots([WHOLE], [row]), {"hash": "a", "instance": "y"})
    sent = [action.get_new_value("peer") for action in list_actions(plan, "y") if isinstance(action, UpdateTorrent)]
    assert sent == ["x"] * is_sent
