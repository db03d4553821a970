"""One run: observe, plan, guard, apply, report.

Each step is a function of what the step before it returned, and of the context; only `observe_instances` and
`apply_run` send requests that change something, and a dry-run sends none of these.
See docs/decisions/0015-a-run-hands-on-few-frozen-objects.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from reconciler.apply.executor import Executor
from reconciler.atomic_file import write_torrent_file
from reconciler.engine.concurrency import contain_errors, log_internal_error, map_instances
from reconciler.engine.content import read_content_torrents
from reconciler.engine.context import RunContext
from reconciler.engine.events import Progress
from reconciler.engine.expectation import check_expectation, doubt_expectation
from reconciler.engine.late_deletions import Receivers, delete_late, list_receivers, split_late_deletions
from reconciler.engine.leases import NO_LEASES, RunLeases, judge_leases, take_leases
from reconciler.engine.metadata import MetadataHolder, ReceiverHolders, prepare_holders
from reconciler.engine.observation import Observation, Observations, ReadRequest, collect_health, collect_snapshots
from reconciler.engine.observe import fail_observations, observe_instances, reread_instance
from reconciler.engine.results import (
    build_content_results,
    build_linked_result,
    build_result,
    build_unread_result,
    compute_exit_code,
    list_lasting_faults,
    replace_executed,
    results_from_plan,
)
from reconciler.engine.selection import RunOptions, RunScope, select_scope
from reconciler.engine.surplus import (
    add_live_facts,
    defer_repeated_adds,
    delete_surplus_copies,
    split_surplus_deletions,
)
from reconciler.model.desired import DesiredState
from reconciler.model.errors import InstanceError, InternalError
from reconciler.model.expectation import PlanExpectation
from reconciler.model.history import AddKey
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.plan import (
    EndlessChange,
    InstancePlan,
    Outcome,
)
from reconciler.model.run import ActionResult, InstanceResult, Run, RunMode
from reconciler.model.snapshot import Snapshot
from reconciler.plan import Plan, PlanInput, guard_plan
from reconciler.plan.drains import subtract_deleted
from reconciler.plan.faults import select_faults
from reconciler.plan.guard import list_removals, needs_full_read
from reconciler.plan.leases import LeaseClaim, wait_for_rival


def run_once(desired: DesiredState, options: RunOptions, context: RunContext) -> Run:
    """Reconcile the selected instances once. Raises `UnknownInstance`; every other failure is in the result.

    Instances that a group or `content_of` links to the selected ones are read too, and are not changed.
    """
    scope = select_scope(desired, options)
    with observe_instances(scope, context) as observations:
        planned = plan_run(scope, observations, context)
        judged = prove_run(expect_run(suspend_run(guard_run(planned, context), context)), context)
        with lease_run(judged, context) as leased:
            context.keep_plan(leased.plan)
            results = apply_run(leased, context)
    return report_run(leased, results, context)


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """The plan of a run, with everything that it was made from."""

    scope: RunScope
    observations: Observations
    plan_input: PlanInput
    plan: Plan
    leases: RunLeases = NO_LEASES
    expectation: PlanExpectation | None = None
    endless: tuple[EndlessChange, ...] = ()

    @property
    def is_only_shown(self) -> bool:
        """True if nothing of the plan may be executed: in a dry-run, or if another plan is expected."""
        return self.scope.is_dry_run or (self.expectation is not None and not self.expectation.is_met)


def plan_run(scope: RunScope, observations: Observations, context: RunContext) -> PlannedRun:
    """Plan the observed instances. The guard has not judged the plan yet."""
    plan_input = PlanInput(
        scope.desired,
        {},
        facts=context.placement_memory.facts,
        remembered=context.remembered,
        untagged_ids=context.add_memory.get_ids(scope.desired),
        only=scope.planned,
        accept=scope.options.accept_once or scope.options.accept_plan,
        take_over=scope.options.take_over,
        now=context.utc(),
    )
    return _plan_observations(scope, observations, plan_input, context)


def _plan_observations(
    scope: RunScope, observations: Observations, plan_input: PlanInput, context: RunContext
) -> PlannedRun:
    """Plan the observations. If the torrents of content turn out to be missing in them, read these and plan again."""
    plan_input = _with_observations(plan_input, observations)
    try:
        plan = context.planner.plan_actions(plan_input)
    except Exception:
        failures = _find_unplannable(plan_input, context)
        if not failures:
            raise
        observations = fail_observations(observations, failures, scope.desired, context)
        plan_input = replace(plan_input, facts=context.placement_memory.facts)
        return _plan_observations(scope, observations, plan_input, context)
    completed = read_content_torrents(plan.resolved, observations, context.retry)
    if completed is not observations:
        plan_input = _with_observations(plan_input, completed)
        plan = context.planner.plan_actions(plan_input)
    return PlannedRun(scope, completed, plan_input, plan)


def _find_unplannable(plan_input: PlanInput, context: RunContext) -> dict[str, InternalError]:
    """Return the instances whose snapshot alone makes the planner fail, with the error."""
    failures = {}
    for name, snapshot in plan_input.snapshots.items():
        try:
            context.planner.plan_actions(replace(plan_input, snapshots={name: snapshot}, only=(name,)))
        except Exception as error:
            failures[name] = InternalError(name, error)
    return failures


def _with_observations(plan_input: PlanInput, observations: Observations) -> PlanInput:
    return replace(plan_input, snapshots=collect_snapshots(observations), health=collect_health(observations))


def guard_run(planned: PlannedRun, context: RunContext) -> PlannedRun:
    """Judge the plan, and hold back what is not to be tried now.

    No deletion and no move rests on a delta read alone: the instances where one would are read in full, planned and
    judged again.
    """
    judged = _judge_run(planned, context)
    doubtful = [] if planned.scope.is_dry_run else _list_unverified_instances(judged)
    if not doubtful:
        return judged
    reader = _FullReader(judged, context)
    observations = {**judged.observations, **map_instances(doubtful, contain_errors(reader.read, reader.fail))}
    return _judge_run(_plan_observations(judged.scope, observations, judged.plan_input, context), context)


def _judge_run(planned: PlannedRun, context: RunContext) -> PlannedRun:
    plan_input = planned.plan_input
    if any(list_removals(instance_plan.actions) for instance_plan in planned.plan.instances):
        plan_input = replace(plan_input, unread_files=context.find_unread_files(planned.scope.desired))
    return replace(planned, plan=context.planner.hold_back(context.planner.guard_plan(planned.plan, plan_input)))


def _list_unverified_instances(judged: PlannedRun) -> list[str]:
    """Return the names of the instances that would lose torrents or move data because of what a delta read shows."""
    return [
        instance_plan.name
        for instance_plan in judged.plan.instances
        if needs_full_read(instance_plan) and not judged.observations[instance_plan.name].target.has_full_snapshot
    ]


@dataclass(frozen=True, slots=True)
class _FullReader:
    """Reads instances of a run again, in full."""

    planned: PlannedRun
    context: RunContext

    def read(self, name: str) -> Observation:
        """Return the observation of one instance by a full read."""
        read_request = ReadRequest.for_instance(self.planned.scope.desired, name)
        return reread_instance(self.planned.observations[name], self.context.retry, read_request)

    def fail(self, name: str, error: InternalError) -> Observation:
        """Return the observation of an instance that a bug of ours made impossible."""
        return Observation(self.planned.observations[name].target, error=error)


def suspend_run(judged: PlannedRun, context: RunContext) -> PlannedRun:
    """Suspend the plans of the instances that were suspended while they were read."""
    suspended = {plan.name for plan in judged.plan.instances if not plan.suspended and context.is_suspended(plan.name)}
    if not suspended:
        return judged
    plans = tuple(replace(plan, suspended=True) if plan.name in suspended else plan for plan in judged.plan.instances)
    return replace(judged, plan=replace(judged.plan, instances=plans))


def expect_run(judged: PlannedRun) -> PlannedRun:
    """Compare the judged plan with the one that is expected, if any. What is compared here is what is executed."""
    scope = judged.scope
    expectation = check_expectation(scope.options.expect_plan, judged.plan.hash, scope.planned, judged.observations)
    return replace(judged, expectation=expectation)


def prove_run(judged: PlannedRun, context: RunContext) -> PlannedRun:
    """Find the changes of a dry-run that every run would plan again. An apply finds them when it reads back."""
    if not judged.scope.is_dry_run:
        return judged
    from reconciler.plan.convergence import find_endless_changes  # an apply does not need it

    def make_next_plans(snapshots: Mapping[str, Snapshot]) -> tuple[InstancePlan, ...]:
        plan_input = replace(judged.plan_input, snapshots=snapshots)
        return context.planner.hold_back(guard_plan(context.planner.plan_actions(plan_input), plan_input)).instances

    endless = find_endless_changes(judged.plan.instances, judged.plan_input.snapshots, make_next_plans)
    return replace(judged, endless=endless)


@contextmanager
def lease_run(judged: PlannedRun, context: RunContext) -> Iterator[PlannedRun]:
    """Hold a lease on each instance that the run changes. A dry-run reads the leases and writes none.

    Where another run has the lease, the plan is deferred. An expected plan is deferred as a whole.
    """
    plan, desired, retry = judged.plan, judged.scope.desired, context.retry
    instances, approved = frozenset(desired.instances), judged.plan_input.approved_hashes
    claim = LeaseClaim(desired.owner, desired.state_id, instances, plan.hash, approved)
    if judged.is_only_shown:
        checked = judge_leases(plan.instances, claim, judged.observations, retry)
        yield replace(judged, plan=replace(plan, instances=checked.plans), leases=checked.leases)
        return
    take = partial(take_leases, memory=context.lease_memory, retry=retry, is_suspended=context.is_suspended)
    with take(plan.instances, claim, judged.observations) as leased:
        plan = replace(plan, instances=_defer_expected(leased.plans, judged, leased.leases))
        judged = replace(judged, expectation=doubt_expectation(judged.expectation, leased.leases.errors))
        yield replace(judged, plan=plan, observations=leased.observations, leases=leased.leases)


def _defer_expected(plans: tuple[InstancePlan, ...], judged: PlannedRun, leases: RunLeases) -> tuple[InstancePlan, ...]:
    rival = next(iter(leases.rivals.values()), None)
    if judged.expectation is None or rival is None:
        return plans
    return tuple(wait_for_rival(plan, rival) for plan in plans)


def apply_run(judged: PlannedRun, context: RunContext) -> Mapping[str, InstanceResult]:
    """Execute the plan of every instance, concurrently, then the deletions of surplus copies.

    Returns a result for every instance to plan for, by name. In a dry-run nothing is executed.
    """
    plans = {instance_plan.name: instance_plan for instance_plan in judged.plan.instances}
    desired, applied_plans = judged.scope.desired, () if judged.is_only_shown else judged.plan.instances
    observations, holders = prepare_holders(applied_plans, desired.instances, judged.observations, context.retry)
    judged = replace(judged, observations=observations)
    receivers = list_receivers(plans)
    applier = _InstanceApplier(judged, plans, context, holders, receivers)
    results = map_instances(judged.scope.planned, contain_errors(applier.apply, applier.fail), "changing")
    if judged.is_only_shown:
        return results
    results = delete_late(plans, results, judged.observations, receivers, judged.leases, context.retry)
    results = delete_surplus_copies(plans, results, judged.observations, judged.leases, desired.owner, context.retry)
    context.placement_memory.record_results(results.values(), context.utc())
    context.add_memory.record_results(results.values(), desired)
    return results


@dataclass(frozen=True, slots=True)
class _InstanceApplier:
    """Executes the plans of single instances, each in a thread of its own. `plans` are updated to what is executed."""

    judged: PlannedRun
    plans: dict[str, InstancePlan]
    context: RunContext
    holders: Mapping[str, MetadataHolder]
    receivers: Receivers

    def apply(self, name: str) -> InstanceResult:
        """Execute the plan of one instance, all but the deletions that come last."""
        observation, instance_plan = self.judged.observations[name], self.plans.get(name)
        if instance_plan is None:
            return build_unread_result(name, observation)
        error: InstanceError | None = self.judged.leases.errors.get(name)
        instance_plan = add_live_facts(instance_plan, observation.target, self.context.retry)
        if self.judged.is_only_shown or instance_plan.suspended or instance_plan.verdict.refused:
            return build_result(instance_plan, observation, results_from_plan(instance_plan), error)
        if error:
            return self.fail(name, error)
        if self.judged.scope.options.shard:
            instance_plan = defer_repeated_adds(instance_plan, observation.target, self.context.retry)
        self.plans[name] = instance_plan  # the deletions that come later belong to this one
        instance_plan, surplus = split_surplus_deletions(instance_plan)
        instance_plan, late = split_late_deletions(instance_plan, self.receivers)
        results, error = self._execute(instance_plan, observation)
        self.plans[name] = replace_executed(self.plans[name], instance_plan.actions, results)
        if not (surplus or late):
            self.judged.leases.release(name)
        return build_result(instance_plan, observation, results, observation.urgent_error or error)

    def fail(self, name: str, error: InstanceError) -> InstanceResult:
        """Return the result of an instance whose plan could not be executed."""
        observation, instance_plan = self.judged.observations[name], self.plans.get(name)
        if instance_plan is None:
            return build_unread_result(name, replace(observation, error=error))
        results = tuple(
            ActionResult(action, action.hold or Outcome.DROPPED, None if action.hold else str(error))
            for action in instance_plan.actions
        )
        return build_result(instance_plan, observation, results, error)

    def _execute(
        self, instance_plan: InstancePlan, observation: Observation
    ) -> tuple[tuple[ActionResult, ...], InstanceError | None]:
        """Execute all actions but the urgent ones, which have been executed. Return all results in order."""
        actions = instance_plan.actions
        if observation.urgent_results:
            actions = tuple(action for action in actions if not observation.get_urgent_result(action))
        progress = _InstanceProgress(self.context.progress, instance_plan.name)
        progress.start(sum(action.hold is None for action in actions))
        try:
            executor = Executor(
                observation.target,
                self.context.retry,
                progress.advance,
                write_torrent_file,
                partial(self._remember_adds, instance_plan.name),
                ReceiverHolders(self.holders, self.judged.scope.desired.instances[instance_plan.name]),
            )
            executed, error = executor.execute(replace(instance_plan, actions=actions))
        finally:
            progress.finish()
        if isinstance(error, InternalError):
            log_internal_error(error)
        if not observation.urgent_results:
            return executed, error
        results = iter(executed)
        in_order = (observation.get_urgent_result(action) or next(results) for action in instance_plan.actions)
        return tuple(in_order), error

    def _remember_adds(self, name: str, ids: Collection[str]) -> bool:
        desired = self.judged.scope.desired
        key = AddKey(desired.owner, name, desired.instances[name].url)
        return self.context.add_memory.record_adds(key, ids, self.context.utc())


@dataclass(frozen=True, slots=True)
class _InstanceProgress:
    """The progress of one instance."""

    progress: Progress
    name: str

    def start(self, total: int) -> None:
        self.progress.start_instance(self.name, total)

    def advance(self, count: int) -> None:
        self.progress.advance_instance(self.name, count)

    def finish(self) -> None:
        self.progress.finish_instance(self.name)


def report_run(judged: PlannedRun, results: Mapping[str, InstanceResult], context: RunContext) -> Run:
    """Build the report of a run, and remember which torrents are pending."""
    scope, observations, plan = judged.scope, judged.observations, judged.plan
    instances = tuple(_complete_result(results[name], judged) for name in sorted(results))
    pending = scope.list_pending(plan.pending)
    if not context.stop.is_set():
        context.placement_memory.set_pending(pending, scope.groups)
    drains = [subtract_deleted(drain, results.get(drain.instance)) for drain in plan.drains]
    linked = tuple(build_linked_result(name, observations[name]) for name in sorted(observations.keys() - results))
    return Run(
        RunMode.DRY_RUN if scope.is_dry_run else RunMode.APPLY,
        plan.hash,
        compute_exit_code(
            instances,
            detailed=scope.options.detailed_exitcode,
            needs_attention=bool(pending or judged.endless),
            strict=scope.options.strict,
            expectation=judged.expectation,
        ),
        instances,
        (*scope.desired.warnings, *plan.warnings),
        pending,
        linked,
        judged.expectation,
        endless=judged.endless,
        accepted_plan=scope.options.accept_once,
        drains=scope.list_drains(drains),
    )


def _complete_result(result: InstanceResult, judged: PlannedRun) -> InstanceResult:
    """Add what is known only after the sessions are closed, and the torrents that content became.

    Recent faults are left out, unless the run is strict.
    """
    observation = judged.observations[result.name]
    content = build_content_results(judged.plan.resolved.desired, observation.snapshot, result)
    faults = select_faults(list_lasting_faults(result), strict=judged.scope.options.strict)
    return replace(
        result,
        requests=observation.target.request_count,
        content=content,
        faults=faults,
        marks=judged.leases.marks.get(result.name, ()),
        rival=judged.leases.rivals.get(result.name),
        same_server=judged.leases.shared.get(result.name),
        suspended_until=judged.scope.desired.instances[result.name].suspended_until,
    )
