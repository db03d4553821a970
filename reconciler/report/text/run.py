"""A run as people read it, on a terminal or in a log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from reconciler.model.plan import Outcome
from reconciler.model.run import InstanceResult, Mode, Run, Status
from reconciler.report.phrases import background, without_name
from reconciler.report.summary import sentence
from reconciler.report.text.actions import body_lines, pending_lines
from reconciler.report.text.lines import EMPTY, Line, Span, Style, columns, line, padded

_RULE: Final = "─" * 72
STATUS_WORDS: Final = {
    Status.UNREACHABLE: "UNREACHABLE",
    Status.AUTH_FAILED: "CREDENTIALS REFUSED",
    Status.BANNED: "BANNED",
    Status.UNSUPPORTED: "UNSUPPORTED",
    Status.UNHEALTHY: "UNHEALTHY",
    Status.ERROR: "ERROR",
}


def run_lines(run: Run, command: str) -> Iterator[Line]:
    """The whole report. `command` is how this run was started, for a person to repeat it with an approval."""
    width = max((columns(instance.name) for instance in run.instances), default=0)
    before = lists = False  # whether a list stands above this instance; above the end
    for instance in run.instances:
        body = list(_body(instance))
        if before or (body and instance is not run.instances[0]):
            yield EMPTY
        yield line(
            (padded(instance.name, width), Style.STRONG), "  ", _state(instance, run.mode), _facts(instance, run.mode)
        )
        yield from body
        before, lists = bool(body), lists or bool(body)
    if run.pending:
        yield EMPTY
        yield from pending_lines(run.pending)
    if lists or run.pending:
        yield EMPTY
    refused = [instance for instance in run.instances if instance.verdict.refused]
    if refused:
        yield from _refusal(refused, run.plan_hash, command)
    yield line((_last(run), Style.STRONG))


def refusal_reasons(refused: Sequence[InstanceResult]) -> Iterator[str]:
    """Why the guard refused, each with its instance."""
    for instance in refused:
        for reason in instance.verdict.reasons:
            yield f"{instance.name}: {reason}"


def _body(instance: InstanceResult) -> Iterator[Line]:
    if instance.error:
        yield line("  ", (f"error: {without_name(instance.name, instance.error)}", Style.BAD))
    if not instance.verdict.refused:
        yield from (line("  ", (f"guard: {reason}", Style.WAIT)) for reason in instance.verdict.reasons)
    yield from body_lines(instance)


def _state(instance: InstanceResult, mode: Mode) -> Span:
    if instance.verdict.refused:
        return "REFUSED by the guard, nothing executed here", Style.ALARM
    if instance.status is Status.SUSPENDED:
        return "suspended: shown, not executed", Style.WAIT
    if instance.status is not Status.OK:
        return STATUS_WORDS.get(instance.status, str(instance.status)), Style.ALARM
    if not instance.results:
        return "nothing to do" if instance.spared else "in sync", Style.GOOD
    number = len(instance.results)
    return f"{number:,} {'change' if number == 1 else 'changes'}" + _came(instance, mode), Style.PLAIN


def _came(instance: InstanceResult, mode: Mode) -> str:
    """After an apply: how much of it was carried out."""
    if mode is Mode.DRY_RUN:
        return ""
    applied = sum(result.outcome is Outcome.APPLIED for result in instance.results)
    return " applied" if applied == len(instance.results) else f", {applied:,} applied"


def _facts(instance: InstanceResult, mode: Mode) -> Span:
    if instance.version is None:
        return "", Style.DIM
    if mode is Mode.APPLY and instance.results:  # the counts are those from before it
        return background(f"qBittorrent {instance.version}")
    foreign = f"{instance.foreign:,} not ours" if instance.foreign else ""
    return background(f"qBittorrent {instance.version}", f"{instance.owned:,} owned", foreign)


def _refusal(refused: Sequence[InstanceResult], plan_hash: str, command: str) -> Iterator[Line]:
    """Rules above and below, none at the sides: the command is there to be copied."""
    yield line((f"── REFUSED BY THE GUARD {_RULE}"[: len(_RULE)], Style.DELETE))
    yield EMPTY
    for reason in refusal_reasons(refused):
        yield line("  ", (reason, Style.BAD))
    yield EMPTY
    yield line("  If that is what you want, approve exactly this plan:")
    yield EMPTY
    yield line((f"{command} --accept-plan {plan_hash}", Style.STRONG))
    yield EMPTY
    yield line("  or in the desired state, where git is the approval:")
    yield EMPTY
    yield line((f"accept_plan: {plan_hash}", Style.STRONG))
    yield EMPTY
    yield line((_RULE, Style.DELETE))
    yield EMPTY


def _last(run: Run) -> str:
    text = sentence(run)
    return text[:1].upper() + text[1:]
