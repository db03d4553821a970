"""Runs and problems as a comment on a pull request."""

from __future__ import annotations

import re
from dataclasses import replace

from reconciler.model.plan import Change, DeleteCategory, GuardVerdict, Outcome, Verb
from reconciler.model.position import Problem
from reconciler.model.run import ActionResult, InstanceResult, Run, RunMode, Status
from reconciler.report.markdown import (
    MAX_COMMENT_LENGTH,
    cut_markdown,
    render_problems_markdown,
    render_run_markdown,
    render_validation_markdown,
)
from tests.support.example_runs import (
    PLAN_HASH,
    UNREACHABLE_RESULT,
    make_instance_result,
    make_position,
    make_torrent_action,
)

PROBLEMS = (
    Problem(make_position(3), "E030", "unknown key", 'Did you mean "tags"?'),
    Problem(make_position(9), "E030", "two of them"),
)


def make_additions(count: int) -> InstanceResult:
    """An instance with this many additions, each with its own reason."""
    actions = (make_torrent_action(Verb.ADD, f"t{n}", f"reason {n}", number=n) for n in range(count))
    return make_instance_result("home", tuple(ActionResult(action, Outcome.PLANNED) for action in actions))


def render_lines(*instances: InstanceResult) -> list[str]:
    """The lines of the comment about a dry-run of these instances."""
    return render_run_markdown(Run(RunMode.DRY_RUN, PLAN_HASH, 0, instances)).splitlines()


def test_problems_as_a_markdown_comment() -> None:
    assert render_problems_markdown(PROBLEMS, "the desired state is invalid") == (
        "### reconcile: `the desired state is invalid`\n\n"
        '- `desired.yaml:3:5` `E030: unknown key. Did you mean "tags"?`\n'
        "- `desired.yaml:9:5` `E030: two of them`\n"
    )


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
    warnings = (Problem(replace(make_position(1), file="f" * 4_000), "E030", "m" * 5_000),) * 1_000
    assert len(render_run_markdown(Run(RunMode.DRY_RUN, PLAN_HASH, 1, many, warnings))) <= MAX_COMMENT_LENGTH < 65_536
    assert len(render_run_markdown(Run(RunMode.DRY_RUN, PLAN_HASH, 1, many[:2]))) <= MAX_COMMENT_LENGTH


def test_a_long_list_of_problems_is_cut() -> None:
    lines = render_problems_markdown([PROBLEMS[1]] * 53, "invalid").splitlines()
    assert lines.count("- `desired.yaml:9:5` `E030: two of them`") == 50
    assert lines[-1] == "- … and 3 more"


def test_a_valid_state_shows_its_warnings() -> None:
    assert render_validation_markdown("12 torrents are valid", ()) == "### reconcile: `12 torrents are valid`\n"
    assert render_validation_markdown("12 torrents are valid", PROBLEMS[1:]) == (
        "### reconcile: `12 torrents are valid`\n\n**1 warning**\n\n- `desired.yaml:9:5` `E030: two of them`\n"
    )


def test_the_table_shows_four_counts_and_every_other_one_that_is_not_zero() -> None:
    lines = render_lines(UNREACHABLE_RESULT, make_instance_result("home", unchanged=1_200))
    assert lines[2:6] == [
        "| instance | status | add | update | delete | unchanged |",
        "|---|---|---:|---:|---:|---:|",
        "| **`attic`** | **unreachable** | unknown | unknown | unknown | unknown |",
        "| **`home`** | ok (`v5.1.0`) | 0 | 0 | 0 | 1,200 |",
    ]
    assert "**`attic`**: `no connection to http://attic:8080: connection refused`" in lines
    failed = ActionResult(make_torrent_action(Verb.ADD, "x", "r", number=1), Outcome.FAILED, "full")
    assert render_lines(make_instance_result("home", (failed,)))[2].endswith("| unchanged | failed |")


