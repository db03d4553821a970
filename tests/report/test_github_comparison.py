"""A comparison as workflow commands of GitHub."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from reconciler.model.comparison import Comparison
from reconciler.model.desired import DesiredState
from reconciler.plan.comparison import compare_states, project_state
from reconciler.report.github_comparison import render_comparison_annotations
from tests.support.planner_inputs import make_desired_state
from tests.support.strategies import NOW


def make_state(*rows: dict[str, Any], file: str = "desired.yaml") -> DesiredState:
    """Return a desired state with these entries in a file."""
    desired = make_desired_state({"guard": {"max_delete": 1}, "desired": list(rows)})
    torrents = tuple(replace(entry, position=replace(entry.position, file=file)) for entry in desired.torrents)
    return replace(desired, torrents=torrents)


def compare(
    old: DesiredState, new: DesiredState, locate: Callable[[str], str | None] = lambda file: file
) -> Comparison:
    """Return the comparison of two states."""
    return compare_states(project_state(old, NOW), new, names=("git:main", "desired.yaml"), locate=locate)


def annotate(comparison: Comparison) -> list[str]:
    """Return the annotations, with paths from the top of the repository."""
    lines = list(render_comparison_annotations(comparison, lambda file: f"infra/{file}"))
    assert lines[0].startswith("::group::reconcile diff: ")
    assert lines[-1] == lines[0].removeprefix("::group::reconcile diff: ")
    return lines[lines.index("::endgroup::") + 1 : -1]


def test_a_deletion_is_a_warning_at_the_file_that_lost_the_entry() -> None:
    old = make_state({"hash": "stays"}, {"hash": "goes"}, {"hash": "changes", "category": "a"})
    new = make_state({"hash": "stays"}, {"hash": "changes", "category": "b"}, {"hash": "comes"}, file="new.yaml")
    warnings = annotate(compare(old, new, {"desired.yaml": "new.yaml"}.get))
    position = old.torrents[1].position
    assert warnings[0] == (
        f"::warning file=infra/new.yaml,line={position.line},col={position.column},title=box%3A delete goes"
        f"::no longer declared%0Aits entry was at desired.yaml:{position.line}:{position.column}"
    )
    places = [line.split(",")[0] for line in warnings[1:] if "file=" in line]
    assert places == ["::warning file=infra/new.yaml", "::notice file=infra/new.yaml"]


def test_a_deletion_whose_file_is_gone_has_no_position() -> None:
    old = make_state({"hash": "stays"}, {"hash": "goes"})
    (warning,) = annotate(compare(old, make_state({"hash": "stays"}), lambda file: None))
    assert warning.startswith("::warning title=box%3A delete goes::no longer declared%0Aits entry was at desired.yaml:")


def test_a_refusal_is_a_warning_and_no_difference_is_one_line() -> None:
    old = make_state(*({"hash": f"goes{number}"} for number in range(3)), {"hash": "stays"})
    lines = annotate(compare(old, make_state({"hash": "stays"})))
    assert any(line.startswith("::warning title=box%3A the guard would refuse it::3 deletions") for line in lines)
    assert annotate(compare(old, old)) == []
