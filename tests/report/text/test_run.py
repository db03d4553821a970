"""Runs with many changes, which the reports shorten."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from reconciler.model.lease import LeaseMark
from reconciler.model.run import Status
from reconciler.report.text.layout import fit_line
from reconciler.report.text.lines import Style, measure_width, render_plain
from reconciler.report.text.run import render_run
from tests.support.example_runs import CASES, converged, planned
from tests.support.golden_reports import FORMS, path


@pytest.mark.parametrize(("form", "lines"), [("txt", 60), ("md", 70), ("github", 90)])
def test_ten_thousand_changes_are_short(form: str, lines: int) -> None:
    report = path("huge", form).read_text(encoding="utf-8")  # as rendered: see test_golden.py
    assert len(report.splitlines()) < lines
    assert "it said no" in report, "a single failure among ten thousand must be visible"


@pytest.mark.parametrize(("form", "size"), [("txt", 40_000), ("md", 60_000), ("github", 40_000)])
def test_ten_thousand_different_changes_of_each_verb_are_cut(form: str, size: int) -> None:
    report = path("mass", form).read_text(encoding="utf-8")  # as rendered: see test_golden.py
    assert len(report) < size
    assert report.count("and 9,980 more") == 5, "of each verb and kind, and where to see the rest"
    assert report.count("and 9,900 more") == 2, "deletions are for a person to read"
    assert "deletions: 10,000 torrents, 333.8 TiB on disk" in report


def test_other_desired_states_are_named() -> None:
    mark = LeaseMark("work", "nas", "22222222", datetime(2026, 11, 28, tzinfo=UTC))
    run = planned()
    lines = FORMS["txt"](replace(run, instances=(replace(run.instances[0], marks=(mark,)),))).splitlines()
    assert '  other desired states change it too: owner "work", as nas, since 2026-11-28' in lines


@pytest.mark.parametrize("case", [case for case in CASES if case not in ("huge", "mass")])
@pytest.mark.parametrize("width", [40, 60, 80])
def test_a_report_fits_a_terminal_and_no_word_is_broken(case: str, width: int) -> None:
    for line in render_run(CASES[case](), "reconcile"):
        shown = [render_plain(part) for part in fit_line(line, width)]
        words = render_plain(line).split()
        if any(style is Style.COPY for _, style in line):
            assert len(shown) == 1, "what people copy stays on a line"
            continue
        is_cut = any("…" in part for part in shown) or any(style is Style.RULE for _, style in line)
        assert is_cut or "".join(shown).replace(" ", "").replace("·", "") == "".join(words).replace("·", "")
        wide = [part for part in shown if measure_width(part) > width]
        assert all(any(measure_width(word) > width - 30 for word in part.split()) for part in wide), wide


def test_a_suspension_and_an_accepted_plan_are_named() -> None:
    run = converged()
    until = datetime(2026, 1, 2, 15, 30, tzinfo=UTC)
    suspended = replace(run.instances[0], status=Status.SUSPENDED, suspended_until=until)
    run = replace(run, instances=(suspended,), accepted_plan=run.plan_hash)
    text = "\n".join(map(render_plain, render_run(run, "reconcile")))
    assert "suspended until 2026-01-02 15:30 UTC: shown, not executed" in text
    assert "A person has accepted exactly this plan." in text
    other = "\n".join(map(render_plain, render_run(replace(run, accepted_plan="sha256:0"), "reconcile")))
    assert "A person has accepted another plan, which counts for nothing now: sha256:0" in other
