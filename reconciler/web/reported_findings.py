"""The findings of a run of another process, from its JSON report. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel

from reconciler.model.plan import ObjectKind, Outcome, Verb
from reconciler.web.sync_states import RunFindings, SyncFinding, SyncState, add_findings, judge_action


class ReportedGuard(BaseModel):
    """The verdict of the guard."""

    refused: bool
    reasons: list[str]


class ReportedAction(BaseModel):
    """An action with its outcome."""

    verb: Verb
    kind: ObjectKind
    infohash: str | None
    outcome: Outcome
    reason: str
    error: str | None
    removed: bool


class ReportedFault(BaseModel):
    """A torrent that does not work."""

    infohash: str
    reason: str
    serious: bool


class ReportedInstance(BaseModel):
    """One instance's share of a run."""

    name: str
    guard: ReportedGuard
    actions: list[ReportedAction]
    faults: list[ReportedFault]


class ReportedPending(BaseModel):
    """A torrent that no member of its group can take now."""

    infohash: str
    reason: str


class RunReport(BaseModel):
    """The keys of the JSON report of a run that say something about a torrent. Others are ignored."""

    instances: list[ReportedInstance]
    pending: list[ReportedPending]


def collect_reported_findings(report: RunReport) -> RunFindings:
    """Return the findings of a run, as `collect_findings` does for a run of this process."""
    findings: dict[str, SyncFinding] = {}
    for instance in report.instances:
        add_findings(findings, _iter_findings(instance))
    deleted = frozenset(
        action.infohash
        for instance in report.instances
        for action in instance.actions
        if action.kind is ObjectKind.TORRENT and action.verb is Verb.DELETE and action.infohash
        if action.removed or action.outcome is Outcome.APPLIED
    )
    pending = {pending.infohash: pending.reason for pending in report.pending}
    return RunFindings(findings, pending, deleted, frozenset(instance.name for instance in report.instances))


def _iter_findings(instance: ReportedInstance) -> Iterator[tuple[str, SyncFinding]]:
    refusal = "; ".join(instance.guard.reasons) if instance.guard.refused else ""
    for action in instance.actions:
        if action.kind is ObjectKind.TORRENT and action.infohash and action.outcome is not Outcome.APPLIED:
            yield (
                action.infohash,
                judge_action(action.verb, action.outcome, action.error or action.reason, refusal),
            )
    for fault in instance.faults:
        if fault.serious:
            yield fault.infohash, SyncFinding(SyncState.FAILED, fault.reason)
