"""The parts that all reports of a comparison share."""

from __future__ import annotations

from reconciler.model.comparison import IneffectiveChange, SettingChange
from reconciler.report.comparison import UNKNOWN_TEXT, build_run, ineffective_text, setting_text
from tests.support.example_comparisons import COMPARISON, INEFFECTIVE, OLD_POSITION


def test_an_unknown_value_is_never_shown_as_none() -> None:
    results = build_run(COMPARISON).instances[2].results
    assert results[0].action.changes[0].before == UNKNOWN_TEXT
    assert setting_text(SettingChange("quarantine", None, "7d")) == "quarantine: (not declared) → 7d"


def test_a_deletion_is_where_the_old_state_declared_it() -> None:
    assert build_run(COMPARISON).instances[2].results[1].action.position == OLD_POSITION


def test_a_change_without_effect_has_its_reason() -> None:
    assert ineffective_text(INEFFECTIVE) == "category: films → (not declared): no longer declared: it stays as it is"
    assert ineffective_text(IneffectiveChange("category x", "", None, None, "it stays")) == "it stays"
