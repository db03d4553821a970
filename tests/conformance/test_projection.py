"""The projection of a plan is what each version shows once that plan was carried out."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from reconciler.apply.executor import Executor
from reconciler.model.desired import DesiredState
from reconciler.model.plan import Outcome, SetPreference
from reconciler.model.snapshot import Snapshot
from reconciler.plan import PlanInput, make_plan
from reconciler.plan.projection import project_plan
from reconciler.retry import system_retry_policy
from tests.support.conformance_subject import EFFECT_TIMEOUT, ConformanceSubject
from tests.support.planner_inputs import make_desired_state
from tests.support.projections import list_differences, list_preference_differences


def read(subject: ConformanceSubject, desired: DesiredState, categories: Collection[str]) -> Snapshot:
    """Return the declared torrents and these categories of the instance, with its preferences."""
    ids = {key for entry in desired.torrents for key in entry.ids}
    snapshot = subject.target.read_snapshot()
    return replace(
        snapshot,
        torrents=tuple(torrent for torrent in snapshot.torrents if torrent.id in ids),
        categories={name: category for name, category in snapshot.categories.items() if name in categories},
        preferences=subject.target.read_preferences(),
    )


def apply_and_compare(subject: ConformanceSubject, case: Mapping[str, Any], categories: Collection[str]) -> None:
    """Carry out the plan of a case, and wait until the instance shows its projection."""
    desired = make_desired_state(case)
    before = read(subject, desired, categories)
    plan = make_plan(PlanInput(desired, {"box": before})).instances[0]
    projected = project_plan(plan, before)
    results, error = Executor(subject.target, system_retry_policy(threading.Event())).execute(plan)
    # a preference fails if the server does not keep its value
    failed = [result.action for result in results if result.outcome is Outcome.FAILED]
    assert error is None and all(isinstance(action, SetPreference) for action in failed), failed

    added_ids = {torrent.id for torrent in projected.torrents} - {torrent.id for torrent in before.torrents}
    end = time.monotonic() + EFFECT_TIMEOUT
    while True:
        after = read(subject, desired, categories)
        differences = list_differences(projected, after, added_ids)
        differences += list_preference_differences(projected, after, case["declared_preferences"])
        if not differences or time.monotonic() > end:
            break
        time.sleep(0.05)
    assert differences == []


def test_an_instance_shows_the_projection_of_each_plan(subject: ConformanceSubject) -> None:
    root, first, parent = subject.new_path(), subject.new_category(), subject.new_category()
    nested = f"{parent}/within"
    categories = (first, parent, nested)
    plain = {"hash": "pd", "paused": True}
    apply_and_compare(
        subject,
        {
            "declared_categories": {first: f"{root}/first"},
            "declared_preferences": {"max_connec": 0},
            "desired": [
                {"hash": "pa", "category": first, "tags": ["x"], "paused": True, "download_limit": 2048},
                {"hash": "pb", "save_path": f"{root}/b", "name": "B", "share_limits": {"ratio": 1.5}, "paused": True},
                {"hash": "917:v1", "source": "torrent", "save_path": f"{root}/c", "paused": True, "sequential": True},
                plain,
            ],
        },
        categories,
    )
    apply_and_compare(
        subject,
        {
            "declared_categories": {first: f"{root}/other", nested: f"{root}/nested"},
            "declared_preferences": {"max_connec": 500},
            "desired": [
                {"hash": "pa", "category": nested, "tags": {"only": ["y"]}, "download_limit": 0, "upload_limit": 1024},
                {"hash": "pb", "save_path": f"{root}/b2", "paused": False, "share_limits": {"seeding_time": 60}},
                {"hash": "917:v1", "state": "absent"},
                {**plain, "auto_tmm": True, "category": first, "sequential": True},
            ],
        },
        categories,
    )
    apply_and_compare(
        subject,
        {
            "declared_preferences": {"max_connec": 500},
            "prune_categories": True,
            "desired": [
                {"hash": "pa", "category": "", "auto_tmm": False},
                {"hash": "pb", "save_path": f"{root}/b3", "force_start": True, "protect": True},
                {"hash": "pd", "category": ""},
            ],
        },
        categories,
    )
