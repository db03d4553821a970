"""Waiting until what is declared is complete. Pure: it judges one look after the other."""

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
    """Waits for the torrents that a selection takes, except those declared absent.

    What is waited for is settled when its instance is first read: a torrent that gets another category or state
    afterwards is waited for all the same. What is in trouble has to be so in two looks: a server that is starting
    does not show all its torrents at once.
    """

    def __init__(self, selection: TorrentFilter) -> None:
        self._selection = selection
        self._selected: dict[tuple[Position | None, str], bool] = {}
        self._previous_problems: frozenset[str] = frozenset()

    def select_torrents(self, report: StatusReport) -> tuple[TorrentStatus, ...]:
        """The torrents that are waited for."""
        for row in report.torrents:
            if row.in_sync is not None and row.state != PENDING_STATE:
                self._selected.setdefault((row.position, row.instance), self._selection.matches(row))
        return tuple(
            row
            for row in report.torrents
            if not row.absent and self._selected.get((row.position, row.instance), self._selection.can_match(row))
        )

    def evaluate_report(self, report: StatusReport) -> WaitResult | None:
        """How it ended, with this look; None where it goes on."""
        rows = self.select_torrents(report)
        if not rows:
            return WaitResult(WaitOutcome.FAILED, ("no declared torrent is selected, so there is nothing to wait for",))
        trouble = tuple(_find_problems(rows, report.instances))
        certain = tuple(text for text in trouble if text in self._previous_problems)
        self._previous_problems = frozenset(trouble)
        if certain:
            return WaitResult(WaitOutcome.FAILED, certain)
        return WaitResult(WaitOutcome.COMPLETE) if all(row.is_complete for row in rows) else None


def build_timeout_result(rows: Iterable[TorrentStatus]) -> WaitResult:
    """The end of waiting where time is up."""
    return WaitResult(
        WaitOutcome.TIMEOUT, tuple(_problem_text(row, _progress_text(row)) for row in rows if not row.is_complete)
    )


def _find_problems(rows: Iterable[TorrentStatus], instances: Iterable[InstanceStatus]) -> Iterable[str]:
    wanted = {row.instance for row in rows}
    for one in instances:
        if one.name in wanted and one.status in _PERMANENT_FAILURES:
            yield one.error or f"{one.name}: {one.status}"
    for row in rows:
        if row.state in _PROBLEM_REASONS:
            yield _problem_text(row, _PROBLEM_REASONS[row.state])
        elif row.paused and row.phase is Phase.STOPPED and not row.is_complete:
            yield _problem_text(row, "stopped, as it is declared (`paused: true`), so it does not get complete")


def _progress_text(row: TorrentStatus) -> str:
    return str(row.phase) if row.progress is None else f"{row.phase}, {int(row.progress * 100)} %"


def _problem_text(row: TorrentStatus, problem: str) -> str:
    return f"{row.name} on {row.instance}: {problem}"
