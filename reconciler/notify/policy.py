"""What to say after a run. Pure: what was said before and a run in, what has been said now and a message out.

A change is said in the run that made it. A trouble is said when it has lasted, when it begins to need a person, and
again after a day; its end is said if it was said itself. So a restart of qBittorrent is no news, and a trouble that
stays is not said every minute.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from reconciler.engine.events import FinishedRun
from reconciler.model.notification import ChangedTorrent, Issue, IssueKind, RunDigest
from reconciler.model.plan import ObjectKind, Outcome, Verb
from reconciler.model.run import ActionResult, InstanceResult, Status

MAX_TORRENTS_SHOWN: Final = 10  # torrents that a message names
MIN_FAILED_RUNS: Final = 3  # runs in a row that a trouble has to last before it is said
REMINDER_INTERVAL: Final = timedelta(days=1)  # after this it is said once more

_MANUAL_STATUSES: Final = (Status.AUTH_FAILED, Status.BANNED, Status.UNSUPPORTED)  # these do not pass by themselves
_FAILURE_OUTCOMES: Final = (Outcome.FAILED, Outcome.BLOCKED, Outcome.DROPPED)
_OPEN_OUTCOMES: Final = (Outcome.DEFERRED, Outcome.PLANNED)

IssueKey = tuple[IssueKind, str]


@dataclass(frozen=True, slots=True)
class ObservedIssue:
    """A trouble as one run shows it. `immediate`: it need not last to be said. `failure_count` None: one more than before."""

    reason: str
    immediate: bool = False
    tries: int | None = None


@dataclass(frozen=True, slots=True)
class OpenIssue:
    """A trouble that has not ended yet, when it was said last, and whether as one that needs a person."""

    issue: Issue
    notified_at: datetime | None = None
    immediate: bool = False


@dataclass(frozen=True, slots=True)
class NotificationState:
    """What is remembered between runs."""

    open_issues: Mapping[IssueKey, OpenIssue] = field(default_factory=dict)


def decide_notification(
    state: NotificationState, finished_run: FinishedRun, declared: Collection[str], min_duration: timedelta
) -> tuple[NotificationState, RunDigest | None]:
    """What is known after this run, and what there is to say about it.

    `declared`: the instances that there are; what is known of any other is forgotten without a word. `lasting`: how
    long a trouble has to be there before it is said, beside `MIN_FAILED_RUNS`.
    """
    now = finished_run.started_at + timedelta(seconds=finished_run.seconds)
    known = {key: one for key, one in state.open_issues.items() if key[0] is IssueKind.FILES or key[1] in declared}
    troubles, recovered = [], []
    for key, seen in _observe_issues(finished_run):
        before = known.pop(key, None)
        if seen is None:
            if before and before.notified_at:
                recovered.append(before.issue)
            continue
        known[key] = after = _update_issue(before, key, seen, now, min_duration)
        if after.notified_at == now:
            troubles.append(after.issue)
    results = [(part.name, result) for part in finished_run.run.instances for result in part.results]
    message = _add_changes(RunDigest(now, str(finished_run.trigger), finished_run.run.plan_hash), results)
    message = replace(message, issues=_sort_issues(troubles), recovered=_sort_issues(recovered))
    something = message.change_counts or message.changed_settings_count or message.issues or message.recovered
    return NotificationState(known), message if something else None


def _observe_issues(finished_run: FinishedRun) -> Iterator[tuple[IssueKey, ObservedIssue | None]]:
    """Every trouble that this run shows, and None for each that it shows to be over. Of the others it says nothing."""
    problems = finished_run.problems
    yield (IssueKind.FILES, ""), ObservedIssue(_first_text(map(str, problems)), immediate=True) if problems else None
    for name, one in (finished_run.backoffs or {}).items():  # who has failed is tried between runs too
        yield (IssueKind.INSTANCE, name), ObservedIssue(one.reason, one.status in _MANUAL_STATUSES, one.failures)
    for part in finished_run.run.instances:
        if not part.status.is_ok:
            continue
        yield (IssueKind.INSTANCE, part.name), None
        refused = ObservedIssue("; ".join(part.verdict.reasons), immediate=True) if part.verdict.refused else None
        yield (IssueKind.GUARD, part.name), refused
        yield from _observe_action_issues(part)


def _observe_action_issues(instance: InstanceResult) -> Iterator[tuple[IssueKey, ObservedIssue | None]]:
    bad = [result for result in instance.results if result.outcome in _FAILURE_OUTCOMES]
    if bad:
        yield (IssueKind.ACTIONS, instance.name), ObservedIssue(_first_text(map(_result_text, bad)))
    elif not any(result.outcome in _OPEN_OUTCOMES for result in instance.results):
        yield (IssueKind.ACTIONS, instance.name), None  # what is held back, or not executed, has not come right yet


def _update_issue(
    before: OpenIssue | None, key: IssueKey, seen: ObservedIssue, now: datetime, min_duration: timedelta
) -> OpenIssue:
    """The trouble with this run added to it; said now, if it is time."""
    about, instance = key
    said = before.notified_at if before else None
    since, tries = (before.issue.since, before.issue.failure_count + 1) if before else (now, 1)
    tries = tries if seen.tries is None else seen.tries
    trouble = Issue(about, instance, seen.reason, tries, since, is_reminder=said is not None)
    if said:
        assert before
        due = now - said >= REMINDER_INTERVAL or (seen.immediate and not before.immediate)
    else:
        due = seen.immediate or (tries >= MIN_FAILED_RUNS and now - since >= min_duration)
    if due:
        return OpenIssue(trouble, now, seen.immediate)
    return OpenIssue(trouble, said, before.immediate if before else False)


def _add_changes(message: RunDigest, results: Iterable[tuple[str, ActionResult]]) -> RunDigest:
    verbs: Counter[Verb] = Counter()
    settings = 0
    torrents: list[ChangedTorrent] = []
    for instance, result in results:
        if result.outcome is not Outcome.APPLIED:
            continue
        if result.action.kind is not ObjectKind.TORRENT:
            settings += 1
            continue
        verbs[result.action.verb] += 1
        if len(torrents) < MAX_TORRENTS_SHOWN:
            torrents.append(ChangedTorrent(result.action.verb, instance, result.action.name))
    return replace(
        message, change_counts=dict(verbs), changed_settings_count=settings, changed_torrents=tuple(torrents)
    )


def _result_text(result: ActionResult) -> str:
    return f"{result.outcome}: {result.action.verb} {result.action.name}: {result.error or result.action.reason}"


def _first_text(texts: Iterable[str]) -> str:
    """The first of several, with how many more there are."""
    first, *others = texts
    return f"{first} (and {len(others):,} more)" if others else first


def _sort_issues(issues: Iterable[Issue]) -> tuple[Issue, ...]:
    rank = list(IssueKind)
    return tuple(sorted(issues, key=lambda one: (rank.index(one.kind), one.instance)))
