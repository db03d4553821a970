"""A run as a comment on a pull request: the guard's verdict, the counts, then the plan of each instance as a diff.

Deletions come first, so that they are seen, and are the last to be cut. Every text that is not ours is in code, where
no forge activates a mention, a link or HTML. (A backslash before `@` does not stop a mention.)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from reconciler.model.groups import DrainProgress
from reconciler.model.plan import EndlessChange, Verb
from reconciler.model.position import Problem
from reconciler.model.run import ActionResult, InstanceResult, Run, RunMode
from reconciler.report.blast import is_quarantine
from reconciler.report.drains import drain_reasons, drain_text
from reconciler.report.phrases import (
    endless_subject,
    endless_text,
    refusal_reasons,
    snapshot_age_text,
    strip_instance_prefix,
)
from reconciler.report.sanitize import (
    choose_code_fence,
    escape_html,
    format_code_span,
    format_table_code,
    truncate_text,
)
from reconciler.report.summary import COUNT_KEYS, instance_summary_text, summarize_instance, summary_text
from reconciler.report.text.actions import render_instance_actions
from reconciler.report.text.expectation import expectation_text, render_difference
from reconciler.report.text.lines import Line, render_plain
from reconciler.report.text.problems import format_count

MAX_COMMENT_LENGTH: Final = 60_000  # characters; GitHub accepts 65,536, and people add text of their own
_MAX_LINE_LENGTH: Final = 300  # characters
_MAX_UNFOLDED_LINES: Final = 15  # of an instance; more are folded
_MAX_ROWS: Final = 50  # of each list above the diffs
_MAX_DIFFERENCE_LINES: Final = 100  # between the expected plan and the plan
_MAX_PHRASE_LENGTH: Final = 200  # characters of one entry in such a list
_ALWAYS_SHOWN_KEYS: Final = ("add", "update", "delete", "unchanged")
_SEE_JSON_TEXT: Final = "The JSON report is complete."
_UNKNOWN_TEXT: Final = "unknown"  # in place of each count of an instance that was not read
_CODE_FENCE: Final = re.compile("`{3,}(?=diff$|$)")
_MAX_END_LENGTH: Final = 500  # characters, for what closes a text that is cut
_LAST_RANK: Final = 2  # of actions that delete nothing
_MAX_VERSION_LENGTH: Final = 40  # characters


def render_run_markdown(run: Run) -> str:
    """Return the whole comment, at most `MAX_COMMENT_LENGTH` characters."""
    head = "\n".join(
        [
            f"### reconcile: {summary_text(run)}",
            "",
            *([snapshot_age_text(run.snapshot_age), ""] if run.snapshot_age else []),
            *_render_refusal(run),
            *_render_expectation(run),
            *_render_counts_table(run),
            *_render_pending(run),
            *_render_drains(run.drains),
            *_render_endless(run.endless),
            *_render_warnings(run.warnings),
        ]
    )
    tail = f"\n<sub>plan <code>{escape_html(run.plan_hash)}</code></sub>\n"
    sections, room = [head], MAX_COMMENT_LENGTH - len(head) - len(tail)
    shown = [instance for instance in run.instances if instance.results or instance.faults or instance.spared]
    shown.sort(key=rank_instance)
    for index, instance in enumerate(shown):
        section = _render_instance(instance, run.mode, room // (len(shown) - index))
        if len(section) > room:
            missing = format_count(len(shown) - index, "instance")
            sections.append(f"\n{missing} more did not fit into this comment. {_SEE_JSON_TEXT}\n")
            break
        sections.append(section)
        room -= len(section)
    return cut_markdown("".join(sections), MAX_COMMENT_LENGTH - len(tail)) + tail


def cut_markdown(text: str, max_length: int) -> str:
    """Return at most `max_length` characters: whole lines, with open code blocks and folds closed, and a last line that
    counts the lines left out.
    """
    if len(text) <= max_length:
        return text
    lines, used, fence, folds = text.splitlines(), _MAX_END_LENGTH, "", 0
    kept = []
    for line in lines:
        used += len(line) + 1
        if used > max_length:
            break
        kept.append(line)
        if fence:
            fence = "" if line == fence else fence
        elif mark := _CODE_FENCE.match(line):
            fence = mark[0]
        else:
            folds += line.startswith("<details>") - line.startswith("</details>")
    end = [*([fence] if fence else []), *["\n</details>"] * folds, f"\n… and {len(lines) - len(kept):,} more lines"]
    return "\n".join([*kept, *end]) + "\n"


def render_problems_markdown(problems: Sequence[Problem], error: str) -> str:
    """Return the comment for an invalid desired state."""
    return "\n".join([f"### reconcile: {format_code_span(error)}", "", *_render_problem_list(problems)]).rstrip() + "\n"


def render_validation_markdown(text: str, warnings: Sequence[Problem]) -> str:
    """Return the comment for a valid desired state with its warnings."""
    return "\n".join([f"### reconcile: {format_code_span(text)}", "", *_render_warnings(warnings)]).rstrip() + "\n"


def _render_refusal(run: Run) -> Iterator[str]:
    refused = [instance for instance in run.instances if instance.verdict.refused]
    if not refused:
        return
    yield "> [!CAUTION]"
    yield "> **The guard refused this plan.** Nothing is executed on " + _render_names(refused) + "."
    reasons = list(refusal_reasons(refused))
    for reason in reasons[:_MAX_ROWS]:
        yield f"> - {format_code_span(truncate_text(reason, _MAX_PHRASE_LENGTH))}"
    if len(reasons) > _MAX_ROWS:
        yield f"> - … and {len(reasons) - _MAX_ROWS:,} more"
    yield "> "
    yield "> To approve exactly this plan, run with the first line, or commit the second one:"
    yield "> ```"
    yield f"> --accept-plan {run.plan_hash}"
    yield f"> accept_plan: {run.plan_hash}"
    yield "> ```"
    yield ""


def _render_expectation(run: Run) -> Iterator[str]:
    expectation = run.expectation
    if expectation is None:
        return
    text = expectation_text(expectation, is_dry_run=run.mode is RunMode.DRY_RUN)
    if expectation.is_met:
        yield f"**{text}**"
        yield ""
        return
    yield "> [!CAUTION]"
    yield f"> {format_code_span(text)}"
    yield f"> Expected: `{expectation.plan_hash}`"
    yield ""
    if expectation.difference:
        difference = list(render_difference(expectation.difference))[:_MAX_DIFFERENCE_LINES]
        lines = [truncate_text(render_plain(line), _MAX_PHRASE_LENGTH) for line in difference]
        fence = choose_code_fence("\n".join(lines))
        yield from (fence, *lines, fence, "")


def _render_names(instances: Sequence[InstanceResult]) -> str:
    names = ", ".join(format_code_span(instance.name) for instance in instances[:_MAX_ROWS])
    return names + (f" and {len(instances) - _MAX_ROWS:,} more" if len(instances) > _MAX_ROWS else "")


def _render_counts_table(run: Run) -> Iterator[str]:
    rows = [(instance, summarize_instance(instance)) for instance in run.instances[:_MAX_ROWS]]
    shown = [key for key in COUNT_KEYS if key in _ALWAYS_SHOWN_KEYS or any(counts[key] for _, counts in rows)]
    yield f"| instance | status | {' | '.join(shown)} |"
    yield "|---|---|" + "---:|" * len(shown)
    for instance, counts in rows:
        numbers = " | ".join(f"{counts[key]:,}" if instance.is_read else _UNKNOWN_TEXT for key in shown)
        yield f"| **{format_table_code(instance.name)}** | {_render_status(instance)} | {numbers} |"
    if len(run.instances) > _MAX_ROWS:
        yield f"\n… and {len(run.instances) - _MAX_ROWS:,} more instances. {_SEE_JSON_TEXT}"
    for instance in run.instances[:_MAX_ROWS]:
        if instance.error:
            error = truncate_text(strip_instance_prefix(instance.name, instance.error), _MAX_PHRASE_LENGTH)
            yield f"\n**{format_code_span(instance.name)}**: {format_code_span(error)}"
    yield ""


def _render_status(instance: InstanceResult) -> str:
    if instance.verdict.refused:
        return "**refused**"
    if not instance.status.is_ok:
        return f"**{instance.status}**"
    version = truncate_text(instance.version or "", _MAX_VERSION_LENGTH)
    return f"{instance.status} ({format_table_code(version)})" if version else str(instance.status)


def _render_pending(run: Run) -> Iterator[str]:
    """Return a list: the table has no row for torrents without an instance."""
    if not run.pending:
        return
    yield f"**{len(run.pending):,} pending**"
    yield ""
    for pending in run.pending[:_MAX_ROWS]:
        name = truncate_text(pending.name, _MAX_PHRASE_LENGTH)
        reason = truncate_text(f"{pending.group}: {pending.reason}", _MAX_PHRASE_LENGTH)
        yield f"- {format_code_span(name)} {format_code_span(reason)}"
    if len(run.pending) > _MAX_ROWS:
        yield f"- … and {len(run.pending) - _MAX_ROWS:,} more. {_SEE_JSON_TEXT}"
    yield ""


def _render_drains(drains: Sequence[DrainProgress]) -> Iterator[str]:
    for drain in drains:
        yield f"- {format_code_span(drain.instance)} {drain_text(drain)}"
        yield from (
            f"  - {format_code_span(truncate_text(reason, _MAX_PHRASE_LENGTH))}" for reason in drain_reasons(drain)
        )
    yield from [""] * bool(drains)


def _render_endless(changes: Sequence[EndlessChange]) -> Iterator[str]:
    if not changes:
        return
    yield f"**{format_count(len(changes), 'change')} without end**"
    yield ""
    for endless in changes[:_MAX_ROWS]:
        subject = format_code_span(truncate_text(endless_subject(endless), _MAX_PHRASE_LENGTH))
        yield f"- {subject} {format_code_span(truncate_text(endless_text(endless), _MAX_PHRASE_LENGTH))}"
    if len(changes) > _MAX_ROWS:
        yield f"- … and {len(changes) - _MAX_ROWS:,} more. {_SEE_JSON_TEXT}"
    yield ""


def _render_warnings(warnings: Sequence[Problem]) -> Iterator[str]:
    if warnings:
        yield f"**{format_count(len(warnings), 'warning')}**"
        yield ""
        yield from _render_problem_list(warnings)
        yield ""


def _render_problem_list(problems: Sequence[Problem]) -> Iterator[str]:
    for problem in problems[:_MAX_ROWS]:
        text = f"{problem.code}: {problem.message}" + (f". {problem.hint}" if problem.hint else "")
        position = format_code_span(truncate_text(str(problem.position), _MAX_PHRASE_LENGTH))
        yield f"- {position} {format_code_span(truncate_text(text, _MAX_PHRASE_LENGTH))}"
    if len(problems) > _MAX_ROWS:
        yield f"- … and {len(problems) - _MAX_ROWS:,} more"


def _render_instance(instance: InstanceResult, mode: RunMode, max_length: int) -> str:
    counts = instance_summary_text(instance, mode)
    instance = put_deletions_first(instance)
    return render_diff_section(instance.name, render_instance_actions(instance), counts, max_length)


def render_diff_section(name: str, lines: Iterable[Line], counts: str, max_length: int) -> str:
    """Return the lines of an instance as a diff. A long one is folded, and cut at about `max_length` characters."""
    texts = [truncate_text(render_plain(line), _MAX_LINE_LENGTH) for line in lines]
    fence = choose_code_fence("\n".join(texts))
    body, used = [], 400  # characters around the lines
    for number, text in enumerate(texts):
        used += len(text) + 1
        if used > max_length:
            body.append(f"# … and {len(texts) - number:,} more lines. {_SEE_JSON_TEXT}")
            break
        body.append(text.removeprefix("  "))  # its sign in the first column, which colours a diff
    diff = "\n".join([fence + "diff", *body, fence])
    if len(body) <= _MAX_UNFOLDED_LINES:
        return f"\n**{format_code_span(name)}**: {counts}\n\n{diff}\n"
    summary = f"<b><code>{escape_html(name)}</code></b>: {counts}"
    return f"\n<details><summary>{summary}</summary>\n\n{diff}\n\n</details>\n"


def put_deletions_first(instance: InstanceResult) -> InstanceResult:
    """Return the instance with its deletions before the quarantines that begin, and these before all other actions."""
    return replace(instance, results=tuple(sorted(instance.results, key=_rank_result)))


def rank_instance(instance: InstanceResult) -> int:
    """Return the place of an instance: one with deletions comes first."""
    return min(map(_rank_result, instance.results), default=_LAST_RANK)


def _rank_result(result: ActionResult) -> int:
    """Return the place of an action: deletions, then quarantines, which lead to deletions, then the rest as planned."""
    if result.action.verb is Verb.DELETE:
        return 0
    return 1 if is_quarantine(result.action) else _LAST_RANK
