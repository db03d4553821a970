"""Made-up rows of a status."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from reconciler.model.position import Position
from reconciler.model.run import Status
from reconciler.model.status import InstanceStatus, StatusReport, TorrentStatus, Transfer
from tests.support.example_runs import FAULTS, make_infohash


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


MIXED_TORRENTS = make_status_report(
    make_status_row(1, name="done", transfer=make_transfer(ratio=1.5, up=2048), size=2_147_483_648),
    make_status_row(
        2, "downloading", name="half", transfer=make_transfer(eta=3700, ratio=0, down=1_258_291), category="linux"
    ),
    make_status_row(3, "stoppedDL", name="paused", transfer=make_transfer(ratio=0)),
    make_status_row(4, "missing", name="进击的巨人", in_sync=False, reason="not on the instance"),
    make_status_row(5, "missingFiles", name="lost", in_sync=False, reason="tags differ", fault=FAULTS[1]),
    make_status_row(6, "unknown", name="x\x1b[2J", instance="attic", reason="its instance could not be read"),
)


@cache
def make_many_torrents() -> StatusReport:
    """Ten thousand torrents, of which the last ten are stopped."""
    return make_status_report(
        *(make_status_row(number) for number in range(9_990)),
        *(make_status_row(number, "pausedUP") for number in range(9_990, 10_000)),
    )
