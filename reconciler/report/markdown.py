"""A run as a comment on a pull request: what the guard says, the counts, then each instance's plan as a diff.

Everything that a torrent or a server could have named stands in code, where no mention, link or HTML is alive.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from reconciler.model.position import Problem
from reconciler.model.run import InstanceResult, Run, Status
from reconciler.report.phrases import without_name
from reconciler.report.sanitize import clipped, code_span, fence_for, markdown, markup
from reconciler.report.summary import KEYS, sentence, summarize_instance
from reconciler.report.text.actions import body_lines
from reconciler.report.text.lines import plain
from reconciler.report.text.problems import count
from reconciler.report.text.run import refusal_reasons

LIMIT: Final = 60_000  # characters; GitHub takes 65,536 and people add words of their own
_WIDEST: Final = 300  # characters of one line
_OPEN: Final = 15  # lines that an instance shows without being unfolded
_ROWS: Final = 50  # of each list above the diffs
_PHRASE: Final = 200  # characters of one entry in such a list
_ALWAYS: Final = ("add", "update", "delete", "unchanged")
_SEE: Final = "The JSON report has everything."


def run_markdown(run: Run) -> str:
    """The whole comment, never longer than `LIMIT`."""
    head = "\n".join(
        [f"### reconcile: {sentence(run)}", "", *_refusal(run), *_table(run), *_pending(run), *_warnings(run.warnings)]
    )
    tail = f"\n<sub>plan <code>{markup(run.plan_hash)}</code></sub>\n"
    parts, room = [head], LIMIT - len(head) - len(tail)
    worth = [instance for instance in run.instances if instance.results or instance.spared]
    for index, instance in enumerate(worth):
        part = _instance(instance, room // (len(worth) - index))
        if len(part) > room:
            parts.append(f"\n{count(len(worth) - index, 'instance')} more did not fit into this comment. {_SEE}\n")
            break
        parts.append(part)
        room -= len(part)
    return "".join([*parts, tail])


def problems_markdown(problems: Sequence[Problem], error: str) -> str:
    """What stands in place of a plan when the desired state is invalid."""
    return "\n".join([f"### reconcile: {code_span(error)}", "", *_listed(problems)]).rstrip() + "\n"


def valid_markdown(text: str, warnings: Sequence[Problem]) -> str:
    """A validation that found nothing wrong."""
    return "\n".join([f"### reconcile: {code_span(text)}", "", *_warnings(warnings)]).rstrip() + "\n"


def _refusal(run: Run) -> Iterator[str]:
    refused = [instance for instance in run.instances if instance.verdict.refused]
    if not refused:
        return
    yield "> [!CAUTION]"
    yield "> **The guard refused this plan.** Nothing is executed on " + _names(refused) + "."
    reasons = list(refusal_reasons(refused))
    for reason in reasons[:_ROWS]:
        yield f"> - {code_span(clipped(reason, _PHRASE))}"
    if len(reasons) > _ROWS:
        yield f"> - … and {len(reasons) - _ROWS:,} more"
    yield "> "
    yield "> If that is what you want, run it with the approval of exactly this plan, or commit it:"
    yield "> ```"
    yield f"> --accept-plan {run.plan_hash}"
    yield f"> accept_plan: {run.plan_hash}"
    yield "> ```"
    yield ""


def _names(instances: Sequence[InstanceResult]) -> str:
    names = ", ".join(markdown(instance.name) for instance in instances[:_ROWS])
    return names + (f" and {len(instances) - _ROWS:,} more" if len(instances) > _ROWS else "")


def _table(run: Run) -> Iterator[str]:
    rows = [(instance, summarize_instance(instance)) for instance in run.instances[:_ROWS]]
    shown = [key for key in KEYS if key in _ALWAYS or any(counts[key] for _, counts in rows)]
    yield f"| instance | status | {' | '.join(shown)} |"
    yield "|---|---|" + "---:|" * len(shown)
    for instance, counts in rows:
        numbers = " | ".join(f"{counts[key]:,}" for key in shown)
        yield f"| **{markdown(instance.name)}** | {_status(instance)} | {numbers} |"
    if len(run.instances) > _ROWS:
        yield f"\n… and {len(run.instances) - _ROWS:,} more instances. {_SEE}"
    for instance in run.instances[:_ROWS]:
        if instance.error:
            error = clipped(without_name(instance.name, instance.error), _PHRASE)
            yield f"\n**{markdown(instance.name)}**: {code_span(error)}"
    yield ""


def _status(instance: InstanceResult) -> str:
    if instance.verdict.refused:
        return "**refused**"
    word = markdown(instance.status)
    fine = instance.status in (Status.OK, Status.SUSPENDED)
    return f"{word} ({markdown(instance.version)})" if fine and instance.version else f"**{word}**"


def _pending(run: Run) -> Iterator[str]:
    """A list; the counts of instances know nothing of what is on none."""
    if not run.pending:
        return
    yield f"**{len(run.pending):,} pending**"
    yield ""
    for one in run.pending[:_ROWS]:
        yield f"- {code_span(clipped(one.name, _PHRASE))} {code_span(clipped(f'{one.group}: {one.reason}', _PHRASE))}"
    if len(run.pending) > _ROWS:
        yield f"- … and {len(run.pending) - _ROWS:,} more. {_SEE}"
    yield ""


def _warnings(warnings: Sequence[Problem]) -> Iterator[str]:
    if warnings:
        yield f"**{count(len(warnings), 'warning')}**"
        yield ""
        yield from _listed(warnings)
        yield ""


def _listed(problems: Sequence[Problem]) -> Iterator[str]:
    for problem in problems[:_ROWS]:
        mend = f". {problem.mend}" if problem.mend else ""
        place = code_span(clipped(str(problem.at), _PHRASE))
        yield f"- {place} {code_span(clipped(problem.message + mend, _PHRASE))}"
    if len(problems) > _ROWS:
        yield f"- … and {len(problems) - _ROWS:,} more"


def _instance(instance: InstanceResult, room: int) -> str:
    lines = [clipped(plain(one), _WIDEST) for one in body_lines(instance)]
    fence = fence_for("\n".join(lines))
    body, used = [], 400  # what stands around the lines
    for number, text in enumerate(lines):
        used += len(text) + 1
        if used > room:
            body.append(f"# … and {len(lines) - number:,} more lines. {_SEE}")
            break
        body.append(_as_diff(text))
    diff = "\n".join([fence + "diff", *body, fence])
    if len(body) <= _OPEN:
        return f"\n**{markdown(instance.name)}**\n\n{diff}\n"
    title = f"<b>{markup(instance.name)}</b>"
    return f"\n<details><summary>{title}: {count(len(instance.results), 'change')}</summary>\n\n{diff}\n\n</details>\n"


def _as_diff(text: str) -> str:
    """With its sign in the first column, where a diff is coloured by it; a change is `!` there."""
    flush = text[2:] if text.startswith("  ") else text
    return "!" + flush[1:] if flush.startswith("~") else flush
