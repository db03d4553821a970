"""`reconcile explain` as text: the declared and the live state of one torrent on each instance."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from humanize import naturalsize

from reconciler.model.explanation import Candidate, Explanation, FieldComparison, InstanceExplanation
from reconciler.model.history import PastAction, PastRun
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.plan import Outcome
from reconciler.model.run import ActionResult
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.tags import build_owner_tag, read_held_state
from reconciler.report.phrases import (
    change_text,
    fault_symbol,
    format_value,
    outcome_symbol,
    strip_instance_prefix,
    verb_symbol,
    visible_changes,
    warning_label,
)
from reconciler.report.text.lines import EMPTY_LINE, HANG, Line, Span, Style, make_line, measure_width, pad_text
from reconciler.report.text.table import TableFit, render_table

_LABEL_WIDTH: Final = 10  # columns
_INDENT: Final = "  "
_PAST_COLUMNS: Final = ("when", "instance", "", "what", "problem")
_PAST_FIT: Final = TableFit(below=("problem", "what"))
_FIELDS_FIT: Final = TableFit(below=("live", "declared"))
_HELD_TEXTS: Final = {"running": "it ran before", "forced": "it was force-started before"}


def render_explanation(explanation: Explanation, width: int | None = None) -> Iterator[Line]:
    """Return the whole explanation. `width`: the columns of the terminal, for its tables."""
    inner_width = None if width is None else width - len(_INDENT)
    yield make_line((explanation.name, Style.STRONG), (f"   {explanation.infohash}", Style.DIM))
    if explanation.pending_reason:
        yield make_line(("pending   ", Style.WAIT), (explanation.pending_reason, Style.PLAIN))
    for instance in explanation.instances:
        if instance.is_relevant:
            yield EMPTY_LINE
            yield from _render_instance(instance, explanation.owner, inner_width)
    unrelated = [instance.instance for instance in explanation.instances if not instance.is_relevant]
    if unrelated:
        yield EMPTY_LINE
        yield make_line((f"neither declared nor live on {', '.join(unrelated)}", Style.DIM))
    if explanation.recent_runs:
        yield EMPTY_LINE
        yield make_line(("recent runs", Style.STRONG))
        rows = [_build_past_action_cells(run, action) for run in explanation.recent_runs for action in run.actions]
        yield from (make_line(_INDENT, *row) for row in render_table(_PAST_COLUMNS, rows, (), inner_width, _PAST_FIT))


def render_candidates(candidates: Iterable[Candidate]) -> list[str]:
    """Return a line for each torrent that the user may have meant."""
    return [
        f"{candidate.infohash[:10]}  {candidate.name}   {', '.join(candidate.locations)}" for candidate in candidates
    ]


@dataclass(frozen=True, slots=True)
class Fact:
    """A line about a torrent on one instance. `label` is empty if the line belongs to the one above it."""

    label: str
    spans: tuple[Span, ...]


def describe_instance(instance: InstanceExplanation, owner: str) -> Iterator[Fact]:
    """Yield everything about the torrent on one instance but its fields: the words that all explanations share."""
    if instance.error:
        yield Fact("not read", ((strip_instance_prefix(instance.instance, instance.error), Style.BAD),))
    yield from _describe_declaration(instance)
    if instance.error:
        return
    if not instance.live_torrents:
        yield Fact("live", (("not here", Style.WAIT),))
    for torrent in instance.live_torrents:
        yield Fact("live", ((_live_state_text(torrent), Style.PLAIN),))
    if instance.live_torrents:
        yield Fact("owner", (_describe_owner(instance, owner),))
    if instance.fault:
        yield Fact("fault", ((instance.fault.reason, fault_symbol(instance.fault)[1]),))
    if instance.health and not instance.health.is_healthy:
        yield Fact("health", ((instance.health.reason, Style.BAD),))
    held_states = [state for torrent in instance.live_torrents if (state := read_held_state(torrent.tags))]
    if held_states:
        text = (
            f"stopped by the kill switch; {_HELD_TEXTS[held_states[0]]}, and starts again once the instance is healthy"
        )
        yield Fact("held", ((text, Style.WAIT),))
    yield from _describe_plan(instance)
    yield from _describe_guard(instance)


def _render_instance(instance: InstanceExplanation, owner: str, width: int | None) -> Iterator[Line]:
    yield make_line(
        (instance.instance, Style.STRONG), (f"   {instance.status}" if instance.status != "ok" else "", Style.ALARM)
    )
    yield from (_make_labelled_line(fact.label, *fact.spans) for fact in describe_instance(instance, owner))
    if instance.has_comparison:
        yield EMPTY_LINE
        rows = [_build_field_cells(view) for view in instance.fields]
        yield from (
            make_line(_INDENT, *row) for row in render_table(("", "declared", "live", ""), rows, (), width, _FIELDS_FIT)
        )


def _describe_declaration(instance: InstanceExplanation) -> Iterator[Fact]:
    position = (str(instance.entry.position), Style.PLAIN) if instance.entry else ("nowhere", Style.WAIT)
    yield Fact("declared", (position,))
    if instance.group:
        default_text = "unknown until the instance can be read" if instance.error else "not placed on this member"
        placement = (instance.placement_reason, Style.PLAIN) if instance.placement_reason else (default_text, Style.DIM)
        yield Fact("group", ((f"{instance.group}: ", Style.PLAIN), placement))
    if instance.entry and instance.entry.absent:
        yield Fact("", (("absent: the torrent should not be here", Style.CHANGE),))


def _describe_plan(instance: InstanceExplanation) -> Iterator[Fact]:
    label = "plan"
    for result in instance.results:
        yield Fact(label, _describe_result(result))
        for change in visible_changes(result.action):
            yield Fact("", ((change_text(change), Style.PLAIN),))
        label = ""
    if instance.spared_reason:
        yield Fact(label, (("left alone: ", Style.WAIT), (instance.spared_reason, Style.PLAIN)))
    elif not instance.results:
        is_foreign = instance.live_torrents and not instance.owned and not instance.entry
        text = "nothing to do: neither declared nor ours, so never touched" if is_foreign else "nothing to do"
        yield Fact(label, ((text, Style.GOOD),))


def _describe_result(result: ActionResult) -> tuple[Span, ...]:
    symbol, word, style = verb_symbol(result.action, result.outcome)
    warning = warning_label(result.action, result.outcome)
    return (
        (f"{symbol} {word}: ", style),
        (result.error or result.action.reason, Style.PLAIN),
        (f"   {warning}" if warning else "", Style.ALARM),
    )


def _describe_guard(instance: InstanceExplanation) -> Iterator[Fact]:
    reasons = instance.verdict.reasons
    if not instance.results:
        return
    if instance.verdict.refused:
        yield Fact("guard", (("refused: nothing is executed on this instance", Style.ALARM),))
        yield from (Fact("", ((reason, Style.PLAIN),)) for reason in reasons)
    else:
        yield Fact("guard", (("; ".join(reasons) or "passed", Style.PLAIN if reasons else Style.DIM),))


def _build_past_action_cells(run: PastRun, action: PastAction) -> Sequence[Span]:
    problem = "" if action.outcome is Outcome.APPLIED else f"{action.outcome}: {action.error or 'unknown reason'}"
    return (
        (run.started_at.astimezone().strftime("%Y-%m-%d %H:%M:%S"), Style.DIM),
        (action.instance, Style.PLAIN),
        outcome_symbol(action.verb, action.outcome),
        (action.changes or str(action.verb), Style.PLAIN),
        (problem, Style.BAD),
    )


def _live_state_text(torrent: LiveTorrent) -> str:
    size = naturalsize(torrent.size, binary=True) if torrent.size > 0 else "size not known yet"
    return f"{torrent.state} · {int(torrent.progress * 100)} % · {size} · id {torrent.id[:10]}"


def _describe_owner(instance: InstanceExplanation, owner: str) -> Span:
    names = ", ".join(build_owner_tag(name) for name in instance.other_owners)
    if instance.owned:
        return f"ours ({build_owner_tag(owner)})" + (f", and {names}" if names else ""), Style.GOOD
    return (f"another owner: {names}" if names else "unowned (no owner tag)"), Style.WAIT


def _build_field_cells(view: FieldComparison) -> Sequence[Span]:
    style = Style.CHANGE if view.differs else Style.PLAIN
    declared = ("not managed", Style.DIM) if view.declared is None else (format_value(view.field, view.declared), style)
    return (
        (view.field, Style.DIM),
        declared,
        (format_value(view.field, view.live), style),
        ("differs" if view.differs else "", style),
    )


def _make_labelled_line(label: str, *spans: Span) -> Line:
    return make_line((f"{_INDENT}{pad_text(label, max(_LABEL_WIDTH, measure_width(label)))}", Style.DIM), HANG, *spans)
