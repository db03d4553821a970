"""The plan that a run was to execute, and how the plan that it made differs from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from reconciler.model.expectation import ActionSummary, PlanDifference, PlanExpectation
from reconciler.model.fields.names import OWNER
from reconciler.model.plan import Change, Verb
from reconciler.report.phrases import change_text, format_value
from reconciler.report.text.lines import Line, Style, make_line

MAX_SHOWN: Final = 50  # actions of each list
LOOK_ALIKE_TEXT: Final = (
    "The two plans look alike. They differ in what reports mask (passkeys, secrets), in the torrents that a setting "
    "alters, in the instances, the owner or the policy."
)
_SYMBOLS: Final = {Verb.ADD: "+", Verb.ADOPT: ">", Verb.UPDATE: "~", Verb.DELETE: "-"}


def expectation_text(expectation: PlanExpectation, *, is_dry_run: bool) -> str:
    """Return in one sentence if the plan is the expected one."""
    if expectation.is_met:
        return "This is the expected plan."
    consequence = "An apply would execute nothing" if is_dry_run else "Nothing was executed"
    return f"{consequence}: {expectation.reason}."


def render_difference(difference: PlanDifference) -> Iterator[Line]:
    """Return what differs, a block for each kind of difference."""
    if difference.is_empty:
        yield make_line("  ", LOOK_ALIKE_TEXT)
    yield from _render_list("only in the expected plan:", difference.only_expected, Style.DELETE)
    yield from _render_list("only in the plan now:", difference.only_actual, Style.ADD)
    if difference.changed:
        yield make_line("  ", ("different now:", Style.STRONG))
    for expected, actual in difference.changed[:MAX_SHOWN]:
        yield make_line("    ", _action_text(actual))
        yield from (make_line("      ", (text, Style.WAIT)) for text in _difference_texts(expected, actual))
    yield from _render_rest(len(difference.changed))


def _render_list(title: str, actions: Sequence[ActionSummary], style: Style) -> Iterator[Line]:
    if not actions:
        return
    yield make_line("  ", (title, Style.STRONG))
    for action in actions[:MAX_SHOWN]:
        yield make_line("    ", (_action_text(action), style))
        yield from (make_line("      ", (text, Style.DIM)) for text in _change_texts(action))
    yield from _render_rest(len(actions))


def _render_rest(count: int) -> Iterator[Line]:
    if count > MAX_SHOWN:
        yield make_line("    ", (f"… and {count - MAX_SHOWN:,} more; --output json shows all", Style.DIM))


def _action_text(action: ActionSummary) -> str:
    symbol = _SYMBOLS[Verb(action.verb)]
    subject = action.kind if action.subject == action.name else action.subject[:10]
    return f"{symbol} {action.instance}: {action.verb} {subject} {action.name}"


def _change_texts(action: ActionSummary) -> Iterator[str]:
    """Return the changes, without the owner that every add sets and every deletion ends."""
    shown = (change for change in action.changes if change.field != OWNER or (change.before and change.after))
    return map(_summary_change_text, shown)


def _summary_change_text(change: Change) -> str:
    if change.before is None:
        return f"{change.field}: {format_value(change.field, change.after)}"
    return change_text(change)


def _difference_texts(expected: ActionSummary, actual: ActionSummary) -> Iterator[str]:
    """Return each fact of an action as it is now, with what was expected."""
    if expected.verb != actual.verb:
        yield f"{actual.verb} (expected: {expected.verb})"
    if expected.delete_files != actual.delete_files:
        yield "with its data (expected: without)" if actual.delete_files else "without its data (expected: with it)"
    if expected.outcome != actual.outcome:
        yield f"{actual.outcome} (expected: {expected.outcome})"
    before = {change.field: change for change in expected.changes}
    after = {change.field: change for change in actual.changes}
    for field in dict.fromkeys((*before, *after)):
        if before.get(field) != after.get(field):
            yield f"{_field_text(field, after)} (expected: {_field_text(field, before).removeprefix(f'{field}: ')})"


def _field_text(field: str, changes: dict[str, Change]) -> str:
    return _summary_change_text(changes[field]) if field in changes else f"{field}: no change"
