"""The difference between a plan that was saved and the plan of a run. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from reconciler.model.expectation import ActionSummary, PlanDifference
from reconciler.model.fields.names import QUARANTINE
from reconciler.model.plan import Change, DeleteTorrent, Outcome
from reconciler.model.run import ActionResult, Run

_Key = tuple[str, str, str]


def compare_plans(expected: Iterable[ActionSummary], actual: Iterable[ActionSummary]) -> PlanDifference:
    """Return the actions of either plan that the other one does not have in the same form."""
    expected_by_key, actual_by_key = _group_by_object(expected), _group_by_object(actual)
    only_expected: list[ActionSummary] = []
    only_actual: list[ActionSummary] = []
    changed: list[tuple[ActionSummary, ActionSummary]] = []
    for key in sorted({*expected_by_key, *actual_by_key}):
        before, after = _drop_equal(expected_by_key.get(key, ()), actual_by_key.get(key, ()))
        changed += zip(before, after, strict=False)
        only_expected += before[len(after) :]
        only_actual += after[len(before) :]
    return PlanDifference(tuple(only_expected), tuple(only_actual), tuple(changed))


def summarize_actions(run: Run) -> tuple[ActionSummary, ...]:
    """Return the actions of a run's plan, as a saved plan shows them."""
    return tuple(_summarize_action(instance.name, result) for instance in run.instances for result in instance.results)


def _summarize_action(instance: str, result: ActionResult) -> ActionSummary:
    action = result.action
    return ActionSummary(
        instance,
        str(action.verb),
        str(action.kind),
        action.infohash or action.name,
        action.name,
        action.changes,
        isinstance(action, DeleteTorrent) and action.delete_files,
        str(action.hold or Outcome.PLANNED),
    )


def _group_by_object(actions: Iterable[ActionSummary]) -> dict[_Key, list[ActionSummary]]:
    groups: defaultdict[_Key, list[ActionSummary]] = defaultdict(list)
    for action in actions:
        groups[action.instance, action.kind, action.subject].append(action)
    return groups


def _drop_equal(
    expected: Sequence[ActionSummary], actual: Sequence[ActionSummary]
) -> tuple[list[ActionSummary], list[ActionSummary]]:
    """Return the actions on one object that the other plan does not have."""
    remaining = list(actual)
    differing = []
    for action in expected:
        match = next((other for other in remaining if _normalize(other) == _normalize(action)), None)
        if match is None:
            differing.append(action)
        else:
            remaining.remove(match)
    return differing, remaining


def _normalize(action: ActionSummary) -> ActionSummary:
    """Return an action by what a person approves: not its name, and not until which day a quarantine lasts."""
    return replace(action, name="", changes=tuple(map(_normalize_change, action.changes)))


def _normalize_change(change: Change) -> Change:
    return replace(change, after=bool(change.after)) if change.field == QUARANTINE else change
