"""A comparison as a comment."""

from __future__ import annotations

from dataclasses import replace

from reconciler.model.comparison import ComparedAction, SettingChange
from reconciler.model.plan import Verb
from reconciler.report.markdown import MAX_COMMENT_LENGTH
from reconciler.report.markdown_comparison import render_comparison_markdown
from tests.support.example_comparisons import COMPARISON, EMPTY, HOME, UPDATE


def test_every_part_is_shown() -> None:
    text = render_comparison_markdown(COMPARISON)
    assert text.startswith("### reconcile diff: 0 to add, 1 to change, 1 to delete")
    for part in (
        "`git:main` → `desired.yaml`",
        "> - `box: 11 deletions are more than max_delete 10`",
        "- `quarantine: (not declared) → 7d`",
        "**`attic`** is no longer declared: its 3 torrents stay as they are.",
        "```diff",
        "- `Sintel: category: films → (not declared): no longer declared: it stays as it is`",
    ):
        assert part in text


def test_equal_states_are_a_title() -> None:
    assert render_comparison_markdown(EMPTY).startswith("### reconcile diff: no difference: both declare the same")


def test_a_comment_fits() -> None:
    actions = tuple(ComparedAction(replace(UPDATE, name=f"{n} " + "x" * 250)) for n in range(300))
    many = [replace(HOME, name=f"i{n}", actions=actions) for n in range(30)]
    settings = tuple(SettingChange(f"s{n}", None, "y" * 500) for n in range(500))
    text = render_comparison_markdown(replace(COMPARISON, instances=tuple(many), settings=settings))
    assert len(text) <= MAX_COMMENT_LENGTH


def test_names_cannot_break_out_of_their_code() -> None:
    hostile = replace(UPDATE, name="``` </details> @team\n::error::x")
    text = render_comparison_markdown(
        replace(COMPARISON, instances=(replace(HOME, actions=(ComparedAction(hostile),)),), new="`x` <img>")
    )
    assert "\n::error" not in text
    assert "````diff" in text
    assert "``x` <img>``" in text.replace("`` `x` <img> ``", "``x` <img>``")


def test_deletions_come_first() -> None:
    actions = (ComparedAction(UPDATE), *(action for action in HOME.actions if action.action.verb is Verb.DELETE))
    text = render_comparison_markdown(replace(COMPARISON, instances=(replace(HOME, actions=actions),)))
    assert len(actions) > 1
    assert [line[0] for line in text.splitlines() if line.startswith(("- delete", "~ update"))] == ["-", "~"]
