"""`status --wait`: the torrents to wait for, and when waiting ends. Pure: it evaluates one report after another."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from reconciler.model.position import Position
from reconciler.model.run import Status
from reconciler.model.status import (
    PENDING_STATE,
    InstanceStatus,
    Phase,
    StatusReport,
    TorrentFilter,
    TorrentStatus,
    WaitOutcome,
    WaitResult,
)

_PERMANENT_FAILURES: Final = (Status.AUTH_FAILED, Status.BANNED, Status.UNSUPPORTED)
_PROBLEM_REASONS: Final = {
    "missing": "not on its instance; a run of reconcile adds it",
    "missingFiles": "its data is gone from disk",
    "error": "qBittorrent reports an error",
}


class CompletionTracker:
    """Tracks the torrents that a selection matches, except those declared absent.

    A torrent is selected when its instance is first read; it stays selected if its category or state changes later.
    A problem counts when two reports in a row show it, because a starting server does not list all torrents at once.
    """

    def __init__(self, selection: TorrentFilter) -> None:
        self._selection = selection
        self._selected: dict[tuple[Position | None, str], bool] = {}
        self._previous_problems: frozenset[str] = frozenset()

    def select_torrents(self, report: StatusReport) -> tuple[TorrentStatus, ...]:
        """Return the torrents to wait for."""
        for row in report.torrents:
            if row.in_sync is not None and row.state != PENDING_STATE:
                self._selected.setdefault((row.position, row.instance), self._selection.matches(row))
        return tuple(
            row
            for row in report.torrents
            if not row.absent and self._selected.get((row.position, row.instance), self._selection.can_match(row))
        )

    def evaluate_report(self, report: StatusReport) -> WaitResult | None:
        """Return the result with which waiting ends; None if it goes on."""
        rows = self.select_torrents(report)
        if not rows:
            return WaitResult(WaitOutcome.FAILED, ("no declared torrent is selected, so there is nothing to wait for",))
        problems = tuple(_find_problems(rows, report.instances))
        confirmed = tuple(problem for problem in problems if problem in self._previous_problems)
        self._previous_problems = frozenset(problems)
        if confirmed:
            return WaitResult(WaitOutcome.FAILED, confirmed)
        return WaitResult(WaitOutcome.COMPLETE) if all(row.is_complete for row in rows) else None


def build_timeout_result(rows: Iterable[TorrentStatus]) -> WaitResult:
    """Return the result of waiting that has timed out."""
    return WaitResult(
        WaitOutcome.TIMEOUT, tuple(_problem_text(row, _progress_text(row)) for row in rows if not row.is_complete)
    )


def _find_problems(rows: Iterable[TorrentStatus], instances: Iterable[InstanceStatus]) -> Iterable[str]:
    names = {row.instance for row in rows}
    for instance in instances:
        if instance.name in names and instance.status in _PERMANENT_FAILURES:
            yield instance.error or f"{instance.name}: {instance.status}"
    for row in rows:
        if row.state in _PROBLEM_REASONS:
            yield _problem_text(row, _PROBLEM_REASONS[row.state])
        elif row.paused and row.phase is Phase.STOPPED and not row.is_complete:
            yield _problem_text(row, "stopped because of `paused: true`, so it will not complete")


def _progress_text(row: TorrentStatus) -> str:
    return str(row.phase) if row.progress is None else f"{row.phase}, {int(row.progress * 100)} %"


def _problem_text(row: TorrentStatus, problem: str) -> str:
    return f"{row.name} on {row.instance}: {problem}"
