"""How many torrents of an instance were ours, from run to run. Pure."""

from __future__ import annotations

from reconciler.model.plan import Kind, Outcome, Verb
from reconciler.model.run import ActionResult, InstanceResult, Status
from reconciler.plan.memory import looks_wiped


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
