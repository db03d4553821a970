"""A run as rows: what it did and what was in trouble, not the thousands of things that are as they should be. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from reconciler.model.options import written
from reconciler.model.plan import Action, Change, Kind, Outcome, Verb
from reconciler.model.run import ActionResult, InstanceResult, Mode, Run, Status
from reconciler.plan.guard import looks_wiped

Row = tuple[str | int | float | None, ...]

TRIED: Final = (Outcome.APPLIED, Outcome.FAILED, Outcome.DROPPED)
_LONGEST: Final = 500  # characters of a text: an error may quote a whole page


def worth_a_row(run: Run) -> bool:
    """Did it do anything, or was an instance in trouble? A dry-run leaves no trace."""
    return run.mode is Mode.APPLY and (any(True for _ in action_rows(run)) or bool(instance_rows(run)))


def trouble(run: Run) -> tuple[Row, ...]:
    """What is wrong, for a run that does nothing else than the last one to be told from a new trouble."""
    return tuple(instance_rows(run))


def instance_rows(run: Run) -> list[Row]:
    """Name, status and error of each instance that was in trouble or refused by the guard."""
    return [(part.name, str(part.status), _cut(why)) for part in run.instances if (why := _why(part))]


def action_rows(run: Run) -> Iterator[Row]:
    """Instance, verb, kind, name, infohash, changes, outcome and error of each action that was tried."""
    for part in run.instances:
        for result in part.results:
            if result.outcome in TRIED:
                one = result.action
                changes = _cut("; ".join(_in_words(change) for change in one.changes if _tells(one, change)))
                error = _cut(result.error) if result.error else None
                yield part.name, one.verb, one.kind, _cut(one.name), one.infohash, changes, result.outcome, error


def _why(part: InstanceResult) -> str | None:
    if part.verdict.refused:
        return "refused by the guard: " + "; ".join(part.verdict.reasons)
    return part.error if part.status not in (Status.OK, Status.SUSPENDED) else None


def _tells(action: Action, change: Change) -> bool:
    """That what is added becomes ours, and what is deleted no longer is, goes without saying."""
    return change.field != "owner" or action.verb in (Verb.ADOPT, Verb.UPDATE)


@lru_cache(1024)  # many torrents change alike
def _in_words(change: Change) -> str:
    before, after = (_shown(written(change.field, value)) for value in (change.before, change.after))
    return f"{change.field}: {before} -> {after}"


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return "none" if value in (None, "") else str(value).lower() if isinstance(value, bool) else str(value)


def _cut(text: str | None) -> str:
    text = (text or "").encode("utf-8", "replace").decode()  # a name may hold half a surrogate pair
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def owned_after(result: InstanceResult, before: int | None) -> int | None:
    """The count to remember after a run, given what was remembered `before`; None: nothing is known.

    A read that shows less than half of it is not believed at once: until what is declared is there again and nothing
    waits to be deleted, only our own deletions lower the count. What a person approved by its hash is believed.
    """
    gained = _count(result, Verb.ADD, Verb.ADOPT)
    lost = _count(result, Verb.DELETE)
    if result.status not in (Status.OK, Status.SUSPENDED):
        return before if before is None or result.version is None else max(0, before - lost)
    if before is not None and looks_wiped(result.owned, before) and not _settled(result):
        return max(0, before - lost)
    return max(0, result.owned + gained - lost)


def _count(result: InstanceResult, *verbs: Verb) -> int:
    return sum(
        one.outcome is Outcome.APPLIED and one.action.kind is Kind.TORRENT and one.action.verb in verbs
        for one in result.results
    )


def _settled(result: InstanceResult) -> bool:
    """Was nothing missing and nothing to be deleted, or all deletions of it carried out?"""
    return not any(_unsettled(one) for one in result.results)


def _unsettled(one: ActionResult) -> bool:
    action = one.action
    if action.kind is not Kind.TORRENT:
        return False
    return action.verb is Verb.ADD or (action.verb is Verb.DELETE and one.outcome is not Outcome.APPLIED)
