"""Runs with many changes, which the reports shorten."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from reconciler.model.lease import LeaseMark
from tests.support.example_runs import huge, planned
from tests.support.golden_reports import FORMS, render_case


@pytest.mark.parametrize(("form", "lines"), [("txt", 60), ("md", 70), ("github", 90)])
def test_ten_thousand_changes_are_short_and_fast(form: str, lines: int) -> None:
    run = huge()
    began = time.process_time()
    report = FORMS[form](run)
    assert time.process_time() - began < 1.0
    assert len(report.splitlines()) < lines
    assert "it said no" in report, "a single failure among ten thousand must be visible"


@pytest.mark.parametrize(("form", "size"), [("txt", 40_000), ("md", 60_000), ("github", 40_000)])
def test_ten_thousand_different_changes_of_each_verb_are_cut(form: str, size: int) -> None:
    report = render_case("mass", form)
    assert len(report) < size
    assert report.count("and 9,980 more") == 5, "of each verb and kind, and where to see the rest"
    assert report.count("and 9,900 more") == 2, "deletions are for a person to read"
    assert "deletions: 10,000 torrents, 333.8 TiB on disk" in report


def test_other_desired_states_are_named() -> None:
    mark = LeaseMark("work", "nas", "22222222", datetime(2026, 11, 28, tzinfo=UTC))
    run = planned()
    lines = FORMS["txt"](replace(run, instances=(replace(run.instances[0], marks=(mark,)),))).splitlines()
    assert '  other desired states change it too: owner "work", as nas, since 2026-11-28' in lines
