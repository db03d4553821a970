"""Waiting until what is declared is complete. Pure: it judges one look after the other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from reconciler.model.position import Position
from reconciler.model.run import Status
from reconciler.model.status import (
    PENDING,
    InstanceStatus,
    Phase,
    Selection,
    StatusReport,
    TorrentStatus,
    Waited,
    WaitOutcome,
)

_HOPELESS: Final = (Status.AUTH_FAILED, Status.BANNED, Status.UNSUPPORTED)
_WHY: Final = {
    "missing": "not on its instance; a run of reconcile adds it",
    "missingFiles": "its data is gone from disk",
    "error": "qBittorrent reports an error",
}


class Completion:
    """Waits for the torrents that a selection takes, except those declared absent.

    What is waited for is settled when its instance is first read: a torrent that gets another category or state
    afterwards is waited for all the same. What is in trouble has to be so in two looks: a server that is starting
    does not show all its torrents at once.
    """

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._settled: dict[tuple[Position | None, str], bool] = {}
        self._trouble: frozenset[str] = frozenset()

    def of(self, report: StatusReport) -> tuple[TorrentStatus, ...]:
        """The torrents that are waited for."""
        for row in report.torrents:
            if row.in_sync is not None and row.state != PENDING:
                self._settled.setdefault((row.source, row.instance), self._selection.takes(row))
        return tuple(
            row
            for row in report.torrents
            if not row.absent and self._settled.get((row.source, row.instance), self._selection.may_take(row))
        )

    def judge(self, report: StatusReport) -> Waited | None:
        """How it ended, with this look; None where it goes on."""
        rows = self.of(report)
        if not rows:
            return Waited(WaitOutcome.FAILED, ("no declared torrent is selected, so there is nothing to wait for",))
        trouble = tuple(_trouble(rows, report.instances))
        certain = tuple(text for text in trouble if text in self._trouble)
        self._trouble = frozenset(trouble)
        if certain:
            return Waited(WaitOutcome.FAILED, certain)
        return Waited(WaitOutcome.COMPLETE) if all(row.complete for row in rows) else None


def late(rows: Iterable[TorrentStatus]) -> Waited:
    """The end of waiting where time is up."""
    return Waited(WaitOutcome.TIMEOUT, tuple(_said(row, _how(row)) for row in rows if not row.complete))


def _trouble(rows: Iterable[TorrentStatus], instances: Iterable[InstanceStatus]) -> Iterable[str]:
    wanted = {row.instance for row in rows}
    for one in instances:
        if one.name in wanted and one.status in _HOPELESS:
            yield one.error or f"{one.name}: {one.status}"
    for row in rows:
        if row.state in _WHY:
            yield _said(row, _WHY[row.state])
        elif row.paused and row.phase is Phase.STOPPED and not row.complete:
            yield _said(row, "stopped, as it is declared (`paused: true`), so it does not get complete")


def _how(row: TorrentStatus) -> str:
    return str(row.phase) if row.progress is None else f"{row.phase}, {int(row.progress * 100)} %"


def _said(row: TorrentStatus, what: str) -> str:
    return f"{row.name} on {row.instance}: {what}"
