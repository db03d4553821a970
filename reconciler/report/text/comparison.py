"""A comparison of two desired states as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from reconciler.model.comparison import ComparedInstance, Comparison, IneffectiveChange, Presence
from reconciler.model.run import InstanceResult
from reconciler.report.comparison import build_run, ineffective_text, setting_text
from reconciler.report.phrases import capitalize_sentence, dim_suffix
from reconciler.report.summary import summary_text
from reconciler.report.text.actions import MAX_ENTRIES, render_instance_actions, render_pending
from reconciler.report.text.lines import EMPTY_LINE, Line, Span, Style, make_line, measure_width, pad_text
from reconciler.report.text.problems import format_count

NO_DIFFERENCE_TEXT: Final = "No difference: both declare the same"


def render_comparison(comparison: Comparison) -> Iterator[Line]:
    """Return the whole report."""
    if comparison.is_empty and not comparison.pending:
        yield make_line((NO_DIFFERENCE_TEXT, Style.GOOD))
        return
    if comparison.settings:
        yield make_line(("settings", Style.STRONG))
        yield from (make_line("  ", (setting_text(change), Style.WAIT)) for change in comparison.settings)
        yield EMPTY_LINE
    run = build_run(comparison)
    width = max(measure_width(instance.name) for instance in comparison.instances)
    for instance, result in zip(comparison.instances, run.instances, strict=True):
        yield make_line(
            (pad_text(instance.name, width), Style.STRONG), "  ", _render_state(instance), _render_facts(instance)
        )
        body = list(_render_body(instance, result))
        yield from body
        if body:
            yield EMPTY_LINE
    if comparison.pending:
        yield from render_pending(comparison.pending)
        yield EMPTY_LINE
    yield make_line((capitalize_sentence(summary_text(run)), Style.STRONG))


def _render_state(instance: ComparedInstance) -> Span:
    if instance.presence is Presence.REMOVED:
        return f"no longer declared: its {format_count(instance.owned, 'torrent')} stay as they are", Style.WAIT
    if instance.verdict.refused:
        return "REFUSED by the guard: a run would change nothing here", Style.ALARM
    changes = format_count(len(instance.actions), "change") if instance.actions else "no changes"
    is_new = ", newly declared" if instance.presence is Presence.ADDED else ""
    return f"{changes}{is_new}", Style.PLAIN if instance.actions or is_new else Style.GOOD


def _render_facts(instance: ComparedInstance) -> Span:
    if instance.presence is not Presence.BOTH:
        return "", Style.DIM
    return dim_suffix(f"{format_count(instance.owned, 'torrent')} before")


def _render_body(instance: ComparedInstance, result: InstanceResult) -> Iterator[Line]:
    style = Style.BAD if instance.verdict.refused else Style.WAIT
    yield from (make_line("  ", (f"guard: {reason}", style)) for reason in instance.verdict.reasons)
    yield from render_instance_actions(result, has_sizes=False)
    yield from _render_ineffective(instance.ineffective)


def _render_ineffective(changes: Sequence[IneffectiveChange]) -> Iterator[Line]:
    if changes:
        yield make_line(("  without effect on what is there:", Style.DIM))
    for change in changes[:MAX_ENTRIES]:
        yield make_line(
            "    ", change.subject, (f"  {ineffective_text(change)}", Style.DIM), dim_suffix(str(change.position or ""))
        )
    if len(changes) > MAX_ENTRIES:
        yield make_line((f"    … and {len(changes) - MAX_ENTRIES:,} more", Style.STRONG))
