"""`reconcile status` as text: a table of the instances, and one of the declared torrents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from humanize import naturalsize

from reconciler.model.status import FIRST_PAGE, InstanceStatus, Pagination, Phase, StatusReport, TorrentStatus
from reconciler.report.drains import render_drains
from reconciler.report.phrases import fault_symbol, strip_instance_prefix
from reconciler.report.text.lines import EMPTY_LINE, Line, Span, Style, make_line
from reconciler.report.text.problems import format_count
from reconciler.report.text.table import TableFit, render_table

DEFAULT_TORRENT_LIMIT: Final = 50
_INSTANCE_COLUMNS: Final = (
    "instance", "status", "qBittorrent", "torrents", "owned", "declared", "missing", "drifted", "address"
)  # fmt: skip
_TORRENT_COLUMNS: Final = (
    "", "torrent", "instance", "state", "done", "ETA", "down", "up", "ratio", "size", "infohash", "reason"
)  # fmt: skip
_INSTANCES_FIT: Final = TableFit(expendable=("address", "owned", "qBittorrent", "torrents", "declared"))
_NUMERIC_COLUMNS: Final = frozenset(
    {"torrents", "owned", "declared", "missing", "drifted", "done", "ETA", "down", "up", "ratio", "size"}
)
_ALARMING_PHASES: Final = (Phase.ERROR, Phase.MISSING, Phase.PENDING, Phase.UNKNOWN)
_RESTING_PHASES: Final = (Phase.STOPPED, Phase.ABSENT)
_PHASE_STYLES: Final = {
    **dict.fromkeys(_ALARMING_PHASES, Style.BAD),
    Phase.DOWNLOADING: Style.GOOD,
    Phase.STALLED: Style.WAIT,
    Phase.STOPPED: Style.DIM,
}
_TIME_UNITS: Final = (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))


def render_status(status: StatusReport, page: Pagination = FIRST_PAGE, width: int | None = None) -> Iterator[Line]:
    """Return both tables and the totals. Torrents that need attention come first, then those in progress.

    The totals come last, where a long report ends on a terminal. `width`: its columns.
    """
    instances = [_build_instance_cells(row) for row in status.instances]
    yield from render_table(_INSTANCE_COLUMNS, instances, _NUMERIC_COLUMNS, width, _INSTANCES_FIT)
    for row in status.instances:
        if row.error:
            yield make_line("  ", (f"{row.name}: {strip_instance_prefix(row.name, row.error)}", Style.BAD))
    yield EMPTY_LINE
    if status.drains:
        yield from render_drains(status.drains)
        yield EMPTY_LINE
    torrents = sorted(status.torrents, key=_rank_torrent)
    limit = DEFAULT_TORRENT_LIMIT if page.limit is None else page.limit
    shown, following = torrents[page.offset : page.offset + limit], torrents[page.offset + limit :]
    if shown:
        rows = [_build_torrent_cells(row) for row in shown]
        yield from render_table(_TORRENT_COLUMNS, rows, _NUMERIC_COLUMNS, width, _choose_fit(status))
    elif torrents:
        yield make_line((f"No torrents from --offset {page.offset} on", Style.WAIT))
    if following:
        advice = f"--offset {page.offset + limit} shows the next page, --limit N a longer page, --output json all"
        yield make_line((f"… and {len(following):,} more: {_phase_counts_text(following)}   {advice}", Style.DIM))
    if torrents:
        yield EMPTY_LINE
    yield _render_summary(status)


def _choose_fit(status: StatusReport) -> TableFit:
    """Return how the table of the torrents gets narrower: a single instance need not be named in each row."""
    instance = ("instance",)
    numbers = ("ratio", "infohash", "size", "up", "down", "ETA")
    expendable = (*instance, *numbers) if len(status.instances) == 1 else (*numbers, *instance)
    return TableFit(below=("reason",), names="torrent", expendable=(*expendable, "done"))


def progress_text(torrents: Sequence[TorrentStatus]) -> str:
    """Return the total progress: `3 of 12 complete · 41 % of 4.2 GiB · 2.1 MiB/s · 12m3s to go · 9 stalled`."""
    size, done = sum(row.size or 0 for row in torrents), sum(_count_done_bytes(row) for row in torrents)
    rate = sum(row.transfer.download_rate for row in torrents if row.transfer)
    incomplete = [row for row in torrents if not row.is_complete]
    parts = [
        f"{len(torrents) - len(incomplete):,} of {len(torrents):,} complete",
        f"{int(done * 100 / size)} % of {naturalsize(size, binary=True)}" if size else "",
        format_rate(rate) if rate else "",
        f"{format_duration((size - done) // rate)} to go" if rate else "",
        _phase_counts_text(incomplete),
    ]
    return " · ".join(filter(None, parts))


def format_rate(rate: int) -> str:
    """Return bytes per second, rounded, in a readable unit: `2.1 MiB/s`. `model.units` has exact ones."""
    return f"{naturalsize(rate, binary=True)}/s".replace("Bytes", "B").replace("Byte", "B")


def format_duration(seconds: int) -> str:
    """Return a time in its two largest units: `2d3h`, `3m20s`, `0s`."""
    parts: list[str] = []
    for unit, size in _TIME_UNITS:
        number, seconds = divmod(seconds, size)
        if parts or number:
            parts.append(f"{number}{unit}" if number else "")
    return "".join(parts[:2]) or "0s"


def _render_summary(status: StatusReport) -> Line:
    torrents = status.torrents
    if not torrents:
        text = f"None of the {format_count(status.declared, 'declared torrent')} is selected"
        return make_line((text if status.declared else "No torrents are declared here", Style.WAIT))
    is_selection = len(torrents) < status.declared
    prefix = f"{len(torrents):,} of " if is_selection else ""
    transfers = [row.transfer for row in torrents if row.transfer]
    down = sum(transfer.download_rate for transfer in transfers)
    up = sum(transfer.upload_rate for transfer in transfers)
    rates = [f"down {format_rate(down)}"] * bool(down) + [f"up {format_rate(up)}"] * bool(up)
    head = f"{prefix}{format_count(status.declared if is_selection else len(torrents), 'declared torrent')}: "
    return make_line((head, Style.STRONG), " · ".join([_phase_counts_text(torrents), *rates]))


def _phase_counts_text(torrents: Iterable[TorrentStatus]) -> str:
    counts = Counter(row.phase for row in torrents)
    return ", ".join(f"{counts[phase]:,} {phase}" for phase in Phase if counts[phase])


def _rank_torrent(row: TorrentStatus) -> int:
    if row.phase in _ALARMING_PHASES:
        return 0
    if row.in_sync is not True:
        return 1
    return 3 if row.is_complete or row.phase in _RESTING_PHASES else 2


def _count_done_bytes(row: TorrentStatus) -> int:
    return int((row.size or 0) * (row.progress or 0.0))


def _build_instance_cells(row: InstanceStatus) -> Sequence[Span]:
    is_read = row.version is not None
    counts = (row.torrents, row.owned, row.declared, row.missing, row.drifted)
    return (
        (row.name, Style.STRONG),
        (str(row.status), Style.GOOD if row.status.is_ok else Style.ALARM),
        (row.version or "-", Style.PLAIN),
        *(
            (f"{count:,}" if is_read or index == 2 else "-", _choose_style(index, count))
            for index, count in enumerate(counts)
        ),
        (row.url, Style.DIM),
    )


def _choose_style(index: int, count: int) -> Style:
    return Style.WAIT if index >= 3 and count else Style.PLAIN


def _build_torrent_cells(row: TorrentStatus) -> Sequence[Span]:
    symbol = {True: ("=", Style.GOOD), False: ("~", Style.CHANGE), None: ("?", Style.BAD)}[row.in_sync]
    fault = row.fault
    if fault and fault.is_serious:
        symbol = fault_symbol(fault)
    transfer = row.transfer
    reason = "; ".join(text for text in (fault.reason if fault else "", row.reason) if text)
    return (
        symbol,
        (row.name, Style.PLAIN),
        (row.instance, Style.PLAIN),
        (str(row.phase), _PHASE_STYLES.get(row.phase, Style.PLAIN)),
        ("-" if row.progress is None else f"{int(row.progress * 100)} %", Style.PLAIN),
        (format_duration(transfer.eta) if transfer and transfer.eta is not None else "-", Style.PLAIN),
        (format_rate(transfer.download_rate) if transfer and transfer.download_rate else "-", Style.PLAIN),
        (format_rate(transfer.upload_rate) if transfer and transfer.upload_rate else "-", Style.PLAIN),
        (f"{transfer.ratio:.2f}" if transfer and transfer.ratio is not None else "-", Style.PLAIN),
        (naturalsize(row.size, binary=True) if row.size else "-", Style.PLAIN),
        (row.infohash[:10], Style.DIM),
        (reason, Style.WAIT),
    )
