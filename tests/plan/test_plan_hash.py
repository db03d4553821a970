"""The plan hash: the parts of a plan that it covers, and the plans that it approves."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given

from reconciler.model.links import mask_url
from reconciler.model.plan import Action, DeleteTorrent, SettingAction, SetTorrent
from reconciler.plan import Plan, PlanInput, make_plan, plan_actions
from tests.support.planner_inputs import make_desired_state, make_snapshot
from tests.support.strategies import NOW, cases, make_world

REFUSED: dict[str, Any] = {
    "guard": {"max_delete": 0},
    "desired": [{"hash": "a", "category": "c"}],
    "live": [{"hash": "a", "tags": ["reconcile:home"]}, {"hash": "b", "tags": ["reconcile:home"]}],
    "categories": {"c": ""},
}


def _plan(case: dict[str, Any], accept: str | None = None) -> Plan:
    return make_plan(
        PlanInput(make_desired_state(case), {"box": make_snapshot(case["live"], case["categories"])}, accept=accept)
    )


def test_the_same_world_has_the_same_hash() -> None:
    assert _plan(REFUSED).hash == _plan(REFUSED).hash
    assert _plan(REFUSED).hash.startswith("sha256:")


@given(cases())
def test_the_hash_is_that_of_one_json_text_with_all_actions(case: dict[str, Any]) -> None:
    desired, live = make_world(case)
    plan = plan_actions(PlanInput(desired, {"box": live}, now=NOW, take_over=case["take_over"]))
    actions = [_describe(action) for action in plan.instances[0].actions]
    text = json.dumps([desired.owner, desired.policy, [["box", actions]]], separators=(",", ":"))
    assert plan.hash == f"sha256:{sha256(text.encode()).hexdigest()}"


def _describe(action: Action) -> list[Any]:
    changes = [[c.field, c.before, bool(c.after) if c.field == "quarantine" else c.after] for c in action.changes]
    urls = []
    if isinstance(action, SetTorrent):
        urls = [*sorted(action.added_urls.items()), *map(mask_url, action.removed_trackers)]
    deletes_files = isinstance(action, DeleteTorrent) and action.delete_files
    blast = action.blast if action.disruptive or isinstance(action, SettingAction) else None
    extent = [[blast.owned_ids, blast.foreign_ids, blast.shares_with]] if blast else []
    subject = action.infohash or action.name
    return [action.verb, action.kind, subject, action.torrent_id, changes, deletes_files, action.hold, urls, *extent]


@pytest.mark.parametrize("size", [1, 2, 3])
def test_the_hash_is_the_same_in_parts_of_any_size(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = _plan(REFUSED)
    monkeypatch.setattr("reconciler.plan.plan_hash._ACTIONS_PER_PART", size)
    assert len(whole.instances[0].actions) > 1
    assert _plan(REFUSED).hash == whole.hash


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"policy": "upsert"}, id="policy"),
        pytest.param({"delete_files": True}, id="data"),
        pytest.param({"desired": [{"hash": "a", "category": "d"}]}, id="a value"),
        pytest.param({"desired": [{"hash": "a", "category": "c"}, {"hash": "n"}]}, id="one more action"),
        pytest.param({"live": [*REFUSED["live"], {"hash": "x", "tags": ["reconcile:home"]}]}, id="the world"),
    ],
)
def test_any_other_plan_has_another_hash(other: dict[str, Any]) -> None:
    assert _plan(REFUSED | other).hash != _plan(REFUSED).hash


def test_the_hash_covers_the_instances() -> None:
    case = REFUSED | {"instances": ["box", "two"], "live": [], "desired": []}
    desired, empty = make_desired_state(case), make_snapshot([])
    assert (
        make_plan(PlanInput(desired, {"box": empty})).hash
        != make_plan(PlanInput(desired, {"box": empty, "two": empty})).hash
    )


def test_the_hash_covers_the_torrents_that_a_setting_alters() -> None:
    follower = {"category": "c", "auto_tmm": True}
    case = REFUSED | {"declared_categories": {"c": "/new"}, "live": [{"hash": "x", **follower}]}
    other = case | {"live": [{"hash": "y", **follower}]}
    assert _plan(case, accept=_plan(case).hash).instances[0].verdict.refused is False
    assert _plan(other, accept=_plan(case).hash).instances[0].verdict.refused is True


def test_the_accepted_hash_lets_that_plan_pass() -> None:
    digest = _plan(REFUSED).hash
    verdict = _plan(REFUSED, accept=digest).instances[0].verdict
    assert not verdict.refused
    assert verdict.reasons == ("1 deletion is more than max_delete 0; accepted by its hash",)


def test_the_hash_may_stand_in_the_desired_state() -> None:
    desired = replace(make_desired_state(REFUSED), accept_plan=_plan(REFUSED).hash)
    plan = make_plan(PlanInput(desired, {"box": make_snapshot(REFUSED["live"], REFUSED["categories"])}))
    assert not plan.instances[0].verdict.refused


def test_another_hash_lets_nothing_pass_and_is_named() -> None:
    verdict = _plan(REFUSED, accept="sha256:" + "0" * 64).instances[0].verdict
    assert verdict.refused
    assert "hash" in verdict.reasons[-1]


def test_a_stale_hash_does_no_harm_to_a_plan_that_passes() -> None:
    case = REFUSED | {"guard": {}}
    assert _plan(case, accept="sha256:" + "0" * 64).instances[0].verdict.reasons == ()
