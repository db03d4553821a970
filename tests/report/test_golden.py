"""Every report of every case is exactly what the golden files show."""

from __future__ import annotations

import pytest

from tests.support.example_runs import planned
from tests.support.golden_reports import EXPECTED, FOLDER, FORMS, path, render_case


@pytest.mark.parametrize(("case", "form"), EXPECTED)
def test_report_is_as_expected(case: str, form: str) -> None:
    assert render_case(case, form) == path(case, form).read_text(encoding="utf-8")


def test_no_golden_file_is_left_over() -> None:
    kept = {file.name for file in FOLDER.iterdir()} - {"README.md"}
    assert kept == {path(case, form).name for case, form in EXPECTED}


@pytest.mark.parametrize(("name", "value"), [("TERM", "dumb"), ("NO_COLOR", "1"), ("COLUMNS", "20")])
def test_colours_do_not_depend_on_the_environment(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    assert FORMS["ansi"](planned()) == path("planned", "ansi").read_text(encoding="utf-8")
