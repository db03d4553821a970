"""The parts that all reports of a comparison share."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from reconciler.model.comparison import ComparedAction, ComparedInstance, Comparison, IneffectiveChange, SettingChange
from reconciler.model.plan import Action, Outcome, Verb
from reconciler.model.run import ActionResult, InstanceResult, Run, RunMode, Status
from reconciler.report.phrases import format_value

UNKNOWN_TEXT: Final = "(not declared)"


def build_run(comparison: Comparison) -> Run:
    """Return the comparison as a run, whose reports show actions and count them."""
    instances = tuple(_build_result(instance) for instance in comparison.instances)
    return Run(RunMode.DRY_RUN, "", 0, instances, comparison.warnings, comparison.pending)


def _build_result(instance: ComparedInstance) -> InstanceResult:
    results = tuple(
        ActionResult(_show_unknown(compared), compared.action.hold or Outcome.PLANNED) for compared in instance.actions
    )
    return InstanceResult(
        instance.name,
        Status.OK,
        owned=instance.owned,
        unchanged=instance.unchanged,
        verdict=instance.verdict,
        results=results,
        spared=instance.spared,
    )


def _show_unknown(compared: ComparedAction) -> Action:
    """Return the action with a position, and with words for values that the older state does not declare."""
    action = compared.action
    position = action.position or compared.old_position
    if action.verb is Verb.ADD:
        return replace(action, position=position)
    changes = tuple(
        replace(change, before=UNKNOWN_TEXT) if change.before is None else change for change in action.changes
    )
    return replace(action, changes=changes, position=position)


def setting_text(change: SettingChange) -> str:
    """Return `guard.max_delete: 10 → 50`."""
    before, after = (UNKNOWN_TEXT if value is None else value for value in (change.before, change.after))
    return f"{change.path}: {before} → {after}"


def ineffective_text(change: IneffectiveChange) -> str:
    """Return what changed in the YAML without effect, and the reason."""
    before, after = (
        UNKNOWN_TEXT if value is None else format_value(change.field, value) for value in (change.before, change.after)
    )
    values = f"{change.field}: {before} → {after}: " if change.field else ""
    return f"{values}{change.reason}"
