"""Made-up rows of a status."""

from __future__ import annotations

from dataclasses import replace

from reconciler.model.position import Position
from reconciler.model.run import Status
from reconciler.model.status import InstanceStatus, StatusReport, TorrentStatus, Transfer
from tests.support.example_runs import make_infohash


def make_status_row(number: int, state: str = "uploading", **rest: object) -> TorrentStatus:
    """A torrent of `home`, in sync; without progress where it is not there."""
    place = Position("desired.yaml", number, 5)
    live = state not in ("missing", "absent", "unknown", "pending")
    row = TorrentStatus("home", f"t{number}", make_infohash(number), place, state, in_sync=live)
    if live:
        row = replace(row, progress=1.0 if state.endswith(("UP", "uploading")) else 0.5, size=1024, category="")
    if state == "unknown":
        row = replace(row, in_sync=None)
    return replace(row, **rest)  # type: ignore[arg-type]


def make_status_report(*rows: TorrentStatus, status: Status = Status.OK, error: str | None = None) -> StatusReport:
    """A status report of `home`."""
    home = InstanceStatus("home", "http://home", status, error, "v5.1.0" if status is Status.OK else None)
    return StatusReport((home,), rows, declared=len(rows))


def make_transfer(eta: int | None = None, ratio: float | None = None, down: int = 0, up: int = 0) -> Transfer:
    """The progress of a transfer."""
    return Transfer(eta, ratio, down, up)
