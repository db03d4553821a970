"""Placement against tables of cases: a group, its members' torrents and outages lead to plans and pending torrents.

A case has `group` (as in the YAML), `live` (rows by instance; an instance without rows was not read), `down` (seconds
of outage by instance), `held` (torrents that an unread instance is known to have), `paths` (where it had them), `data`
(the files that instances share), `categories` (by instance), `free` (bytes) and `versions`. `plan` and `spared` are by
instance. `drains` is what is left on drained members.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from reconciler.model.desired import DesiredState
from reconciler.model.groups import DrainProgress, Outage, PlacementFacts
from reconciler.model.plan import TorrentAction
from reconciler.plan import Plan, PlanInput, make_plan
from tests.support.planner_inputs import OWNER_TAG, make_desired_state, make_snapshot, parse_hashes, render_plan_lines

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
CASES = [
    pytest.param(case, id=f"{path.stem}: {case['case']}")
    for path in sorted(Path(__file__).parent.glob("cases/*.yaml"))
    for case in YAML(typ="safe").load(path.read_text())
]


def planned(case: dict[str, Any]) -> Plan:
    """The plan of a case."""
    desired = _desired(case)
    versions, categories = case.get("versions", {}), case.get("categories", {})
    live = {
        name: make_snapshot(
            [{"tags": [OWNER_TAG], **row} for row in rows], categories.get(name), version=versions.get(name, "5.1.0")
        )
        for name, rows in case.get("live", {}).items()
    }
    down = {name: Outage(NOW - timedelta(seconds=ago), "it broke") for name, ago in case.get("down", {}).items()}
    held = {
        name: frozenset(i for x in what for i in parse_hashes(x).ids) for name, what in case.get("held", {}).items()
    }
    paths = {
        name: {i: path for x, path in rows.items() for i in parse_hashes(x).ids}
        for name, rows in case.get("paths", {}).items()
    }
    return make_plan(
        PlanInput(
            desired,
            live,
            facts=PlacementFacts(down, held, free_space=case.get("free", {}), held_paths=paths),
            now=NOW,
            take_over=case.get("take_over", False),
        )
    )


def _desired(case: dict[str, Any]) -> DesiredState:
    groups = case.get("groups") or {"g": case["group"]}
    members = [m if isinstance(m, str) else m["name"] for group in groups.values() for m in group["members"]]
    names = [*dict.fromkeys([*members, *case.get("live", {}), *case.get("instances", [])])]
    entries = [{"instance": "g", **row} for row in case.get("desired", [{"hash": "x"}])]
    desired = make_desired_state({**case, "groups": groups, "instances": names, "desired": entries})
    asleep = {name: replace(desired.instances[name], suspend=True) for name in case.get("suspended", [])}
    return replace(desired, instances={**desired.instances, **asleep})


def _render_drain(drain: DrainProgress) -> str:
    if drain.left is None:
        return f"{drain.instance} of {drain.group}: not read"
    reasons = "; ".join(reason for reason, _ in drain.waiting)
    waiting = sum(count for _, count in drain.waiting)
    parts = [f"{drain.left} left"]
    parts += [f"{drain.moving} moving"] * bool(drain.moving) + [f"{waiting} waiting ({reasons})"] * bool(waiting)
    parts += [f"{drain.unknown} unknown"] * bool(drain.unknown)
    return f"{drain.instance} of {drain.group}: {'empty' if drain.is_empty else ', '.join(parts)}"


@pytest.mark.parametrize("case", CASES)
def test_placement(case: dict[str, Any]) -> None:
    plan = planned(case)
    assert {
        instance_plan.name: render_plan_lines(instance_plan)
        for instance_plan in plan.instances
        if instance_plan.actions
    } == case.get("plan", {})
    spared = {
        instance_plan.name: [torrent.reason for torrent in instance_plan.spared]
        for instance_plan in plan.instances
        if instance_plan.spared
    }
    assert spared == case.get("spared", {})
    assert len(plan.pending) == len(case.get("pending", [])), plan.pending
    for torrent, pattern in zip(plan.pending, case.get("pending", []), strict=True):
        assert re.fullmatch(pattern, torrent.reason), torrent.reason
    if "why" in case:
        assert [
            action.placement.reason
            for instance_plan in plan.instances
            for action in instance_plan.actions
            if isinstance(action, TorrentAction) and action.placement
        ] == case["why"]
    if "reasons" in case:
        assert [action.reason for instance_plan in plan.instances for action in instance_plan.actions] == case[
            "reasons"
        ]
    if "until" in case:
        assert plan.valid_until == NOW + timedelta(seconds=case["until"])
    if "drains" in case:
        assert list(map(_render_drain, plan.drains)) == case["drains"]
    assert not any(instance_plan.verdict.refused for instance_plan in plan.instances)


def test_there_are_cases() -> None:
    assert len(CASES) > 50
