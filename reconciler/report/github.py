"""A run as GitHub log and annotations: the plan in a group, then a notice, warning or error at each YAML entry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.plan import ObjectKind, Outcome
from reconciler.model.position import Position, Problem
from reconciler.model.run import ActionResult, InstanceResult, Run, RunMode
from reconciler.report.blast import is_deletion, is_quarantine
from reconciler.report.phrases import (
    change_text,
    endless_subject,
    endless_text,
    format_value,
    strip_instance_prefix,
    verb_symbol,
    visible_changes,
    warning_label,
)
from reconciler.report.sanitize import escape_annotation_message, escape_annotation_property
from reconciler.report.summary import summary_text
from reconciler.report.text.expectation import expectation_text
from reconciler.report.text.lines import make_line, render_plain
from reconciler.report.text.run import render_run

MAX_ANNOTATIONS: Final = 10  # of each level: GitHub shows no more per step
_LEVELS: Final = ("error", "warning", "notice")
_OUTCOME_LEVELS: Final = {Outcome.FAILED: "error", Outcome.BLOCKED: "error", Outcome.DROPPED: "warning"}

FileLocator = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Annotation:
    """A notice, warning or error. GitHub shows it at its position in the changed files, if it has one."""

    level: str
    title: str
    message: tuple[str, ...]
    position: Position | None = None
    is_deletion: bool = False


def render_run_annotations(run: Run, command: str, locate: FileLocator) -> Iterator[str]:
    """Return the lines to print. `locate` returns the path of a file in the repository."""
    yield "::group::reconcile: " + escape_annotation_message(summary_text(run))
    yield from (render_plain(line) for line in render_run(run, command))
    yield "::endgroup::"
    annotations = [
        *_annotate_expectation(run),
        *annotate_warnings(run.warnings),
        *(annotation for instance in run.instances for annotation in _annotate_instance(instance, run)),
    ]
    annotations += (
        Annotation("warning", f"{pending.group}: pending {pending.name}", (pending.reason,), pending.position)
        for pending in run.pending
    )
    annotations += (
        Annotation("error", f"{endless_subject(endless)}: without end", (endless_text(endless),), endless.position)
        for endless in run.endless
    )
    yield from render_annotations(annotations, locate)
    yield summary_text(run)


def render_problem_annotations(problems: Sequence[Problem], error: str, locate: FileLocator) -> Iterator[str]:
    """Return an error annotation for each problem of an invalid desired state."""
    annotations = [
        Annotation("error", f"invalid desired state ({problem.code})", (_problem_text(problem),), problem.position)
        for problem in problems
    ]
    yield from render_annotations(annotations or [Annotation("error", "reconcile", (error,))], locate)
    yield render_plain(make_line(error))


def render_warning_annotations(warnings: Sequence[Problem], locate: FileLocator) -> Iterator[str]:
    """Return a warning annotation for each warning of a valid desired state."""
    return render_annotations(list(annotate_warnings(warnings)), locate)


def render_warning(message: str) -> str:
    """Return a warning annotation without a position."""
    return _render_annotation(Annotation("warning", "reconcile", (message,)), str)


def render_error(message: str) -> str:
    """Return an error annotation without a position."""
    return _render_annotation(Annotation("error", "reconcile", (message,)), str)


def _problem_text(problem: Problem) -> str:
    return problem.message + (f". {problem.hint}" if problem.hint else "")


def _annotate_expectation(run: Run) -> Iterator[Annotation]:
    expectation = run.expectation
    if expectation and not expectation.is_met:
        text = expectation_text(expectation, is_dry_run=run.mode is RunMode.DRY_RUN)
        yield Annotation("error", "not the expected plan", (text, f"expected {expectation.plan_hash}"))


def annotate_warnings(warnings: Iterable[Problem]) -> Iterator[Annotation]:
    """Return a warning for each warning of the desired state."""
    return (
        Annotation("warning", f"desired state ({problem.code})", (_problem_text(problem),), problem.position)
        for problem in warnings
    )


def _annotate_instance(instance: InstanceResult, run: Run) -> Iterator[Annotation]:
    if not instance.status.is_ok:
        yield Annotation(
            "error",
            f"{instance.name}: {instance.status}",
            (strip_instance_prefix(instance.name, instance.error or ""),),
        )
    if instance.verdict.refused:
        approve = f"To approve exactly this plan: --accept-plan {run.plan_hash}"
        yield Annotation("error", f"{instance.name}: refused by the guard", (*instance.verdict.reasons, approve))
    yield from (annotate_action(instance.name, result) for result in instance.results)
    for fault in instance.faults:
        level = "error" if fault.is_serious else "warning"
        yield Annotation(level, f"{instance.name}: {fault.label} {fault.name}", (fault.reason,), fault.position)


def annotate_action(instance: str, result: ActionResult) -> Annotation:
    """Return the annotation of an action: its level is that of its outcome, and of what it moves or deletes."""
    action, outcome = result.action, result.outcome
    warning = warning_label(action, outcome)
    is_loss = action.kind is ObjectKind.TORRENT and is_deletion(action)
    is_alarming = is_loss or warning or outcome is Outcome.DEFERRED
    level = _OUTCOME_LEVELS.get(outcome) or ("warning" if is_alarming else "notice")
    _, word, _ = verb_symbol(action, outcome)
    subject = action.name if action.kind is ObjectKind.TORRENT else f"{action.kind} {action.name}"
    lines = [action.reason, warning, *(_change_texts(result)), result.error or ""]
    title, message = f"{instance}: {word} {subject}", tuple(filter(None, lines))
    return Annotation(level, title, message, action.position, is_loss or is_quarantine(action))


def _change_texts(result: ActionResult) -> Iterator[str]:
    for change in visible_changes(result.action):
        yield (
            f"{change.field}: {format_value(change.field, change.after)}"
            if change.before is None
            else change_text(change)
        )


def render_annotations(annotations: Sequence[Annotation], locate: FileLocator) -> Iterator[str]:
    """Return the first annotations of each level: errors first, and in each level deletions first."""
    for level in _LEVELS:
        selected = [annotation for annotation in annotations if annotation.level == level]
        selected.sort(key=lambda annotation: not annotation.is_deletion)
        for annotation in selected[:MAX_ANNOTATIONS]:
            yield _render_annotation(annotation, locate)
        if len(selected) > MAX_ANNOTATIONS:
            more = len(selected) - MAX_ANNOTATIONS
            yield f"… and {more:,} more {level}{'s' if more > 1 else ''}; --output json shows all"


def _render_annotation(annotation: Annotation, locate: FileLocator) -> str:
    properties = [f"title={escape_annotation_property(annotation.title)}"]
    if annotation.position:
        file = escape_annotation_property(locate(annotation.position.file))
        properties = [
            f"file={file}",
            f"line={annotation.position.line}",
            f"col={annotation.position.column}",
            *properties,
        ]
    return f"::{annotation.level} {','.join(properties)}::{escape_annotation_message(*annotation.message)}"
