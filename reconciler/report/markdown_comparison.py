"""A comparison of two desired states as a comment on a pull request.

Text that may come from a torrent or a file is in code, where Markdown activates no mention, link or HTML.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Final

from reconciler.model.comparison import ComparedInstance, Comparison, Presence
from reconciler.model.run import InstanceResult, RunMode
from reconciler.report.comparison import build_run, ineffective_text, setting_text
from reconciler.report.markdown import MAX_COMMENT_LENGTH, put_deletions_first, rank_instance, render_diff_section
from reconciler.report.sanitize import format_code_span, truncate_text
from reconciler.report.summary import instance_summary_text, summary_text
from reconciler.report.text.actions import render_instance_actions
from reconciler.report.text.comparison import NO_DIFFERENCE_TEXT
from reconciler.report.text.problems import format_count

_MAX_ROWS: Final = 50  # of each list
_MAX_PHRASE_LENGTH: Final = 200  # characters


def render_comparison_markdown(comparison: Comparison) -> str:
    """Return the whole comment, at most `MAX_COMMENT_LENGTH` characters."""
    run = build_run(comparison)
    is_equal = comparison.is_empty and not comparison.pending
    title = NO_DIFFERENCE_TEXT.lower() if is_equal else summary_text(run)
    head = [
        f"### reconcile diff: {title}",
        "",
        f"{format_code_span(comparison.old)} → {format_code_span(comparison.new)}",
    ]
    lines = chain(
        _render_refusals(comparison),
        _render_list("settings", [setting_text(change) for change in comparison.settings]),
        _render_list("pending", [f"{torrent.name}: {torrent.reason}" for torrent in comparison.pending]),
    )
    sections, room = ["\n".join([*head, "", *lines])], MAX_COMMENT_LENGTH
    compared = sorted(
        zip(comparison.instances, run.instances, strict=True), key=lambda instance: rank_instance(instance[1])
    )
    for index, (instance, result) in enumerate(compared):
        room -= len(sections[-1])
        section = _render_instance(instance, result, room // (len(comparison.instances) - index))
        if len(section) > room:
            missing = format_count(len(comparison.instances) - index, "instance")
            sections.append(f"\n{missing} more did not fit into this comment. The JSON report is complete.\n")
            break
        sections.append(section)
    return "".join(sections).rstrip() + "\n"


def _render_refusals(comparison: Comparison) -> Iterator[str]:
    refused = [instance for instance in comparison.instances if instance.verdict.refused]
    if not refused:
        return
    yield "> [!CAUTION]"
    yield "> **The guard would refuse this change.** `reconcile --dry-run` shows the hash that approves it."
    for instance in refused[:_MAX_ROWS]:
        for reason in instance.verdict.reasons:
            yield f"> - {format_code_span(truncate_text(f'{instance.name}: {reason}', _MAX_PHRASE_LENGTH))}"
    yield ""


def _render_list(title: str, texts: Sequence[str]) -> Iterator[str]:
    if not texts:
        return
    yield f"**{title}**"
    yield ""
    yield from (f"- {format_code_span(truncate_text(text, _MAX_PHRASE_LENGTH))}" for text in texts[:_MAX_ROWS])
    if len(texts) > _MAX_ROWS:
        yield f"- … and {len(texts) - _MAX_ROWS:,} more. The JSON report is complete."
    yield ""


def _render_instance(instance: ComparedInstance, result: InstanceResult, max_length: int) -> str:
    name = format_code_span(instance.name)
    if instance.presence is Presence.REMOVED:
        return f"\n**{name}** is no longer declared: its {format_count(instance.owned, 'torrent')} stay as they are.\n"
    parts = []
    if instance.actions or instance.spared:
        counts = instance_summary_text(result, RunMode.DRY_RUN)
        lines = render_instance_actions(put_deletions_first(result), has_sizes=False)
        parts.append(render_diff_section(instance.name, lines, counts, max_length))
    if instance.ineffective:
        texts = [f"{change.subject}: {ineffective_text(change)}" for change in instance.ineffective]
        parts.append("\n".join(["", *_render_list(f"{name}: without effect on what is there", texts)]))
    return "\n".join(parts)
