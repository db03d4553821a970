"""`reconcile status` as people read it: the instances, then the declared torrents, both as tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from humanize import naturalsize

from reconciler.model.run import Status
from reconciler.model.status import InstanceStatus, StatusReport, TorrentStatus
from reconciler.report.lines import EMPTY, Line, Span, Style, line
from reconciler.report.table import table
from reconciler.report.wording import without_name

SHOWN: Final = 50
_INSTANCES: Final = (
    "instance", "status", "qBittorrent", "torrents", "owned", "declared", "missing", "drifted", "address"
)  # fmt: skip
_TORRENTS: Final = ("", "torrent", "instance", "state", "done", "size", "infohash", "why")
_NUMBERS: Final = frozenset({"torrents", "owned", "declared", "missing", "drifted", "done", "size"})


def status_lines(status: StatusReport) -> Iterator[Line]:
    """Both tables; the torrents that need attention come first."""
    yield from table(_INSTANCES, [_instance_cells(row) for row in status.instances], _NUMBERS)
    for row in status.instances:
        if row.error:
            yield line("  ", (f"{row.name}: {without_name(row.name, row.error)}", Style.BAD))
    torrents = sorted(status.torrents, key=lambda row: row.in_sync is True)
    if torrents:
        yield EMPTY
        yield from table(_TORRENTS, [_torrent_cells(row) for row in torrents[:SHOWN]], _NUMBERS)
    if len(torrents) > SHOWN:
        hidden = torrents[SHOWN:]
        fine = sum(row.in_sync is True for row in hidden)
        rest = "all in sync" if fine == len(hidden) else f"{fine:,} in sync"
        yield line((f"… and {len(hidden):,} more, {rest}   --output json shows all", Style.DIM))


def _instance_cells(row: InstanceStatus) -> Sequence[Span]:
    bad = row.status not in (Status.OK, Status.SUSPENDED)
    read = row.version is not None
    counts = (row.torrents, row.owned, row.declared, row.missing, row.drifted)
    return (
        (row.name, Style.STRONG),
        (str(row.status), Style.ALARM if bad else Style.GOOD),
        (row.version or "-", Style.PLAIN),
        *((f"{count:,}" if read or index == 2 else "-", _tint(index, count)) for index, count in enumerate(counts)),
        (row.url, Style.DIM),
    )


def _tint(index: int, count: int) -> Style:
    return Style.WAIT if index >= 3 and count else Style.PLAIN


def _torrent_cells(row: TorrentStatus) -> Sequence[Span]:
    mark = {True: ("=", Style.GOOD), False: ("~", Style.CHANGE), None: ("?", Style.BAD)}[row.in_sync]
    return (
        mark,
        (row.name, Style.PLAIN),
        (row.instance, Style.PLAIN),
        (row.state, Style.PLAIN),
        ("-" if row.progress is None else f"{int(row.progress * 100)} %", Style.PLAIN),
        (naturalsize(row.size, binary=True) if row.size else "-", Style.PLAIN),
        (row.infohash[:10], Style.DIM),
        (row.reason, Style.WAIT),
    )
