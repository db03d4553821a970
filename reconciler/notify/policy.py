"""The decision what to report after a run. Pure: it takes the state before the run and returns the next one.

A change is reported after the run that made it. An issue is reported when it has lasted for a while, or at once when
it needs a person, and again after a day; its end is reported if the issue was. So a restart of qBittorrent is not
reported, and a lasting issue is not reported every minute.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import field, replace
from datetime import datetime, timedelta
from typing import Final

from reconciler.engine.events import FinishedRun
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.notification import ChangedTorrent, Issue, IssueKind, RunDigest
from reconciler.model.plan import FaultKind, ObjectKind, Outcome, TorrentFault, Verb
from reconciler.model.run import ActionResult, InstanceResult, Status

MAX_TORRENTS_SHOWN: Final = 10  # that a notification names
MIN_FAILED_RUNS: Final = 3  # in a row, before an issue is reported
REMINDER_INTERVAL: Final = timedelta(days=1)  # after this an issue is reported again

_MANUAL_STATUSES: Final = (Status.AUTH_FAILED, Status.BANNED, Status.UNSUPPORTED)  # do not pass by themselves
_FAILURE_OUTCOMES: Final = (Outcome.FAILED, Outcome.BLOCKED, Outcome.DROPPED)
_OPEN_OUTCOMES: Final = (Outcome.DEFERRED, Outcome.PLANNED)

IssueKey = tuple[IssueKind, str]


@dataclass(frozen=True, slots=True)
class ObservedIssue:
    """An issue as one run shows it. `immediate`: report it at once. `failure_count` None: one more than before."""

    reason: str
    immediate: bool = False
    failure_count: int | None = None


@dataclass(frozen=True, slots=True)
class OpenIssue:
    """An issue that has not ended, and when and how it was last reported. `immediate`: as one that needs a person."""

    issue: Issue
    notified_at: datetime | None = None
    immediate: bool = False


@dataclass(frozen=True, slots=True)
class NotificationState:
    """The open issues, kept between runs."""

    open_issues: Mapping[IssueKey, OpenIssue] = field(default_factory=dict)


def decide_notification(
    state: NotificationState, finished_run: FinishedRun, declared: Collection[str], min_duration: timedelta
) -> tuple[NotificationState, RunDigest | None]:
    """Return the state after this run, and the digest to report, if any.

    `declared`: the names of the declared instances; the issues of others are dropped without a report. `min_duration`:
    the time that an issue has to last before it is reported, in addition to `MIN_FAILED_RUNS`.
    """
    now = finished_run.ended_at
    open_issues = {
        key: issue for key, issue in state.open_issues.items() if key[0] is IssueKind.FILES or key[1] in declared
    }
    reported, recovered = [], []
    for key, observed in _observe_issues(finished_run):
        before = open_issues.pop(key, None)
        if observed is None:
            if before and before.notified_at:
                recovered.append(before.issue)
            continue
        open_issues[key] = after = _update_issue(before, key, observed, now, min_duration)
        if after.notified_at == now:
            reported.append(after.issue)
    results = [(instance.name, result) for instance in finished_run.run.instances for result in instance.results]
    digest = _add_changes(RunDigest(now, str(finished_run.trigger), finished_run.run.plan_hash), results)
    digest = replace(digest, issues=_sort_issues(reported), recovered=_sort_issues(recovered))
    has_news = digest.change_counts or digest.changed_settings_count or digest.issues or digest.recovered
    return NotificationState(open_issues), digest if has_news else None


def _observe_issues(finished_run: FinishedRun) -> Iterator[tuple[IssueKey, ObservedIssue | None]]:
    """Yield every issue that this run shows, and None for each that it shows to be over. Others stay as they are."""
    problems = finished_run.problems
    yield (IssueKind.FILES, ""), ObservedIssue(_first_text(map(str, problems)), immediate=True) if problems else None
    for name, backoff in (finished_run.backoffs or {}).items():  # failing instances are tried between runs too
        needs_person = backoff.status in _MANUAL_STATUSES
        yield (IssueKind.INSTANCE, name), ObservedIssue(backoff.reason, needs_person, backoff.failures)
    for instance in finished_run.run.instances:
        if not instance.status.is_ok:
            continue
        yield (IssueKind.INSTANCE, instance.name), None
        verdict = instance.verdict
        refusal = ObservedIssue("; ".join(verdict.reasons), immediate=True) if verdict.refused else None
        yield (IssueKind.GUARD, instance.name), refusal
        yield from _observe_action_issues(instance)
        yield from _observe_fault_issues(instance)


def _observe_action_issues(instance: InstanceResult) -> Iterator[tuple[IssueKey, ObservedIssue | None]]:
    failed = [result for result in instance.results if result.outcome in _FAILURE_OUTCOMES]
    if failed:
        yield (IssueKind.ACTIONS, instance.name), ObservedIssue(_first_text(map(_result_text, failed)))
    elif not any(result.outcome in _OPEN_OUTCOMES for result in instance.results):
        yield (IssueKind.ACTIONS, instance.name), None  # actions that are still open have not succeeded yet


def _observe_fault_issues(instance: InstanceResult) -> Iterator[tuple[IssueKey, ObservedIssue | None]]:
    serious = [fault for fault in instance.faults if fault.is_serious]
    faulty = [_fault_text(fault) for fault in serious if fault.kind is not FaultKind.NO_METADATA]
    stuck = [_fault_text(fault) for fault in serious if fault.kind is FaultKind.NO_METADATA]
    yield (IssueKind.TORRENTS, instance.name), ObservedIssue(_first_text(faulty)) if faulty else None
    yield (IssueKind.METADATA, instance.name), ObservedIssue(_first_text(stuck), immediate=True) if stuck else None


def _update_issue(
    before: OpenIssue | None, key: IssueKey, observed: ObservedIssue, now: datetime, min_duration: timedelta
) -> OpenIssue:
    """Return the issue after this run, with `notified_at=now` if it is to be reported."""
    kind, instance = key
    notified_at = before.notified_at if before else None
    since, failure_count = (min(before.issue.since, now), before.issue.failure_count + 1) if before else (now, 1)
    if observed.failure_count is not None:
        failure_count = observed.failure_count
    issue = Issue(kind, instance, observed.reason, failure_count, since, is_reminder=notified_at is not None)
    if notified_at:
        assert before
        was_ahead = notified_at > now  # the clock: without a reminder now, the next would come after that time
        is_due = was_ahead or now - notified_at >= REMINDER_INTERVAL or (observed.immediate and not before.immediate)
    else:
        is_due = observed.immediate or (failure_count >= MIN_FAILED_RUNS and now - since >= min_duration)
    if is_due:
        return OpenIssue(issue, now, observed.immediate)
    return OpenIssue(issue, notified_at, before.immediate if before else False)


def _add_changes(digest: RunDigest, results: Iterable[tuple[str, ActionResult]]) -> RunDigest:
    verbs: Counter[Verb] = Counter()
    settings_count = 0
    torrents: list[ChangedTorrent] = []
    for instance, result in results:
        if result.outcome is not Outcome.APPLIED:
            continue
        if result.action.kind is not ObjectKind.TORRENT:
            settings_count += 1
            continue
        verbs[result.action.verb] += 1
        if len(torrents) < MAX_TORRENTS_SHOWN:
            torrents.append(ChangedTorrent(result.action.verb, instance, result.action.name))
    return replace(
        digest, change_counts=dict(verbs), changed_settings_count=settings_count, changed_torrents=tuple(torrents)
    )


def _result_text(result: ActionResult) -> str:
    return f"{result.outcome}: {result.action.verb} {result.action.name}: {result.error or result.action.reason}"


def _fault_text(fault: TorrentFault) -> str:
    return f"{fault.name}: {fault.reason}"


def _first_text(texts: Iterable[str]) -> str:
    """Return the first text, and the number of others."""
    first, *others = texts
    return f"{first} (and {len(others):,} more)" if others else first


def _sort_issues(issues: Iterable[Issue]) -> tuple[Issue, ...]:
    kinds = list(IssueKind)
    return tuple(sorted(issues, key=lambda issue: (kinds.index(issue.kind), issue.instance)))
