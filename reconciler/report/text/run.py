"""A run as text, for a terminal or a log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from reconciler.model.expectation import PlanExpectation
from reconciler.model.plan import EndlessChange, Outcome
from reconciler.model.run import InstanceResult, Run, RunMode, Status
from reconciler.report.drains import render_drains
from reconciler.report.phrases import (
    acceptance_text,
    capitalize_sentence,
    describe_mark,
    dim_suffix,
    endless_subject,
    endless_text,
    fault_count_text,
    refusal_reasons,
    snapshot_age_text,
    strip_instance_prefix,
    suspension_text,
)
from reconciler.report.summary import summary_text
from reconciler.report.text.actions import MAX_ENTRIES, render_instance_actions, render_pending
from reconciler.report.text.expectation import expectation_text, render_difference
from reconciler.report.text.lines import EMPTY_LINE, Line, Span, Style, make_line, measure_width, pad_text

_HORIZONTAL_RULE: Final = "─" * 72
STATUS_LABELS: Final = {
    Status.UNREACHABLE: "UNREACHABLE",
    Status.AUTH_FAILED: "CREDENTIALS REFUSED",
    Status.BANNED: "BANNED",
    Status.UNSUPPORTED: "UNSUPPORTED",
    Status.UNHEALTHY: "UNHEALTHY",
    Status.UNKNOWN: "UNKNOWN",
    Status.ERROR: "ERROR",
}


def render_run(run: Run, command: str) -> Iterator[Line]:
    """Return the whole report. `command` repeats this run: it is shown with the approval of a refused plan."""
    width = max((measure_width(instance.name) for instance in run.instances), default=0)
    is_after_list = has_lists = False
    if run.snapshot_age:
        yield make_line((snapshot_age_text(run.snapshot_age), Style.WAIT))
        yield EMPTY_LINE
    for instance in run.instances:
        body = list(_render_body(instance))
        if is_after_list or (body and instance is not run.instances[0]):
            yield EMPTY_LINE
        yield make_line(
            (pad_text(instance.name, width), Style.STRONG),
            "  ",
            describe_state(instance, run.mode),
            _render_facts(instance, run.mode),
        )
        yield from body
        is_after_list, has_lists = bool(body), has_lists or bool(body)
    lists = list(_render_lists(run))
    yield from lists
    if has_lists or lists:
        yield EMPTY_LINE
    refused = [instance for instance in run.instances if instance.verdict.refused]
    if refused:
        yield from _render_refusal(refused, run.plan_hash, command)
    if run.expectation:
        yield from _render_expectation(run.expectation, run)
    if run.accepted_plan:
        yield make_line((acceptance_text(run), Style.GOOD if run.accepted_plan == run.plan_hash else Style.BAD))
    yield make_line((capitalize_sentence(summary_text(run)), Style.STRONG))


def _render_lists(run: Run) -> Iterator[Line]:
    """Return what is no part of one instance."""
    for lines in (render_pending(run.pending), render_drains(run.drains), _render_endless(run.endless)):
        if rendered := list(lines):
            yield EMPTY_LINE
            yield from rendered


def _render_body(instance: InstanceResult) -> Iterator[Line]:
    if instance.error:
        yield make_line("  ", (f"error: {strip_instance_prefix(instance.name, instance.error)}", Style.BAD))
    if not instance.verdict.refused:
        yield from (make_line("  ", (f"guard: {reason}", Style.WAIT)) for reason in instance.verdict.reasons)
    if instance.marks:
        others = ", ".join(map(describe_mark, instance.marks))
        yield make_line("  ", (f"other desired states change it too: {others}", Style.DIM))
    yield from render_instance_actions(instance)


def describe_state(instance: InstanceResult, mode: RunMode) -> Span:
    """Return the state of an instance after a run in a few words, with its style."""
    if instance.verdict.refused:
        return "REFUSED by the guard, nothing executed here", Style.ALARM
    if instance.status is Status.SUSPENDED:
        return f"{suspension_text(instance.suspended_until)}: shown, not executed", Style.WAIT
    if instance.status is not Status.OK:
        return STATUS_LABELS.get(instance.status, str(instance.status)), Style.ALARM
    faults = fault_count_text(instance.faults)
    if not instance.results:
        if faults:
            return faults, Style.ALARM if instance.has_serious_fault else Style.WAIT
        if not (instance.spared or instance.owned or instance.unchanged):
            return "in sync, and no torrent is ours", Style.PLAIN
        return "nothing to do" if instance.spared else "in sync", Style.GOOD
    number = len(instance.results)
    changes = f"{number:,} {'change' if number == 1 else 'changes'}" + _applied_text(instance, mode)
    return ", ".join(filter(None, (changes, faults))), Style.PLAIN


def _applied_text(instance: InstanceResult, mode: RunMode) -> str:
    """Return the number of applied changes after an apply."""
    if mode is RunMode.DRY_RUN:
        return ""
    applied = sum(result.outcome is Outcome.APPLIED for result in instance.results)
    return " applied" if applied == len(instance.results) else f", {applied:,} applied"


def _render_facts(instance: InstanceResult, mode: RunMode) -> Span:
    if instance.version is None:
        return "", Style.DIM
    if mode is RunMode.APPLY and instance.results:  # the counts are from before the apply
        return dim_suffix(f"qBittorrent {instance.version}")
    foreign = f"{instance.foreign:,} not ours" if instance.foreign else ""
    return dim_suffix(f"qBittorrent {instance.version}", f"{instance.owned:,} owned", foreign)


def _render_endless(changes: Sequence[EndlessChange]) -> Iterator[Line]:
    """Return the changes that every run would plan again."""
    if not changes:
        return
    yield make_line(("  Not in sync after this plan, and after no other:", Style.ALARM))
    for endless in changes[:MAX_ENTRIES]:
        yield make_line("  ", ("! ", Style.DELETE), endless_subject(endless), dim_suffix(str(endless.position or "")))
        yield make_line("    ", (endless_text(endless), Style.BAD))
    if len(changes) > MAX_ENTRIES:
        yield make_line((f"  … and {len(changes) - MAX_ENTRIES:,} more", Style.STRONG))


def _render_refusal(refused: Sequence[InstanceResult], plan_hash: str, command: str) -> Iterator[Line]:
    """Return the reasons, and the commands that approve the plan, without a frame around them: they are for copying."""
    yield make_line((f"── REFUSED BY THE GUARD {_HORIZONTAL_RULE}"[: len(_HORIZONTAL_RULE)], Style.RULE))
    yield EMPTY_LINE
    for reason in refusal_reasons(refused):
        yield make_line("  ", (reason, Style.BAD))
    yield EMPTY_LINE
    yield make_line("  To approve exactly this plan, run:")
    yield EMPTY_LINE
    yield make_line((f"{command} --accept-plan {plan_hash}", Style.COPY))
    yield EMPTY_LINE
    yield make_line("  or add this line to the desired state:")
    yield EMPTY_LINE
    yield make_line((f"accept_plan: {plan_hash}", Style.COPY))
    yield EMPTY_LINE
    yield make_line((_HORIZONTAL_RULE, Style.RULE))
    yield EMPTY_LINE


def _render_expectation(expectation: PlanExpectation, run: Run) -> Iterator[Line]:
    is_dry_run = run.mode is RunMode.DRY_RUN
    style = Style.GOOD if expectation.is_met else Style.BAD
    yield make_line((expectation_text(expectation, is_dry_run=is_dry_run), style))
    if not expectation.is_met:
        yield make_line(f"  expected  {expectation.plan_hash}")
        yield make_line(f"  now       {run.plan_hash}")
    if expectation.difference:
        yield EMPTY_LINE
        yield from render_difference(expectation.difference)
    yield EMPTY_LINE
