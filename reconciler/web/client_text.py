"""The status of a running loop as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from humanize import naturaldelta, precisedelta

from reconciler.model.run import Status
from reconciler.report.phrases import strip_instance_prefix, suspension_text
from reconciler.report.text.lines import EMPTY_LINE, HANG, Line, Span, Style, make_line
from reconciler.report.text.table import TableFit, render_table
from reconciler.web.client import InstancePayload, LoopStatus
from reconciler.web.loop_view import LoopState

STATE_HEADLINES: Final = {
    LoopState.STUCK: ("The loop is stuck", "bad"),
    LoopState.STARTING: ("Starting", "wait"),
    LoopState.INVALID: ("The desired state is invalid", "bad"),
    LoopState.REFUSED: ("Refused by the guard", "bad"),
    LoopState.DEGRADED: ("Some instances are down or unhealthy", "bad"),
    LoopState.ATTENTION: ("Something needs attention", "bad"),
    LoopState.PENDING: ("Something is pending", "wait"),
    LoopState.IN_SYNC: ("In sync", "good"),
}
_COLUMNS: Final = ("instance", "status", "qBittorrent", "owned", "not ours", "drift", "next try", "address")
_FIT: Final = TableFit(expendable=("address", "qBittorrent", "not ours", "owned"))
_NUMERIC_COLUMNS: Final = frozenset({"owned", "not ours", "drift"})
_TONE_STYLES: Final = {"good": Style.GOOD, "wait": Style.WAIT, "bad": Style.ALARM}


def interval_text(seconds: float) -> str:
    """Format an interval: `every 1 minute and 30 seconds`."""
    return f"every {precisedelta(timedelta(seconds=seconds), format='%g')}"


def elapsed_text(time: datetime, now: datetime) -> str:
    """Format a past time: `5 minutes ago`."""
    return "just now" if now - time < timedelta(seconds=1) else f"{naturaldelta(now - time)} ago"


def lasting_text(since: datetime, now: datetime) -> str:
    """Format the time for which something has lasted: `for 5 minutes`."""
    return f"for {naturaldelta(now - since)}"


def remaining_text(time: datetime, now: datetime) -> str:
    """Format a future time: `in 5 minutes`."""
    return "now" if time - now < timedelta(seconds=1) else f"in {naturaldelta(time - now)}"


def render_loop_status(loop: LoopStatus, width: int | None = None) -> Iterator[Line]:
    """Render the state of the loop, a table of its instances, and their errors.

    `width`: the columns of the terminal, for the table.
    """
    headline, tone = STATE_HEADLINES[loop.state]
    yield make_line(("reconcile ", Style.STRONG), loop.version, "  ", (headline, _TONE_STYLES[tone]))
    yield from (make_line("  ", (reason, Style.BAD)) for reason in loop.reasons)
    yield from _render_runs(loop)
    for problem in loop.desired_state.problems:
        position = f"{problem.file}:{problem.line}:{problem.column}: "
        yield make_line(
            (position, Style.STRONG),
            (f"error[{problem.code}]: " if problem.code else "error: ", Style.BAD),
            problem.message,
            (_hint_text(problem.hint), Style.DIM),
        )
    if loop.instances:
        yield EMPTY_LINE
        rows = [_render_cells(instance, loop) for instance in loop.instances]
        yield from render_table(_COLUMNS, rows, _NUMERIC_COLUMNS, width, _FIT)
    for instance in loop.instances:
        error = (instance.waiting.reason if instance.waiting else instance.error) or ""
        reasons = [strip_instance_prefix(instance.name, error)] if error and not _is_healthy(instance) else []
        reasons += [f"guard: {reason}" for reason in instance.guard.reasons]
        yield from (make_line("  ", (f"{instance.name}: {reason}", Style.BAD)) for reason in reasons)
        if instance.suspended_until:
            yield make_line("  ", (f"{instance.name}: {suspension_text(instance.suspended_until)}", Style.WAIT))


def _render_runs(loop: LoopStatus) -> Iterator[Line]:
    last = loop.last_run
    if last is None:
        return
    timing = f"{elapsed_text(last.began, loop.now)} ({last.trigger}), took {last.seconds:.1f} s"
    yield make_line("  last run   ", HANG, timing, ": ", last.sentence)
    yield make_line("  success    ", HANG, elapsed_text(loop.last_success, loop.now) if loop.last_success else "never")
    if loop.next:
        yield make_line(
            "  next run   ", HANG, remaining_text(loop.next, loop.now), f" or earlier; {interval_text(loop.interval)}"
        )


def _render_cells(instance: InstancePayload, loop: LoopStatus) -> Sequence[Span]:
    counts = (instance.owned, instance.foreign, instance.drift)
    status = "waiting" if instance.waiting and not instance.up else instance.status or "not read yet"
    return (
        (instance.name, Style.STRONG),
        (status, Style.GOOD if _is_healthy(instance) else Style.ALARM),
        (instance.version or "-", Style.PLAIN),
        *(("-" if count is None else f"{count:,}", Style.PLAIN) for count in counts),
        (remaining_text(instance.waiting.until, loop.now) if instance.waiting else "-", Style.PLAIN),
        (instance.url or "-", Style.DIM),
    )


def _is_healthy(instance: InstancePayload) -> bool:
    return instance.up and instance.status != Status.UNHEALTHY


def _hint_text(hint: str) -> str:
    return f". {hint}" if hint else ""
