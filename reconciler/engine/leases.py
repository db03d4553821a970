"""Takes a lease on each instance that a run changes, so that two runs of one owner never change it at the same time.

A lease is taken without a lock of the server: a run writes its own hold, then reads all holds, and withdraws if there
is another one. So of two runs at least one sees the other. The marks are judged before anything is written.
See docs/decisions/0077-a-keeper-that-another-run-changes-is-not-relied-on.md.
See docs/decisions/0100-a-lease-is-a-tag-on-the-instance.md.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import field, replace
from functools import cached_property, partial, wraps
from typing import Any, Final, TypeVar, cast

from reconciler.engine.concurrency import contain_errors, map_instances
from reconciler.engine.observation import Observation, Observations, OpenTarget
from reconciler.engine.process import has_ended, identify_process
from reconciler.model.errors import InstanceError, LeaseLapsed, StopRequested, SuspendedMeanwhile, UnreachableError
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.lease import Holder, LeaseHold, LeaseMark, LeaseTags
from reconciler.plan.leases import (
    InstancePlans,
    LeaseClaim,
    correct_marks,
    find_rivals,
    find_shared_holds,
    find_shared_servers,
    has_removals,
    has_work,
    list_dead_tags,
    list_named_instances,
    list_other_marks,
    refuse_marked,
    refuse_shared_servers,
    wait_for_rival,
)
from reconciler.retry import RetryPolicy

T = TypeVar("T")
_READ_PREFIXES: Final = ("read_", "count_", "export_", "ignore_")  # of the methods of a target that change nothing
_DELETION: Final = "delete_torrents"

RENEW_INTERVAL: Final = 15.0  # seconds between two renewals of a hold, while requests are sent
EXPIRY: Final = 90.0  # seconds without a renewal after which a hold has no holder; a request can hang for 60
LAPSE: Final = EXPIRY - RENEW_INTERVAL  # seconds without a renewal after which the holder itself deletes nothing


class LeaseMemory:
    """The identity of a holder, and the holds of others as it has seen them, which it updates.

    The age of a hold is the time for which it has been seen unchanged, so no clock but our own counts.
    """

    def __init__(self) -> None:
        self._first_seen: dict[str, dict[str, float]] = {}

    @cached_property
    def holder(self) -> Holder:
        """The identity of this process, with one nonce for all its runs."""
        return identify_process()

    def find_dead(self, instance: str, rivals: Collection[LeaseHold], now: float) -> list[LeaseHold]:
        """Return the holds whose holder has ended. `rivals`: all present holds of others on the instance."""
        seen = self._first_seen.get(instance, {})
        self._first_seen[instance] = {hold.tag: seen.get(hold.tag, now) for hold in rivals}
        expired_at = now - EXPIRY
        return [hold for hold in rivals if has_ended(hold.holder) or self._first_seen[instance][hold.tag] <= expired_at]


LeaseDoubt = LeaseHold | InstanceError | StopRequested


@dataclass(frozen=True, slots=True)
class RunLeases:
    """The leases of a run, by instance.

    `errors`: the lease could not be taken. `rivals`: another run has it. `shared`: another instance is the same server.
    `marks`: the marks of other owners and desired states. `release` gives one lease back early. `confirm` writes the
    holds of this run on some instances again, then returns which of the instances another run changes, or why that is
    not known.
    """

    errors: Mapping[str, InstanceError] = field(default_factory=dict)
    rivals: Mapping[str, LeaseHold] = field(default_factory=dict)
    shared: Mapping[str, str] = field(default_factory=dict)
    marks: Mapping[str, tuple[LeaseMark, ...]] = field(default_factory=dict)
    release: Callable[[str], None] = lambda _name: None
    confirm: Callable[[Collection[str]], Mapping[str, LeaseDoubt]] = lambda _names: {}


NO_LEASES: Final = RunLeases()


@dataclass(frozen=True, slots=True)
class LeasedPlans:
    """The plans as far as the leases on the instances allow them. The targets of `observations` renew the leases."""

    plans: InstancePlans
    observations: Observations
    leases: RunLeases = NO_LEASES


@contextmanager
def take_leases(
    plans: InstancePlans,
    claim: LeaseClaim,
    observations: Observations,
    memory: LeaseMemory,
    retry: RetryPolicy,
    is_suspended: Callable[[str], bool] = lambda _instance: False,
) -> Iterator[LeasedPlans]:
    """Take a lease on each instance whose plan has work, and give all back at the end.

    While `is_suspended` returns True for an instance, its target sends no change.
    """
    taker = _LeaseTaker(claim, observations, memory, retry, is_suspended)
    try:
        yield taker.take(judge_leases(plans, claim, observations, retry))
    finally:
        taker.release_all()


@dataclass(frozen=True, slots=True)
class JudgedLeases:
    """The plans, judged by the leases on the instances as they were read."""

    plans: InstancePlans
    tags: Mapping[str, LeaseTags]
    leases: RunLeases


def judge_leases(
    plans: InstancePlans, claim: LeaseClaim, observations: Observations, retry: RetryPolicy
) -> JudgedLeases:
    """Read the leases on each instance whose plan has work, and refuse what the marks forbid. Nothing is written."""
    reader = _LeaseReader(observations, retry)
    tags, errors = reader.read([plan.name for plan in plans if has_work(plan)])
    named = [name for name in list_named_instances(tags, claim) if _is_read(observations, name)]
    named_tags, _ = reader.read(named)
    marks = {name: list_other_marks(tags[name], claim) for name in tags}
    known_tags = {**tags, **named_tags}
    leases = RunLeases(errors, shared=find_shared_servers(known_tags, claim), marks=marks)
    return JudgedLeases(refuse_marked(plans, claim, known_tags), tags, leases)


@dataclass(frozen=True, slots=True)
class _LeaseReader:
    """Reads the leases on instances, each in a thread of its own."""

    observations: Observations
    retry: RetryPolicy

    def read(self, names: Sequence[str]) -> tuple[dict[str, LeaseTags], dict[str, InstanceError]]:
        """Return the leases on the instances, and the errors of reads that failed.

        An instance is in neither if the run was asked to stop.
        """
        return _split_errors(map_instances(names, contain_errors(self.read_one, lambda _, error: error)))

    def read_one(self, name: str) -> LeaseTags | InstanceError | None:
        """Return the leases on one instance."""
        target = self.observations[name].target
        return _catch_errors(lambda: LeaseTags.parse(self.retry.call_with_retry(target.read_tags)))


class _LeaseTaker:
    """Takes and releases the leases of one run. Instances are worked on in threads of their own."""

    def __init__(
        self,
        claim: LeaseClaim,
        observations: Observations,
        memory: LeaseMemory,
        retry: RetryPolicy,
        is_suspended: Callable[[str], bool],
    ) -> None:
        self._claim = claim
        self._is_suspended = is_suspended
        self._observations = observations
        self._memory = memory
        self._retry = retry
        self._held: dict[str, LeaseHold] = {}
        self._written_at: dict[str, float] = {}
        self._dead: dict[str, list[LeaseHold]] = {}

    def take(self, judged: JudgedLeases) -> LeasedPlans:
        """Take the leases that the marks allow."""
        names = [plan.name for plan in judged.plans if has_work(plan) and plan.name in judged.tags]
        rivals = {name: rival for name in names if (rival := self._find_rival(name, judged.tags[name]))}
        free = [name for name in names if name not in rivals]
        tags, errors = _split_errors(
            map_instances(free, contain_errors(self._write_hold, lambda _, error: error), "locking")
        )
        others = find_shared_holds(self._held, {**self._read_beside(judged.plans), **tags})
        plans = refuse_shared_servers(judged.plans, self._claim, others)
        rivals |= {name: rival for name in tags if (rival := self._find_rival(name, tags[name]))}
        refused = {plan.name for plan in plans if plan.verdict.refused}
        self._release([name for name in self._held if name in rivals or name in refused or name in errors])
        marked = {name: tags[name] for name in tags if name in self._held}
        results = map_instances(
            marked,
            contain_errors(lambda name: self._write_marks(name, marked[name]), lambda _, error: error),
            "locking",
        )
        errors |= {name: error for name, error in results.items() if error}
        self._release(errors)
        plans = tuple(wait_for_rival(plan, rivals[plan.name]) if plan.name in rivals else plan for plan in plans)
        leases = replace(
            judged.leases,
            errors={**judged.leases.errors, **errors},
            rivals=rivals,
            shared={**judged.leases.shared, **others},
            release=self.release,
            confirm=self.confirm,
        )
        return LeasedPlans(plans, self._wrap_observations(), leases)

    def confirm(self, names: Collection[str]) -> dict[str, LeaseDoubt]:
        """Write the holds again, then return the instances that another run changes, or where that is not known.

        All holds are written before the first one is read, and a hold is written although the old one may have expired.
        """
        held = [name for name in names if name in self._held]
        doubts = {name: doubt for name, doubt in map_instances(held, self._rewrite_hold, "locking").items() if doubt}
        for name, result in map_instances(names, self._find_present_rival).items():
            if result:
                doubts.setdefault(name, result)
        return doubts

    def _rewrite_hold(self, name: str) -> LeaseDoubt | None:
        now = self._retry.clock.now()
        try:
            self._retry.call_with_retry(lambda: self._replace_hold(name))
        except (InstanceError, StopRequested) as error:
            return error
        self._written_at[name] = now
        return None

    def _find_present_rival(self, name: str) -> LeaseDoubt | None:
        target = self._observations[name].target
        try:
            return self._find_rival(name, LeaseTags.parse(self._retry.call_with_retry(target.read_tags)))
        except (InstanceError, StopRequested) as error:
            return error

    def release_all(self) -> None:
        """Give all leases back."""
        self._release(list(self._held))

    def release(self, name: str) -> None:
        """Give a lease back, with at most two attempts. A hold that stays is recognized later: nobody renews it."""
        hold = self._held.pop(name, None)
        tags = [hold.tag] if hold else []
        for _ in tags * 2:
            try:
                with self._observations[name].target.ignore_stop():
                    self._observations[name].target.delete_tags(tags)
                return
            except UnreachableError:
                return
            except InstanceError:
                continue

    def _release(self, names: Iterable[str]) -> None:
        map_instances(names, self.release, "unlocking")

    def _read_beside(self, plans: InstancePlans) -> dict[str, LeaseTags]:
        """Return the leases on the instances that are not held, if one that is held loses torrents.

        What is lost could be declared for one of them: a hold of this run there shows that it is the same server.
        """
        if not any(plan.name in self._held and has_removals(plan) for plan in plans):
            return {}
        names = [name for name in self._observations if name not in self._held and _is_read(self._observations, name)]
        return _LeaseReader(self._observations, self._retry).read(names)[0]

    def _find_rival(self, name: str, tags: LeaseTags) -> LeaseHold | None:
        """Return the hold of another run that is under way on an instance."""
        rivals = find_rivals(tags, self._claim.owner, self._memory.holder.nonce)
        dead = self._dead[name] = self._memory.find_dead(name, rivals, self._retry.clock.now())
        return next((hold for hold in rivals if hold not in dead), None)

    def _write_hold(self, name: str) -> LeaseTags | InstanceError | None:
        """Write a hold on an instance, then return the leases on it."""
        target = self._observations[name].target
        mark = LeaseMark(self._claim.owner, name, self._claim.state_id, self._retry.clock.utc())
        hold = self._held[name] = LeaseHold(mark, self._memory.holder)

        def write_and_read() -> LeaseTags:
            self._written_at[name] = self._retry.clock.now()
            self._retry.call_with_retry(lambda: target.create_tags([hold.tag]))
            return LeaseTags.parse(self._retry.call_with_retry(target.read_tags))

        return _catch_errors(write_and_read)

    def _write_marks(self, name: str, tags: LeaseTags) -> InstanceError | None:
        """Correct the marks on an instance that this run holds, and delete the holds of runs that have ended."""
        target, call = self._observations[name].target, self._retry.call_with_retry
        changes = correct_marks(tags, name, self._claim, self._retry.clock.utc())
        outdated = changes.delete | list_dead_tags(tags, self._dead[name], tuple(self._held.values()))

        def write() -> None:
            if changes.create:
                call(lambda: target.create_tags(changes.create))
            if outdated:
                call(lambda: target.delete_tags(outdated))

        result = _catch_errors(write)
        return result if isinstance(result, InstanceError) else None

    def _wrap_observations(self) -> Observations:
        held: dict[str, Observation] = {}
        for name in self._held:
            observation = self._observations[name]
            target = _LeasedTarget(
                observation.target,
                partial(self._renew, name),
                partial(self._is_suspended, name),
                partial(self._has_lapsed, name),
                self._retry,
            )
            held[name] = replace(observation, target=cast("OpenTarget", target))
        return {**self._observations, **held}

    def _has_lapsed(self, name: str) -> bool:
        """Return True if the hold on an instance was once so old that another run may have taken the lease."""
        return self._retry.clock.now() - self._written_at[name] >= LAPSE

    def _renew(self, name: str) -> None:
        """Replace the hold on an instance by its next renewal. An error shows in the request that follows.

        A lease that has lapsed stays so, until it is confirmed.
        """
        if name not in self._held:
            return
        now, has_lapsed = self._retry.clock.now(), self._has_lapsed(name)
        try:
            self._replace_hold(name)
        except (InstanceError, StopRequested):
            return
        if not has_lapsed:
            self._written_at[name] = now

    def _replace_hold(self, name: str) -> None:
        hold, target = self._held[name], self._observations[name].target
        renewed = hold.renew()
        target.create_tags([renewed.tag])
        self._held[name] = renewed
        target.delete_tags([hold.tag])


class _LeasedTarget:
    """A target that renews its lease between two requests: a session serves only one thread.

    It raises `SuspendedMeanwhile` instead of sending a change once its instance is suspended, and `LeaseLapsed` instead
    of a deletion once the hold is too old.
    """

    def __init__(
        self,
        target: OpenTarget,
        renew: Callable[[], None],
        is_suspended: Callable[[], bool],
        has_lapsed: Callable[[], bool],
        retry: RetryPolicy,
    ) -> None:
        self._target = target
        self._renew = renew
        self._is_suspended = is_suspended
        self._has_lapsed = has_lapsed
        self._clock = retry.clock
        self._renewed_at = self._clock.now()

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._target, name)
        return self._check_before(value, name) if callable(value) else value

    def _check_before(self, call: Callable[..., Any], name: str) -> Callable[..., Any]:
        @wraps(call)
        def check_and_call(*args: Any, **kwargs: Any) -> Any:
            if not name.startswith(_READ_PREFIXES) and self._is_suspended():
                raise SuspendedMeanwhile("the instance was suspended meanwhile")
            if name == _DELETION and self._has_lapsed():
                raise LeaseLapsed("the run stood still for so long that another run may change the instance")
            if self._clock.now() - self._renewed_at >= RENEW_INTERVAL:
                self._renewed_at = self._clock.now()
                self._renew()
            return call(*args, **kwargs)

        return check_and_call


def _is_read(observations: Observations, name: str) -> bool:
    """Return True if the instance was observed and answered."""
    return name in observations and observations[name].snapshot is not None


def _catch_errors(work: Callable[[], T]) -> T | InstanceError | None:
    """Return the result or the error of work on an instance; None if the run was asked to stop."""
    try:
        return work()
    except InstanceError as error:
        return error
    except StopRequested:
        return None


def _split_errors(
    results: Mapping[str, LeaseTags | InstanceError | None],
) -> tuple[dict[str, LeaseTags], dict[str, InstanceError]]:
    return (
        {name: result for name, result in results.items() if isinstance(result, LeaseTags)},
        {name: result for name, result in results.items() if isinstance(result, InstanceError)},
    )
