"""Plans are judged by the leases on their instances, and the marks are corrected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reconciler.model.desired import DEFAULT_OWNER, DesiredState
from reconciler.model.lease import Holder, LeaseHold, LeaseMark, LeaseTags
from reconciler.model.plan import InstancePlan, Outcome
from reconciler.model.snapshot import Snapshot
from reconciler.plan import Plan, PlanInput, make_plan
from reconciler.plan.leases import (
    LeaseClaim,
    correct_marks,
    find_rivals,
    find_shared_holds,
    find_shared_servers,
    has_work,
    list_dead_tags,
    list_named_instances,
    list_other_marks,
    refuse_marked,
    refuse_shared_servers,
    wait_for_rival,
)
from tests.support.planner_inputs import make_desired_state, make_live_torrent

NOW = datetime(2026, 11, 28, 22, 0, tzinfo=UTC)
US, OTHER = "11111111", "22222222"
US_CLAIM = LeaseClaim("home", US, frozenset({"lan", "public"}))


def make_desired(owner: str = "home", **case: Any) -> DesiredState:
    """A desired state with this owner, for the instances lan and public."""
    case = {"instances": ["lan", "public"], "guard": {"max_delete_percent": 100}, **case}
    return replace(make_desired_state(case), owner=owner, state_id=US)


def mark(instance: str, state_id: str = US, owner: str = "home", minutes: int = 0) -> LeaseMark:
    """A mark, made some minutes after `NOW`."""
    return LeaseMark(owner, instance, state_id, NOW + timedelta(minutes=minutes))


def hold(instance: str, nonce: str, owner: str = "home") -> LeaseHold:
    """A hold of a process."""
    return LeaseHold(mark(instance, owner=owner), Holder("host", "m", "1.2", nonce))


def marks(*items: LeaseMark) -> LeaseTags:
    return LeaseTags(frozenset(items))


def plan_deletion(desired: DesiredState, **values: Any) -> tuple[Plan, LeaseClaim]:
    """The plan that deletes a torrent on lan and has nothing to do on public."""
    live = make_live_torrent({"hash": "a", "tags": [f"reconcile:{desired.owner}"]})
    keep = make_live_torrent({"hash": "k", "tags": [f"reconcile:{desired.owner}"]})
    snapshots = {"lan": Snapshot("v5.1.0", "2.11.4", (live, keep)), "public": Snapshot("v5.1.0", "2.11.4")}
    plan_input = PlanInput(desired, snapshots, now=NOW, **values)
    plan = make_plan(plan_input)
    names = frozenset(desired.instances)
    return plan, LeaseClaim(desired.owner, US, names, plan.hash, plan_input.approved_hashes)


def list_reasons(plans: Sequence[InstancePlan]) -> dict[str, tuple[bool, str]]:
    """Return the reasons of each instance that has some, and True if it is refused."""
    return {
        plan.name: (plan.verdict.refused, "; ".join(plan.verdict.reasons)) for plan in plans if plan.verdict.reasons
    }


KEEP: dict[str, Any] = {"desired": [{"hash": "k", "instance": "lan"}]}


@pytest.mark.parametrize(
    ("leases", "others"),
    [
        ({"lan": marks(mark("lan"))}, {}),
        ({"lan": marks(mark("lan")), "public": marks(mark("public"))}, {}),
        ({"lan": marks(mark("lan")), "public": marks(mark("lan"))}, {"lan": "public", "public": "lan"}),
        # a server that was called lan until lan became the name of another one
        ({"lan": marks(mark("lan", minutes=5)), "public": marks(mark("lan"))}, {}),
        ({"lan": marks(), "public": marks(mark("lan"))}, {}),
        # lan was not read
        ({"public": marks(mark("lan"))}, {"lan": "public", "public": "lan"}),
        ({"public": marks(mark("lan", OTHER))}, {}),
        # a former name, and another owner's name
        ({"public": marks(mark("nas"))}, {}),
        ({"public": marks(mark("lan", owner="work"))}, {}),
    ],
)
def test_two_instances_are_one_server_if_their_marks_say_so(
    leases: Mapping[str, LeaseTags], others: Mapping[str, str]
) -> None:
    assert find_shared_servers(leases, US_CLAIM) == others


def test_the_leases_of_a_named_instance_are_asked_for() -> None:
    leases = {"public": marks(mark("lan"), mark("nas"), mark("public"), mark("attic", owner="work"))}
    assert list_named_instances(leases, US_CLAIM) == {"lan"}


def test_a_hold_of_this_run_for_another_name_shows_one_server() -> None:
    held = {"lan": hold("lan", "me"), "public": hold("public", "me"), "attic": hold("attic", "me")}
    leases = {
        "lan": LeaseTags(holds=frozenset({held["lan"]})),
        "public": LeaseTags(holds=frozenset({held["lan"], held["public"]})),
        "attic": LeaseTags(holds=frozenset({held["attic"], hold("lan", "another")})),
    }
    assert find_shared_holds(held, leases) == {"lan": "public", "public": "lan"}


def test_both_names_of_one_server_are_refused_and_each_names_the_other() -> None:
    plan, claim = plan_deletion(make_desired(**KEEP))
    reasons = list_reasons(refuse_shared_servers(plan.instances, claim, {"lan": "public", "public": "lan"}))
    assert {name: refused for name, (refused, _) in reasons.items()} == {"lan": True, "public": True}
    assert reasons["lan"][1].startswith("it is the same server as public, and each would delete")
    assert reasons["public"][1].startswith("it is the same server as lan")


@pytest.mark.parametrize(
    ("owner", "tags", "refused"),
    [
        (DEFAULT_OWNER, marks(mark("lan", owner=DEFAULT_OWNER)), False),
        (DEFAULT_OWNER, marks(mark("seedbox", OTHER, DEFAULT_OWNER)), True),
        (DEFAULT_OWNER, marks(mark("lan", owner=DEFAULT_OWNER), mark("lan", OTHER, DEFAULT_OWNER)), True),
        (DEFAULT_OWNER, marks(mark("lan", OTHER, "work")), False),
        ("home", marks(mark("lan", OTHER)), False),
    ],
)
def test_the_default_owner_deletes_nothing_beside_another_desired_state(
    owner: str, tags: LeaseTags, refused: bool
) -> None:
    plan, claim = plan_deletion(make_desired(owner, **KEEP))
    reasons = list_reasons(refuse_marked(plan.instances, claim, {"lan": tags}))
    assert ("lan" in reasons) is refused
    if refused:
        assert "another desired state" in reasons["lan"][1]
        assert "Give each desired state an owner of its own" in reasons["lan"][1]


def test_the_default_owner_adds_and_deletes_what_is_declared_absent_beside_another_desired_state() -> None:
    desired = make_desired(
        DEFAULT_OWNER, desired=[*KEEP["desired"], {"hash": "a", "instance": "lan", "state": "absent"}]
    )
    plan, claim = plan_deletion(desired)
    assert list_reasons(refuse_marked(plan.instances, claim, {"lan": marks(mark("lan", OTHER, DEFAULT_OWNER))})) == {}


def test_an_accepted_plan_overrides_a_refusal_by_leases_and_a_stale_approval_is_named_once() -> None:
    desired = make_desired(DEFAULT_OWNER, **KEEP)
    plan, _ = plan_deletion(desired)
    leases = {"lan": marks(mark("lan", OTHER, DEFAULT_OWNER), mark("public", owner=DEFAULT_OWNER))}
    plan, claim = plan_deletion(desired, accept=plan.hash)
    (refused, text) = list_reasons(refuse_marked(plan.instances, claim, leases))["lan"]
    assert not refused and text.count("accepted by its hash") == 2
    plan, claim = plan_deletion(desired, accept="sha256:" + "0" * 64)
    (refused, text) = list_reasons(refuse_marked(plan.instances, claim, leases))["lan"]
    assert refused and text.count("the accepted hash is that of another plan") == 1


def test_rivals_are_runs_of_this_owner_in_other_processes() -> None:
    rival = hold("public", "another")
    tags = LeaseTags(holds=frozenset({hold("lan", "me"), rival, hold("lan", "third", "work")}))
    assert find_rivals(tags, "home", "me") == [rival]


def test_what_waits_for_another_run_is_deferred_and_says_for_which() -> None:
    plan, _ = plan_deletion(make_desired(**KEEP))
    (instance,) = (instance for instance in plan.instances if instance.name == "lan")
    waiting = wait_for_rival(instance, hold("lan", "another"))
    assert {action.hold for action in waiting.actions} == {Outcome.DEFERRED}
    assert all("another run is under way (process 1 on host, since" in action.reason for action in waiting.actions)
    assert not has_work(waiting)
    assert wait_for_rival(waiting, hold("lan", "third")) == waiting


def test_only_what_is_executed_needs_a_lease() -> None:
    plan, _ = plan_deletion(make_desired(**KEEP))
    assert {instance.name: has_work(instance) for instance in plan.instances} == {"lan": True, "public": False}
    assert not has_work(InstancePlan("lan"))
    assert not has_work(replace(plan.instances[0], suspended=True))


@pytest.mark.parametrize(
    ("present", "created", "deleted"),
    [
        ([], [mark("lan")], []),
        ([mark("lan", minutes=-5)], [], []),
        # a former name of this instance
        ([mark("nas")], [mark("lan")], [mark("nas")]),
        # another desired state and another owner stay
        ([mark("lan", OTHER), mark("lan", owner="work")], [mark("lan")], []),
        # of several other desired states, the latest is enough
        ([mark("x", "3"), mark("x", "4", minutes=1)], [mark("lan")], [mark("x", "3")]),
        # two runs have written at the same time
        ([mark("lan"), mark("lan", minutes=1)], [], [mark("lan", minutes=1)]),
    ],
)
def test_marks_are_corrected(present: list[LeaseMark], created: list[LeaseMark], deleted: list[LeaseMark]) -> None:
    changes = correct_marks(marks(*present), "lan", US_CLAIM, NOW)
    assert changes.create == {item.tag for item in created}
    assert changes.delete == {item.tag for item in deleted}


def test_marks_of_others_are_listed() -> None:
    theirs, shared = mark("nas", owner="work"), mark("lan", OTHER)
    assert list_other_marks(marks(mark("lan"), theirs, shared), US_CLAIM) == (shared, theirs)


def test_holds_without_a_holder_are_deleted() -> None:
    own, earlier, dead = hold("lan", "me"), hold("lan", "me").renew(), hold("lan", "gone")
    tags = LeaseTags(holds=frozenset({own, earlier, dead, hold("lan", "alive")}))
    written = replace(own, mark=replace(own.mark, since=NOW.replace(microsecond=5)))  # tags have whole seconds
    assert list_dead_tags(tags, [dead], [written]) == {earlier.tag, dead.tag}
