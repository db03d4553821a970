"""An add finds the data that another member has. Deletions and moves are in the cases of `placement`."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.plan import PlanInput, make_plan
from reconciler.plan.assignment import Assignment, Disposition
from reconciler.plan.match import Match
from reconciler.plan.shared_data import add_where_data_is
from tests.support.planner_inputs import (
    OWNER_TAG,
    make_desired_state,
    make_desired_torrent,
    make_live_torrent,
    make_snapshot,
    render_plan_lines,
)

PATH = "/nas/films"


@pytest.mark.parametrize(
    ("row", "categories", "path"),
    [
        ({}, {}, PATH),
        ({"save_path": "/own"}, {}, "/own"),
        ({"auto_tmm": True}, {}, None),
        ({"category": "films"}, {}, PATH),
        ({"category": "films"}, {"films": "/nas/films/"}, None),
        ({"category": "films"}, {"films": "/other"}, PATH),
    ],
)
def test_the_path_of_an_add(row: dict[str, Any], categories: dict[str, str], path: str | None) -> None:
    entry = make_desired_torrent({"hash": "x", **row}, 1)
    match = Match(entry).assign(Assignment("a", Disposition.WANTED, "moves here", save_path=PATH))
    assert add_where_data_is(match, {}, make_snapshot([], categories)).entry.save_path == path


def test_a_torrent_that_is_there_stays_where_it_is() -> None:
    entry = make_desired_torrent({"hash": "x"}, 1)
    match = Match(entry, (make_live_torrent({"hash": "x"}),))
    match = match.assign(Assignment("a", Disposition.WANTED, "it is here", save_path=PATH))
    assert add_where_data_is(match, {}, make_snapshot([])) is match


@pytest.mark.parametrize(("name", "line"), [("a", "delete x"), ("b", "delete x +files (deferred)")])
def test_the_last_one_deletes_the_data_also_if_another_process_changes_the_others(name: str, line: str) -> None:
    rows = [{"hash": "x", "instance": instance, "state": "absent"} for instance in "ab"]
    case = {"desired": rows, "instances": ["a", "b"], "data": dict.fromkeys("ab", "nas"), "delete_files": True}
    live = {instance: make_snapshot([{"hash": "x", "is": "whole", "tags": [OWNER_TAG]}]) for instance in "ab"}
    (plan,) = make_plan(PlanInput(make_desired_state(case), live, only={name})).instances
    assert (plan.name, render_plan_lines(plan)) == (name, [line])
