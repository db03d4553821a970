"""The kill switch: what stops when an instance is not healthy, what waits for that to end, and what runs again then.

| our torrent on it    | unhealthy, `pause`       | unhealthy, `leave` | healthy again                               |
|----------------------|--------------------------|--------------------|---------------------------------------------|
| runs                 | marked, then stopped     | left alone         | left alone                                  |
| stopped, no mark     | left alone               | left alone         | left alone                                  |
| stopped, with a mark | left alone               | left alone         | started as it ran, then the mark is removed |
| runs, with a mark    | stopped                  | left alone         | the mark is removed                         |

A mark is the tag `reconcile:held` (or `reconcile:held:forced`, where the start was forced): it tells what we stopped
from what a person has stopped, whoever looks next. Where `paused: true` is declared, only the mark is removed.
Whatever else is planned for an unhealthy instance is deferred. `reconcile:ignore` holds here too. Policies do not: the
kill switch is declared by itself, and what it has stopped it lets go again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from reconciler.model.desired import DesiredTorrent
from reconciler.model.plan import Action, Change, Kind, Outcome, Spared, Value, Verb
from reconciler.model.snapshot import LiveTorrent, Snapshot
from reconciler.model.tags import HELD, HELD_FORCED, IGNORE, held
from reconciler.plan.context import Decision, Rules
from reconciler.plan.diff import ordered
from reconciler.plan.feasibility import metadata_first, why_not
from reconciler.plan.quarantine import begun
from reconciler.plan.torrents import spared_from_prune

_MARKS = frozenset({HELD, HELD_FORCED})
_START = Change("paused", True, False)
_LET_GO = "the kill switch lets it go"


def stops(torrents: Iterable[LiveTorrent], rules: Rules, why: str) -> list[Decision]:
    """Stop what is ours and runs, before anything else. `why` says what is wrong with the instance."""
    decisions: list[Decision] = []
    for live in torrents:
        if live.stopped or not rules.owns(live):
            continue
        if IGNORE in live.tags:
            reason = f"it has the tag {IGNORE}, so that the kill switch leaves it running ({why})"
            decisions.append(Spared(str(live.infohashes), live.name, reason))
            continue
        mark = () if held(live.tags) else (Change("held", None, "forced" if live.options.force_start else "running"),)
        changes = (*mark, Change("paused", False, True))
        decisions.append(replace(_update(live, changes, why), urgent=True))
    return decisions


def postponed(decisions: Iterable[Decision], why: str) -> list[Decision]:
    """What was planned, deferred until the instance is healthy."""
    return [
        replace(one, hold=Outcome.DEFERRED, reason=f"{one.reason}; waits: {why}")
        if isinstance(one, Action) and one.hold is None
        else one
        for one in decisions
    ]


def let_go(
    decided: Sequence[Decision],
    live: LiveTorrent,
    rules: Rules,
    snapshot: Snapshot,
    entry: DesiredTorrent | None = None,
) -> Sequence[Decision]:
    """What was decided about one live torrent, and what ends its being held, if it is. Call it for healthy ones too:

    what the instance is not healthy enough for is deferred like all the rest.
    """
    if _MARKS.isdisjoint(live.tags) or IGNORE in live.tags:
        return decided
    planned = next((one for one in decided if isinstance(one, Action) and one.hold is None), None)
    ours = rules.owns(live) or (planned is not None and bool(planned.wanted("owner")))
    if not ours or (planned and planned.verb is Verb.DELETE):
        return decided
    runs = not (_paused(entry, live, snapshot) if entry else _quarantined(live, rules, decided))
    if runs and live.stopped and (waits := why_not(_START, live)):
        return decided if any(map(_starts, decided)) else [*decided, _waiting(live, entry, *waits)]
    changes = _releases(live, entry, runs, planned)
    if planned is None:
        action = replace(_update(live, changes, _LET_GO), source=entry.at if entry else None)
        return [*decided, action]
    reason = f"{planned.reason}; {_LET_GO}"
    grown = replace(planned, changes=ordered((*planned.changes, *changes)), reason=reason)
    return [grown if one is planned else one for one in decided]


def _quarantined(live: LiveTorrent, rules: Rules, decided: Sequence[Decision]) -> bool:
    """Is it in quarantine, or on the way, so that it stays stopped even though nothing holds it any more?"""
    if spared_from_prune(live, rules):
        return False
    return any(isinstance(one, Spared) or begun(one) or one.wanted("paused") is True for one in decided)


def _paused(entry: DesiredTorrent, live: LiveTorrent, snapshot: Snapshot) -> bool:
    awaits_metadata = metadata_first(entry, snapshot) and not live.has_metadata
    return bool(_declared(entry, "paused")) and not awaits_metadata


def _declared(entry: DesiredTorrent, field: str) -> Value:
    value = entry.paused if field == "paused" else entry.options.get(field)
    return None if field in entry.ignore_changes else value


def _starts(decision: Decision) -> bool:
    return isinstance(decision, Action) and (decision.wanted("paused") is False or bool(decision.wanted("force_start")))


def _releases(
    live: LiveTorrent, entry: DesiredTorrent | None, runs: bool, planned: Action | None
) -> tuple[Change, ...]:
    """The changes that end it, but for those that are planned anyway. What ran by force does so again."""
    how = held(live.tags)
    changes = [Change("held", how, None)]
    if runs and live.stopped:
        changes.append(_START)
    forced = not live.stopped and live.options.force_start
    if how == "forced" and runs and not forced and not (entry and _declared(entry, "force_start") is False):
        changes.append(Change("force_start", False, True))
    known = {change.field for change in planned.changes} if planned else set()
    return tuple(change for change in changes if change.field not in known)


def _waiting(live: LiveTorrent, entry: DesiredTorrent | None, hold: Outcome, why: str) -> Action:
    return replace(_update(live, (_START,), why), source=entry.at if entry else None, hold=hold)


def _update(live: LiveTorrent, changes: tuple[Change, ...], reason: str) -> Action:
    infohash = str(live.infohashes)
    return Action(Verb.UPDATE, Kind.TORRENT, live.name, reason, changes, infohash=infohash, torrent_id=live.id)
