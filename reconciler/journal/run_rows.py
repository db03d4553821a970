"""A run as rows: what it did and what was in trouble, not the thousands of things that are as they should be. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from reconciler.model.fields import OWNER, to_declared_value
from reconciler.model.plan import Action, Change, ObjectKind, Outcome, Verb
from reconciler.model.run import ActionResult, InstanceResult, Run, RunMode
from reconciler.plan.guard import is_probably_wiped

Row = tuple[str | int | float | None, ...]

RECORDED_OUTCOMES: Final = (Outcome.APPLIED, Outcome.FAILED, Outcome.DROPPED)
_MAX_TEXT_LENGTH: Final = 500  # characters of a text: an error may quote a whole page


def should_record(run: Run) -> bool:
    """Did it do anything, or was an instance in trouble? A dry-run leaves no trace."""
    return run.mode is RunMode.APPLY and (any(True for _ in action_rows(run)) or bool(instance_rows(run)))


def problem_rows(run: Run) -> tuple[Row, ...]:
    """What is wrong, for a run that does nothing else than the last one to be told from a new trouble."""
    return tuple(instance_rows(run))


def instance_rows(run: Run) -> list[Row]:
    """Name, status and error of each instance that was in trouble or refused by the guard."""
    return [(part.name, str(part.status), _truncate(why)) for part in run.instances if (why := _problem_reason(part))]


def action_rows(run: Run) -> Iterator[Row]:
    """Instance, verb, kind, name, infohash, changes, outcome and error of each action that was tried."""
    for part in run.instances:
        for result in part.results:
            if result.outcome in RECORDED_OUTCOMES:
                one = result.action
                changes = _truncate(
                    "; ".join(_change_text(change) for change in one.changes if _is_informative(one, change))
                )
                error = _truncate(result.error) if result.error else None
                yield part.name, one.verb, one.kind, _truncate(one.name), one.infohash, changes, result.outcome, error


def _problem_reason(result: InstanceResult) -> str | None:
    if result.verdict.refused:
        return "refused by the guard: " + "; ".join(result.verdict.reasons)
    return None if result.status.is_ok else result.error


def _is_informative(action: Action, change: Change) -> bool:
    """That what is added becomes ours, and what is deleted no longer is, goes without saying."""
    return change.field != OWNER or action.verb in (Verb.ADOPT, Verb.UPDATE)


@lru_cache(1024)  # many torrents change alike
def _change_text(change: Change) -> str:
    before, after = (_value_text(to_declared_value(change.field, value)) for value in (change.before, change.after))
    return f"{change.field}: {before} -> {after}"


def _value_text(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return "none" if value in (None, "") else str(value).lower() if isinstance(value, bool) else str(value)


def _truncate(text: str | None) -> str:
    text = (text or "").encode("utf-8", "replace").decode()  # a name may hold half a surrogate pair
    return text if len(text) <= _MAX_TEXT_LENGTH else text[: _MAX_TEXT_LENGTH - 1] + "…"


def next_owned_count(result: InstanceResult, before: int | None) -> int | None:
    """The count to remember after a run, given what was remembered `before`; None: nothing is known.

    A read that shows less than half of it is not believed at once: until what is declared is there again and nothing
    waits to be deleted, only our own deletions lower the count. What a person approved by its hash is believed.
    """
    gained = _count_applied(result, Verb.ADD, Verb.ADOPT)
    lost = _count_applied(result, Verb.DELETE)
    if not result.status.is_ok:
        return before if before is None or result.version is None else max(0, before - lost)
    if before is not None and is_probably_wiped(result.owned, before) and not _is_settled(result):
        return max(0, before - lost)
    return max(0, result.owned + gained - lost)


def _count_applied(result: InstanceResult, *verbs: Verb) -> int:
    return sum(
        one.outcome is Outcome.APPLIED and one.action.kind is ObjectKind.TORRENT and one.action.verb in verbs
        for one in result.results
    )


def _is_settled(result: InstanceResult) -> bool:
    """Was nothing missing and nothing to be deleted, or all deletions of it carried out?"""
    return not any(_is_unsettled(one) for one in result.results)


def _is_unsettled(result: ActionResult) -> bool:
    action = result.action
    if action.kind is not ObjectKind.TORRENT:
        return False
    return action.verb is Verb.ADD or (action.verb is Verb.DELETE and result.outcome is not Outcome.APPLIED)
