"""Saved plans: what is written is read again, and nothing else is taken for one."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from reconciler.model.run import Run, RunMode
from reconciler.plan.difference import compare_plans, summarize_actions
from reconciler.saved.document import SavedFileError
from reconciler.saved.plan_file import read_plan, write_plan
from tests.support.example_runs import PLAN_HASH, converged, hostile, planned, refused

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


def save(run: Run, path: Path) -> Path:
    """Save the plan of a run."""
    stream = io.StringIO()
    write_plan(run, NOW, stream)
    path.write_text(stream.getvalue())
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A saved plan."""
    return save(planned(), tmp_path / "plan.json")


@pytest.mark.parametrize("make_run", [planned, refused, converged, hostile])
def test_a_plan_is_the_same_after_it_was_saved(make_run: Callable[[], Run], tmp_path: Path) -> None:
    dry = replace(make_run(), mode=RunMode.DRY_RUN)
    saved = read_plan(save(dry, tmp_path / "plan.json"))
    assert (saved.plan_hash, saved.saved_at) == (dry.plan_hash, NOW)
    assert compare_plans(saved.actions, summarize_actions(dry)).is_empty
    assert len(saved.actions) == sum(len(instance.results) for instance in dry.instances)


def test_the_file_contains_the_json_report(file: Path) -> None:
    document = json.loads(file.read_text())
    assert {key: document[key] for key in ("kind", "format_version")} == {"kind": "plan", "format_version": 1}
    assert document["report"]["plan_hash"] == PLAN_HASH


def change(file: Path, **keys: Any) -> None:
    """Change keys of a saved plan, `report__…` in its report; None removes a key."""
    document = json.loads(file.read_text())
    for key, value in keys.items():
        *path, last = key.split("__")
        place = document
        for step in path:
            place = place[int(step) if step.isdecimal() else step]
        place[last] = value
        if value is None:
            del place[last]
    file.write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"format_version": 2}, "has format 2, and this reconcile reads only format 1: it was saved by a newer one"),
        ({"format_version": True}, "has no valid format_version"),
        ({"format_version": None}, "has no valid format_version"),
        ({"kind": "snapshot"}, "is not a saved plan. Save one with: reconcile --dry-run --out FILE"),
        ({"kind": None}, "is not a saved plan"),
        ({"saved_at": "yesterday"}, "is no plan as reconcile saves it: saved_at: "),
        ({"report": None}, "report: Field required"),
        ({"report__instances": None}, "report.instances: Field required"),
        ({"report__instances__1__actions": None}, "report.instances.1.actions: Field required"),
        ({"report__mode": "apply"}, "report.mode: "),
        ({"report__plan_hash": "sha256:1"}, "report.plan_hash: "),
        ({"report__instances__1__actions__0__verb": "explode"}, "report.instances.1.actions.0.verb: "),
        ({"report__instances__1__actions__0__changes": [{"field": "a"}]}, "changes.0.from: Field required"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_plan_of_this_format_is_refused(file: Path, keys: dict[str, Any], message: str) -> None:
    change(file, **keys)
    with pytest.raises(SavedFileError) as raised:
        read_plan(file)
    assert message in str(raised.value)
    assert str(raised.value).startswith(f"{file} ")
