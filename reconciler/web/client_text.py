"""The status of a running loop as people read it on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from humanize import naturaldelta, precisedelta

from reconciler.model.run import Status
from reconciler.report.phrases import without_name
from reconciler.report.text.lines import EMPTY, Line, Span, Style, line, table
from reconciler.web.client import LoopStatus, OneInstance
from reconciler.web.loop_view import State

HEADLINES: Final = {
    State.STUCK: ("The loop is stuck", "bad"),
    State.STARTING: ("Starting", "wait"),
    State.INVALID: ("The desired state is invalid", "bad"),
    State.REFUSED: ("Refused by the guard", "bad"),
    State.DEGRADED: ("Not every instance is well", "bad"),
    State.ATTENTION: ("Something needs a person", "bad"),
    State.PENDING: ("Changes pending", "wait"),
    State.IN_SYNC: ("In sync", "good"),
}


def every(seconds: float) -> str:
    """`every 1 minute and 30 seconds`."""
    return f"every {precisedelta(timedelta(seconds=seconds), format='%g')}"


def ago(at: datetime, now: datetime) -> str:
    """`5 minutes ago`."""
    return "just now" if now - at < timedelta(seconds=1) else f"{naturaldelta(now - at)} ago"


def until(at: datetime, now: datetime) -> str:
    """`in 5 minutes`."""
    return "now" if at - now < timedelta(seconds=1) else f"in {naturaldelta(at - now)}"


_HEAD: Final = ("instance", "status", "qBittorrent", "owned", "not ours", "drift", "next try", "address")
_NUMBERS: Final = frozenset({"owned", "not ours", "drift"})
_STYLES: Final = {"good": Style.GOOD, "wait": Style.WAIT, "bad": Style.ALARM}


def loop_lines(loop: LoopStatus) -> Iterator[Line]:
    """The loop in a few lines, then its instances as a table, then what is wrong."""
    headline, tone = HEADLINES[loop.state]
    yield line(("reconcile ", Style.STRONG), loop.version, "  ", (headline, _STYLES[tone]))
    yield from (line("  ", (reason, Style.BAD)) for reason in loop.reasons)
    yield from _runs(loop)
    for problem in loop.desired_state.problems:
        where = f"{problem.file}:{problem.line}:{problem.column}: "
        yield line((where, Style.STRONG), ("error: ", Style.BAD), problem.message, (_mend(problem.mend), Style.DIM))
    if loop.instances:
        yield EMPTY
        yield from table(_HEAD, [_cells(one, loop) for one in loop.instances], _NUMBERS)
    for one in loop.instances:
        why = (one.waiting.reason if one.waiting else one.error) or ""
        reasons = [without_name(one.name, why)] if why and not _well(one) else []
        guard = [f"guard: {reason}" for reason in one.guard.reasons]
        yield from (line("  ", (f"{one.name}: {said}", Style.BAD)) for said in reasons + guard)


def _runs(loop: LoopStatus) -> Iterator[Line]:
    last = loop.last_run
    if last is None:
        return
    how = f"{ago(last.began, loop.now)} ({last.trigger}), took {last.seconds:.1f} s"
    yield line("  last run   ", how, ": ", last.sentence)
    yield line("  all well   ", ago(loop.last_success, loop.now) if loop.last_success else "never")
    if loop.next:
        yield line("  next run   ", until(loop.next, loop.now), f" or earlier; {every(loop.interval)}")


def _cells(one: OneInstance, loop: LoopStatus) -> Sequence[Span]:
    counts = (one.owned, one.foreign, one.drift)
    word = "waiting" if one.waiting and not one.up else one.status or "not read yet"
    return (
        (one.name, Style.STRONG),
        (word, Style.GOOD if _well(one) else Style.ALARM),
        (one.version or "-", Style.PLAIN),
        *(("-" if count is None else f"{count:,}", Style.PLAIN) for count in counts),
        (until(one.waiting.until, loop.now) if one.waiting else "-", Style.PLAIN),
        (one.url or "-", Style.DIM),
    )


def _well(one: OneInstance) -> bool:
    return one.up and one.status != Status.UNHEALTHY


def _mend(mend: str) -> str:
    return f". {mend}" if mend else ""
