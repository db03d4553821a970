"""The result of each instance, and the exit code of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from reconciler.engine.observation import Observation
from reconciler.model.content import Content
from reconciler.model.desired import DesiredState, DesiredTorrent
from reconciler.model.errors import InstanceError, StopRequested
from reconciler.model.expectation import PlanExpectation
from reconciler.model.health import Health
from reconciler.model.links import build_magnet, has_likely_passkey
from reconciler.model.plan import Action, AddTorrent, FaultKind, InstancePlan, Outcome, SetTorrent, TorrentFault
from reconciler.model.position import Position
from reconciler.model.run import ActionResult, ContentResult, InstanceResult, Status
from reconciler.model.snapshot import LiveTorrent, Snapshot
from reconciler.plan.match import match_entries

_PROBLEM_OUTCOMES = (Outcome.FAILED, Outcome.BLOCKED, Outcome.DROPPED)


def results_from_plan(instance_plan: InstancePlan) -> tuple[ActionResult, ...]:
    """Return the results of a plan that is not executed."""
    return tuple(ActionResult(action, action.hold or Outcome.PLANNED) for action in instance_plan.actions)


def build_unread_result(name: str, observation: Observation) -> InstanceResult:
    """Return the result of an instance that could not be read."""
    error = observation.error
    status = error.status if isinstance(error, InstanceError) else Status.ERROR
    reason = "the run was stopped before it was read" if isinstance(error, StopRequested) else str(error)
    return InstanceResult(name, status, reason, health=observation.health)


def build_linked_result(name: str, observation: Observation) -> InstanceResult:
    """Return the result of an instance that was read only because others depend on it."""
    snapshot = observation.snapshot
    if snapshot is None:
        return build_unread_result(name, observation)
    return InstanceResult(name, Status.OK, None, snapshot.version, snapshot.web_api)


def build_result(
    instance_plan: InstancePlan,
    observation: Observation,
    results: tuple[ActionResult, ...],
    lost: InstanceError | None = None,
) -> InstanceResult:
    """Return the result of an instance that was planned for; `lost`: the error that ended its execution."""
    snapshot = observation.snapshot
    status, error = instance_status(instance_plan, observation.health)
    return InstanceResult(
        instance_plan.name,
        lost.status if lost else status,
        str(lost) if lost else error,
        snapshot.version if snapshot else None,
        snapshot.web_api if snapshot else None,
        owned=instance_plan.owned,
        foreign=instance_plan.foreign,
        unchanged=instance_plan.unchanged,
        verdict=instance_plan.verdict,
        results=results,
        spared=instance_plan.spared,
        health=observation.health,
        faults=instance_plan.faults,
    )


def instance_status(instance_plan: InstancePlan, health: Health | None) -> tuple[Status, str | None]:
    """Return the status and the error of an instance that was read and applied."""
    if instance_plan.suspended:
        return Status.SUSPENDED, None
    return (Status.OK, None) if health is None or health.is_healthy else (Status.UNHEALTHY, health.reason)


def list_lasting_faults(result: InstanceResult) -> tuple[TorrentFault, ...]:
    """Return the faults of an instance except missing metadata that this run gives."""
    given = (Outcome.APPLIED, Outcome.PLANNED)
    updates = (done.action for done in result.results if done.outcome in given and isinstance(done.action, SetTorrent))
    positions = {action.position for action in updates if action.metadata_from}
    return tuple(
        fault for fault in result.faults if fault.kind is not FaultKind.NO_METADATA or fault.position not in positions
    )


def build_content_results(
    desired: DesiredState, snapshot: Snapshot | None, result: InstanceResult
) -> tuple[ContentResult, ...]:
    """Return every torrent of one instance that is declared by its content, as read or as added since.

    `desired` is the resolved one: `Plan.resolved`.
    """
    entries = [
        entry
        for entry in desired.entries_with_content
        if entry.instance == result.name and isinstance(entry.content, Content)
    ]
    if not entries:
        return ()
    matches = match_entries(entries, snapshot.torrents if snapshot else ())
    live_torrents = {match.entry.position: match.live for match in matches}
    added = {added.action.position: added for added in result.results if _is_added(added)}
    return tuple(
        _build_content_result(entry, live_torrents[entry.position], added) for entry in entries if not entry.absent
    )


def _is_added(result: ActionResult) -> bool:
    action = result.action
    return isinstance(action, AddTorrent) and result.outcome is Outcome.APPLIED and action.source is not None


def _build_content_result(
    entry: DesiredTorrent, live: LiveTorrent | None, added: Mapping[Position | None, ActionResult]
) -> ContentResult:
    path = entry.content.path if isinstance(entry.content, Content) else ""
    added_result = added.get(entry.position)
    if live:
        infohashes, name = live.infohashes, live.name
    elif added_result and isinstance(added_result.action, AddTorrent) and added_result.action.source:
        infohashes, name = added_result.action.source.infohashes, added_result.action.name
    else:
        return ContentResult(entry.label, path, entry.position)
    magnet = build_magnet(infohashes, name, [url for url in entry.trackers if not has_likely_passkey(url)])
    return ContentResult(entry.label, path, entry.position, str(infohashes), magnet)


def replace_executed(plan: InstancePlan, planned: Sequence[Action], results: Sequence[ActionResult]) -> InstancePlan:
    """Return the plan with these planned actions as they were executed: some get their source only then."""
    executed = {
        id(action): result.action
        for action, result in zip(planned, results, strict=True)
        if result.action is not action
    }
    if not executed:
        return plan
    return replace(plan, actions=tuple(executed.get(id(action), action) for action in plan.actions))


def compute_exit_code(
    instances: Iterable[InstanceResult],
    *,
    detailed: bool,
    needs_attention: bool = False,
    strict: bool = False,
    expectation: PlanExpectation | None = None,
) -> int:
    """Return the exit code of a run, the first of these that applies.

    3: a guard refused a plan, or another plan was expected. 1: something failed or needs a person, or
    `needs_attention`: torrents are pending, or changes would never end; with `strict` also if a torrent has any fault.
    2: a dry-run found changes, and `detailed` asks for this code. 0: everything is fine.
    """
    instances = tuple(instances)
    outcomes = {result.outcome for instance in instances for result in instance.results}
    if any(instance.verdict.refused for instance in instances) or (expectation and not expectation.is_met):
        return 3
    if (
        needs_attention
        or outcomes.intersection(_PROBLEM_OUTCOMES)
        or any(not instance.status.is_ok for instance in instances)
    ):
        return 1
    if any(instance.has_serious_fault or (strict and instance.faults) for instance in instances):
        return 1
    return 2 if detailed and outcomes.intersection((Outcome.PLANNED, Outcome.DEFERRED)) else 0