def test_an_unreachable_instance_is_unknown_and_never_zero() -> None:
    text = render_run_markdown(Run(RunMode.DRY_RUN, PLAN_HASH, 1, (UNREACHABLE_RESULT,)))
    assert text.startswith("### reconcile: 1 instance unknown\n")
    assert not re.search(r"\b0\b", text.replace(PLAN_HASH, ""))


def test_a_long_plan_is_folded_and_a_short_one_is_not_and_both_count_like_the_title() -> None:
    counts = "15 to add, 0 to change, 0 to delete, 0 unchanged"
    short = render_lines(make_additions(15))
    assert {f"### reconcile: {counts}", f"**`home`**: {counts}"} < set(short)
    assert "<details>" not in "".join(short)
    counts = counts.replace("15", "16")
    folded = render_lines(make_additions(16))
    assert {
        f"### reconcile: {counts}",
        f"<details><summary><b><code>home</code></b>: {counts}</summary>",
    } < set(folded)
    assert folded[folded.index("```diff") + 1].startswith("+ add")


def test_an_update_and_a_failure_have_different_signs() -> None:
    update = make_torrent_action(Verb.UPDATE, "changed", "category differs", number=1)
    results = (ActionResult(update, Outcome.APPLIED), ActionResult(update, Outcome.FAILED, "it said no"))
    lines = render_lines(make_instance_result("home", results))
    assert [line[0] for line in lines if "changed" in line and line[0] in "~!"] == ["!", "~"]


def test_deletions_come_first_and_an_instance_with_deletions_before_others() -> None:
    quarantine = make_torrent_action(
        Verb.UPDATE, "going", "no longer declared", Change("quarantine", (), ("2026-11-28",)), number=3
    )
    mixed = (
        make_torrent_action(Verb.ADD, "new", "r", number=1),
        make_torrent_action(Verb.UPDATE, "changed", "r", number=2),
        quarantine,
        make_torrent_action(Verb.DELETE, "old", "r", number=4),
        DeleteCategory("unused", "r"),
    )
    late = replace(
        make_instance_result("later", tuple(ActionResult(action, Outcome.PLANNED) for action in mixed)), owned=9
    )
    lines = render_lines(make_additions(1), late)
    names = ("t0", "new", "changed", "going", "old", "unused")
    shown = [next(name for name in names if f"  {name}" in line) for line in lines if re.match("[-+~] ", line)]
    assert shown == ["old", "unused", "going", "new", "changed", "t0"]


def test_a_name_of_the_configuration_activates_nothing() -> None:
    name = "www.x|y\\|@team"
    folded = replace(make_additions(16), name=name, error="down", status=Status.ERROR, version="@v|5")
    text = "\n".join(render_lines(folded, replace(folded, status=Status.OK, error=None)))
    without_code = re.sub(r"(`+).*?\1|<code>.*?</code>", "", text)
    assert "@" not in without_code and "www" not in without_code
    rows = [line for line in text.splitlines() if line.startswith("| **")]
    assert [row.count("|") for row in rows] == [7, 7], "no name adds a cell"


def test_a_cut_text_ends_with_what_it_lacks_and_leaves_nothing_open() -> None:
    text = "<details><summary>x</summary>\n\n````diff\n" + "- line of a plan\n" * 1_000 + "````\n\n</details>\nend\n"
    assert cut_markdown(text, len(text)) == text
    cut = cut_markdown(text, 4_000)
    kept = cut.count("- line of a plan\n")
    assert len(cut) <= 4_000 and kept > 150
    assert cut.endswith(f"- line of a plan\n````\n\n</details>\n\n… and {1_007 - kept - 3:,} more lines\n")


def test_a_refusal_shows_both_ways_to_approve_the_plan() -> None:
    verdict = GuardVerdict(True, ("2 deletions are more than max_delete 1",))
    lines = render_lines(replace(make_additions(2), verdict=verdict))
    assert lines[2:4] == ["> [!CAUTION]", "> **The guard refused this plan.** Nothing is executed on `home`."]
    assert "> - `home: 2 deletions are more than max_delete 1`" in lines
    assert f"> --accept-plan {PLAN_HASH}" in lines
    assert f"> accept_plan: {PLAN_HASH}" in lines
