"""A comparison of two desired states as GitHub log and annotations, at the files of the newer one.

A deletion is annotated at the file that lost the entry, where it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from reconciler.model.comparison import ComparedAction, ComparedInstance, Comparison
from reconciler.model.plan import Verb
from reconciler.model.run import ActionResult, InstanceResult
from reconciler.report.comparison import build_run
from reconciler.report.github import Annotation, FileLocator, annotate_action, annotate_warnings, render_annotations
from reconciler.report.sanitize import escape_annotation_message
from reconciler.report.summary import summary_text
from reconciler.report.text.comparison import NO_DIFFERENCE_TEXT, render_comparison
from reconciler.report.text.lines import render_plain


def render_comparison_annotations(comparison: Comparison, locate: FileLocator) -> Iterator[str]:
    """Return the lines to print. `locate` returns the path of a file in the repository."""
    run = build_run(comparison)
    title = NO_DIFFERENCE_TEXT if comparison.is_empty and not comparison.pending else summary_text(run)
    yield "::group::reconcile diff: " + escape_annotation_message(title)
    yield from (render_plain(line) for line in render_comparison(comparison))
    yield "::endgroup::"
    annotations = [
        *annotate_warnings(comparison.warnings),
        *(
            annotation
            for instance, result in zip(comparison.instances, run.instances, strict=True)
            for annotation in _annotate_instance(instance, result)
        ),
    ]
    yield from render_annotations(annotations, locate)
    yield title


def _annotate_instance(instance: ComparedInstance, shown: InstanceResult) -> Iterator[Annotation]:
    if instance.verdict.refused:
        yield Annotation("warning", f"{instance.name}: the guard would refuse it", instance.verdict.reasons)
    for compared, result in zip(instance.actions, shown.results, strict=True):
        yield _annotate_compared(instance.name, compared, result)


def _annotate_compared(instance: str, compared: ComparedAction, result: ActionResult) -> Annotation:
    annotation = annotate_action(instance, result)
    old = compared.old_position
    if old is None or compared.action.position is not None:
        return annotation
    position = replace(old, file=compared.new_file) if compared.new_file else None  # the file is gone, too
    origin = f"its entry was at {old}" if compared.action.verb is Verb.DELETE else f"as declared at {old}"
    return replace(annotation, position=position, message=(*annotation.message, origin))
