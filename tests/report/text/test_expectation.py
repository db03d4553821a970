"""The difference between the expected plan and the plan now, in words."""

from __future__ import annotations

from dataclasses import replace

from reconciler.model.expectation import ActionSummary, PlanDifference, PlanExpectation
from reconciler.model.plan import Change
from reconciler.model.run import RunMode
from reconciler.report.markdown import render_run_markdown
from reconciler.report.text.expectation import LOOK_ALIKE_TEXT, MAX_SHOWN, expectation_text, render_difference
from reconciler.report.text.lines import render_plain
from tests.support.example_runs import PLAN_HASH, hostile, planned
from tests.support.golden_reports import github, json_text, text

ADD = ActionSummary("home", "add", "torrent", "a" * 40, "Sintel", (Change("category", None, "films"),))
MOVE = ActionSummary("home", "update", "torrent", "b" * 40, "Debian", (Change("category", "linux", "films"),))
OTHER_HASH = "sha256:" + "0" * 64
UNMET = PlanExpectation(OTHER_HASH, "the plan is another one now", PlanDifference((ADD,), (), ()))


def render(difference: PlanDifference) -> list[str]:
    """The lines of a difference."""
    return [render_plain(line) for line in render_difference(difference)]


def test_each_kind_of_difference_has_its_block() -> None:
    deletion = replace(MOVE, verb="delete", changes=(), delete_files=True, outcome="blocked")
    limit = ActionSummary("home", "update", "preference", "dl_limit", "dl_limit", (Change("value", 0, 1024),))
    assert render(PlanDifference((ADD,), (limit,), ((MOVE, deletion),))) == [
        "  only in the expected plan:",
        "    + home: add aaaaaaaaaa Sintel",
        "      category: films",
        "  only in the plan now:",
        "    ~ home: update preference dl_limit",
        "      value: 0 → 1024",
        "  different now:",
        "    - home: delete bbbbbbbbbb Debian",
        "      delete (expected: update)",
        "      with its data (expected: without)",
        "      blocked (expected: planned)",
        "      category: no change (expected: linux → films)",
    ]
    other = replace(MOVE, changes=(Change("category", "linux", "iso"),))
    assert (
        render(PlanDifference(changed=((MOVE, other),)))[-1] == "      category: linux → iso (expected: linux → films)"
    )
    assert render(PlanDifference()) == [f"  {LOOK_ALIKE_TEXT}"]
    owned = replace(ADD, changes=(Change("owner", None, "home"),))
    assert len(render(PlanDifference((owned,)))) == 2, "what every add sets is not worth a line"


def test_a_long_list_is_cut_and_says_so() -> None:
    lines = render(PlanDifference(tuple(replace(ADD, subject=f"{n:040}") for n in range(MAX_SHOWN + 7))))
    assert lines[-1] == "    … and 7 more; --output json shows all"


def test_a_name_cannot_control_the_report() -> None:
    name = "\x1b[2J::error::x"
    (_, line, _) = render(PlanDifference((replace(ADD, name=name),)))
    assert "\x1b" not in line


def test_the_sentence_says_what_follows() -> None:
    assert expectation_text(PlanExpectation(OTHER_HASH), is_dry_run=False) == "This is the expected plan."
    assert expectation_text(UNMET, is_dry_run=False) == "Nothing was executed: the plan is another one now."
    assert expectation_text(UNMET, is_dry_run=True) == "An apply would execute nothing: the plan is another one now."


def test_every_report_says_that_the_plan_is_not_the_expected_one() -> None:
    run = replace(planned(), mode=RunMode.APPLY, exit_code=3, expectation=UNMET)
    for report in (text(run), render_run_markdown(run), github(run)):
        assert "Nothing was executed: the plan is another one now." in report
        assert OTHER_HASH in report and "not the expected plan" in report
    assert "Sintel" in text(run) and "only in the expected plan" in render_run_markdown(run)
    assert '"met": false' in json_text(run) and '"only_expected": [{"instance": "home"' in json_text(run)
    met = replace(planned(), expectation=PlanExpectation(PLAN_HASH))
    assert all("This is the expected plan." in report for report in (text(met), render_run_markdown(met)))
    assert "expected_plan" not in json_text(planned()) and '"met": true' in json_text(met)
    assert hostile().expectation is None
