"""The groups, and where their torrents are."""

from __future__ import annotations

from dataclasses import replace

from reconciler.model.desired import DesiredState, DesiredTorrent, Instance, Policy
from reconciler.model.groups import DrainProgress, Group, Member, PendingTorrent, Strategy
from reconciler.model.infohash import InfoHashes
from reconciler.model.live_state import LiveInstance, LiveState
from reconciler.model.plan import Outcome, Verb
from reconciler.model.position import Position
from reconciler.model.run import ActionResult, Run, RunMode
from reconciler.model.snapshot import LiveTorrent, Snapshot
from reconciler.web.pages.groups import MemberCount, build_group_rows
from tests.support.example_runs import PLAN_HASH, make_infohash, make_instance_result, make_torrent_action
from tests.support.status_site import NOON, make_finished_run

PLACE = Position("desired.yaml", 1, 1)
GROUP = Group("wide", PLACE, Strategy.SPREAD, (Member("home", max_torrents=500), Member("attic"), Member("away")))
DESIRED = DesiredState(
    Policy.SYNC,
    {name: Instance(name, PLACE, f"http://{name}") for name in ("home", "attic", "away")},
    tuple(DesiredTorrent(PLACE, InfoHashes(v1=make_infohash(n)), None, "wide") for n in range(4)),
    groups={"wide": GROUP},
)


def test_where_torrents_are_after_a_run() -> None:
    live = tuple(LiveTorrent(f"{n:040x}", InfoHashes(v1=make_infohash(n)), "", False, "") for n in range(3))
    instances = (
        LiveInstance("home", snapshot=Snapshot("v5.1.0", "2.11.4", live)),
        LiveInstance("attic", snapshot=Snapshot("v5.1.0", "2.11.4")),
        LiveInstance("away", error="away: refused"),
    )
    moved = ActionResult(make_torrent_action(Verb.ADD, "a", "", number=3), Outcome.APPLIED)
    gone = ActionResult(make_torrent_action(Verb.DELETE, "c", "", number=0), Outcome.APPLIED)
    planned = ActionResult(make_torrent_action(Verb.ADD, "b", "", number=2), Outcome.PLANNED)
    pending = (PendingTorrent(make_infohash(9), "c", "wide", "nowhere", PLACE),)
    drains = (DrainProgress("attic", "wide", 2, 1, (("it is full", 1),)), DrainProgress("away", "wide", None))
    run = Run(
        RunMode.APPLY,
        PLAN_HASH,
        0,
        (
            make_instance_result("attic", (moved, planned)),
            make_instance_result("home", (gone,)),
        ),
        pending=pending,
        drains=drains,
    )
    finished = replace(make_finished_run(run), live_state=LiveState(NOON, "home", instances))
    (row,) = build_group_rows(finished, DESIRED)
    assert (row.name, row.strategy, row.declared, row.pending) == ("wide", "spread", 4, 1)
    assert row.members == (
        MemberCount("home", 2, "at most 500"),
        MemberCount("attic", 1, "drained, 2 left: 1 moving, 1 waiting"),
        MemberCount("away", None, "drained; what is left there is not known"),
    )


def test_without_groups_nothing_is_counted() -> None:
    assert build_group_rows(make_finished_run(Run(RunMode.APPLY, PLAN_HASH, 0)), replace(DESIRED, groups={})) == ()
