"""Counts, lengths and problems, which the golden files do not show."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from reconciler.model.plan import GuardVerdict, Outcome, Verb
from reconciler.model.position import Problem
from reconciler.model.run import ActionResult, Run, RunMode
from reconciler.report.markdown import MAX_COMMENT_LENGTH, render_run_markdown
from tests.support.example_runs import (
    PLAN_HASH,
    huge,
    make_instance_result,
    make_position,
    make_torrent_action,
)
from tests.support.golden_reports import FORMS, render_case, text


@pytest.mark.parametrize(("form", "lines"), [("txt", 60), ("md", 70), ("github", 90)])
def test_ten_thousand_changes_are_short_and_fast(form: str, lines: int) -> None:
    run = huge()
    began = time.process_time()
    report = FORMS[form](run)
    assert time.process_time() - began < 1.0
    assert len(report.splitlines()) < lines
    assert "it said no" in report, "a single failure among ten thousand must be visible"


def test_many_different_changes_are_cut() -> None:
    actions = tuple(
        ActionResult(make_torrent_action(Verb.DELETE, f"{n}.iso", f"reason {n}", number=n), Outcome.PLANNED)
        for n in range(5_000)
    )
    report = text(Run(RunMode.DRY_RUN, PLAN_HASH, 0, (make_instance_result("home", actions),)))
    assert "… and 4,900 more" in report
    assert len(report.splitlines()) < 110


@pytest.mark.parametrize(("form", "size"), [("txt", 40_000), ("md", 60_000), ("github", 40_000)])
def test_ten_thousand_different_changes_of_each_verb_are_cut(form: str, size: int) -> None:
    report = render_case("mass", form)
    assert len(report) < size
    assert report.count("and 9,980 more") == 5, "of each verb and kind, and where to see the rest"
    assert report.count("and 9,900 more") == 2, "deletions are for a person to read"
    assert "deletions: 10,000 torrents, 333.8 TiB on disk" in report


def test_a_comment_always_fits_into_github() -> None:
    names = ["n" * 5_000, "`" * 2_000]
    actions = tuple(
        ActionResult(make_torrent_action(Verb.ADD, name, "r" * 900, number=n), Outcome.PLANNED)
        for n, name in enumerate(names * 10)
    )
    verdict = GuardVerdict(True, ("v" * 5_000,) * 3)
    many = tuple(
        replace(make_instance_result("home", actions), name=f"instance-{n}", error="e" * 5_000, verdict=verdict)
        for n in range(150)
    )
    warnings = (Problem(replace(make_position(1), file="f" * 4_000), "m" * 5_000),) * 1_000
    assert len(render_run_markdown(Run(RunMode.DRY_RUN, PLAN_HASH, 1, many, warnings))) <= MAX_COMMENT_LENGTH < 65_536
    assert len(render_run_markdown(Run(RunMode.DRY_RUN, PLAN_HASH, 1, many[:2]))) <= MAX_COMMENT_LENGTH
