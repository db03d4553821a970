"""The state of each torrent towards its declaration, from the results of the last run. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from enum import StrEnum
from typing import Final

from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.plan import DeleteTorrent, Outcome, TorrentAction, Verb
from reconciler.model.run import InstanceResult, Run


class SyncState(StrEnum):
    """The state of a torrent towards its declaration.

    `in_sync`: as declared. `drift`: to be changed by a run. `pending`: on no instance yet, or what has to happen waits.
    `blocked`: a person has to act. `contested`: something else changes it back. `failed`: a change failed, or the
    torrent cannot work. `removed`: declared as absent, and to be deleted. `undeclared`: ours, and declared nowhere.
    `foreign`: not ours. `unknown`: its instance could not be read.
    """

    IN_SYNC = "in_sync"
    DRIFT = "drift"
    PENDING = "pending"
    BLOCKED = "blocked"
    CONTESTED = "contested"
    FAILED = "failed"
    REMOVED = "removed"
    UNDECLARED = "undeclared"
    FOREIGN = "foreign"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class SyncFinding:
    """The state of a torrent that is not in sync after a run, and the reason."""

    state: SyncState
    reason: str


_STATES_BY_OUTCOME: Final = {
    Outcome.PLANNED: SyncState.DRIFT,
    Outcome.FAILED: SyncState.FAILED,
    Outcome.DEFERRED: SyncState.PENDING,
    Outcome.BLOCKED: SyncState.BLOCKED,
    Outcome.DROPPED: SyncState.DRIFT,
}
_GRAVITY: Final = (SyncState.FAILED, SyncState.BLOCKED, SyncState.CONTESTED, SyncState.PENDING, SyncState.DRIFT)
_CONTESTED_PREFIX: Final = "contested: "


_DELETED: Final = SyncFinding(SyncState.REMOVED, "the last run has deleted it")


@dataclass(frozen=True, slots=True)
class RunFindings:
    """The findings of a run by the infohash or id of a torrent, and the reasons of pending torrents by infohash.

    `deleted`: the infohashes and ids of the torrents that it has deleted. `instances`: the instances that it was about;
    nothing is known about the torrents of others.
    """

    on_instances: Mapping[str, SyncFinding] = field(default_factory=dict)
    pending: Mapping[str, str] = field(default_factory=dict)
    deleted: frozenset[str] = frozenset()
    instances: frozenset[str] = frozenset()

    def find(self, ids: tuple[str, ...]) -> SyncFinding | None:
        """Return the finding about a torrent with these ids; None if there is none."""
        return next((self.on_instances[key] for key in ids if key in self.on_instances), None)

    def find_undeclared(self, ids: tuple[str, ...]) -> SyncFinding | None:
        """Return the finding about an undeclared torrent. One that was deleted may show in a row that is older."""
        return self.find(ids) if self.deleted.isdisjoint(ids) else _DELETED

    def find_pending_reason(self, ids: tuple[str, ...]) -> str:
        """Return the reason why a torrent is on no instance; "" if the run gives none."""
        return next((self.pending[key] for key in ids if key in self.pending), "")


def collect_findings(run: Run) -> RunFindings:
    """Return the findings of a run. Of several about one torrent, the gravest counts."""
    findings: dict[str, SyncFinding] = {}
    for instance in (*run.instances, *run.linked_instances):
        add_findings(findings, _iter_findings(instance))
    deleted = frozenset(
        key
        for instance in run.instances
        for result in instance.results
        if isinstance(result.action, DeleteTorrent) and result.has_effect
        for key in (result.action.infohash, result.action.torrent_id)
        if key
    )
    instances = frozenset(instance.name for instance in run.instances)
    return RunFindings(findings, {pending.infohash: pending.reason for pending in run.pending}, deleted, instances)


def add_findings(findings: dict[str, SyncFinding], more: Iterable[tuple[str, SyncFinding]]) -> None:
    """Add findings by the infohash or id of their torrent. Of several about one torrent, the gravest stays."""
    for key, finding in more:
        known = findings.get(key)
        if known is None or _GRAVITY.index(finding.state) < _GRAVITY.index(known.state):
            findings[key] = finding


def merge_findings(runs: Sequence[RunFindings]) -> RunFindings:
    """Return the findings of several runs as those of one, such as of the shards of a fleet."""
    if len(runs) == 1:
        return runs[0]
    findings: dict[str, SyncFinding] = {}
    pending: dict[str, str] = {}
    for run in runs:
        add_findings(findings, run.on_instances.items())
        pending.update(run.pending)
    deleted = frozenset().union(*(run.deleted for run in runs))
    return RunFindings(findings, pending, deleted, frozenset().union(*(run.instances for run in runs)))


def _iter_findings(instance: InstanceResult) -> Iterator[tuple[str, SyncFinding]]:
    refusal = "; ".join(instance.verdict.reasons) if instance.verdict.refused else ""
    for result in instance.results:
        action = result.action
        if not isinstance(action, TorrentAction) or result.outcome is Outcome.APPLIED:
            continue
        finding = judge_action(action.verb, result.outcome, result.error or action.reason, refusal)
        for key in {action.infohash, action.torrent_id} - {None}:
            assert key
            yield key, finding
    for fault in instance.faults:
        if fault.is_serious:
            yield fault.infohash, SyncFinding(SyncState.FAILED, fault.reason)


def is_contested(reason: str) -> bool:
    """True if an action waits, for this reason, because something else changes back what it sets."""
    return reason.startswith(_CONTESTED_PREFIX)


def strip_contested(reason: str) -> str:
    """Return the reason of a contested action without the word that says so."""
    return reason.removeprefix(_CONTESTED_PREFIX)


def judge_action(verb: Verb, outcome: Outcome, reason: str, refusal: str) -> SyncFinding:
    """Return the finding about a torrent from an action on it that was not applied.

    `refusal`: the reasons of the guard that refused the plan of its instance; "" if it did not.
    """
    state = _STATES_BY_OUTCOME[outcome]
    if refusal and outcome in (Outcome.PLANNED, Outcome.BLOCKED):
        return SyncFinding(SyncState.BLOCKED, refusal)
    if is_contested(reason):
        return SyncFinding(SyncState.CONTESTED, reason)
    if verb is Verb.ADD and state is SyncState.DRIFT:
        state = SyncState.PENDING
    return SyncFinding(state, reason)
