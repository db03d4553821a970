"""The planner against tables of cases: live + desired + policy → plan."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from reconciler.model.snapshot import Snapshot
from reconciler.model.torrent_file import TorrentFileError
from reconciler.plan import PlanInput, make_plan
from tests.support.planner_inputs import (
    make_creator_task,
    make_desired_state,
    make_health_by_instance,
    make_snapshot,
    make_torrent_file,
    make_v1_hash,
    render_plan_lines,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
CASES = [
    pytest.param(case, id=f"{path.stem}: {case['case']}")
    for path in sorted(Path(__file__).parent.glob("cases/*.yaml"))
    for case in YAML(typ="safe").load(path.read_text())
]


@pytest.mark.parametrize("case", CASES)
def test_plan(case: dict[str, Any]) -> None:
    desired = make_desired_state(case)
    live = make_snapshot(
        case.get("live", []), case.get("categories"), case.get("preferences"), case.get("version", "5.1.0")
    )
    live = replace(live, creator_tasks=tuple(map(make_creator_task, case.get("tasks", []))))
    plan_input = PlanInput(
        desired,
        {"box": live, **beside(case)},
        take_over=case.get("take_over", False),
        now=NOW,
        only={"box"},
        health=make_health_by_instance(case),
        untagged_ids={"box": frozenset(map(make_v1_hash, case.get("untagged", "")))},
    )
    plan = make_plan(plan_input).instances[0]

    assert render_plan_lines(plan) == case.get("plan", [])
    assert [f"{spared.name}: {spared.reason}" for spared in plan.spared] == case.get("spared", [])
    assert list(plan.verdict.reasons) == case.get("refused", [])
    assert plan.verdict.refused == bool(case.get("refused"))
    for action, reason in zip(plan.actions, case.get("reasons", []), strict="reasons" in case):
        assert action.reason == reason
    if "unchanged" in case:
        assert plan.unchanged == case["unchanged"]


def beside(case: dict[str, Any]) -> dict[str, Snapshot]:
    """Return the instance `other` if it was read, with its exported .torrent files (or `null`) and its address."""
    if "other" not in case:
        return {}
    live = make_snapshot(case["other"])
    given = case.get("exports", {})
    files = {
        torrent.id: make_torrent_file(given[row["hash"]]) if given[row["hash"]] else TorrentFileError("no answer")
        for row, torrent in zip(case["other"], live.torrents, strict=True)
        if row["hash"] in given
    }
    return {"other": replace(live, exported_files=files, peer_addresses=dict.fromkeys(files, case.get("peer", "")))}


def test_there_are_cases() -> None:
    assert len(CASES) > 50
