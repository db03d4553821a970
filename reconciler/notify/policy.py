"""What to say after a run. Pure: what was said before and a run in, what has been said now and a message out.

A change is said in the run that made it. A trouble is said when it has lasted, when it begins to need a person, and
again after a day; its end is said if it was said itself. So a restart of qBittorrent is no news, and a trouble that
stays is not said every minute.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from reconciler.engine.events import Finished
from reconciler.model.notification import About, Changed, Message, Trouble
from reconciler.model.plan import Kind, Outcome, Verb
from reconciler.model.run import ActionResult, InstanceResult, Status

SHOWN: Final = 10  # torrents that a message names
TRIES: Final = 3  # runs in a row that a trouble has to last before it is said
AGAIN: Final = timedelta(days=1)  # after this it is said once more

_FINE: Final = (Status.OK, Status.SUSPENDED)
_FOR_PEOPLE: Final = (Status.AUTH_FAILED, Status.BANNED, Status.UNSUPPORTED)  # these do not pass by themselves
_BAD: Final = (Outcome.FAILED, Outcome.BLOCKED, Outcome.DROPPED)
_OPEN: Final = (Outcome.DEFERRED, Outcome.PLANNED)

Key = tuple[About, str]


@dataclass(frozen=True, slots=True)
class Seen:
    """A trouble as one run shows it. `at_once`: it need not last to be said. `tries` None: one more than before."""

    reason: str
    at_once: bool = False
    tries: int | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """A trouble that has not ended yet, when it was said last, and whether as one that needs a person."""

    trouble: Trouble
    said: datetime | None = None
    at_once: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """What is remembered between runs."""

    known: Mapping[Key, Known] = field(default_factory=dict)


def decide(
    state: State, finished: Finished, declared: Collection[str], lasting: timedelta
) -> tuple[State, Message | None]:
    """What is known after this run, and what there is to say about it.

    `declared`: the instances that there are; what is known of any other is forgotten without a word. `lasting`: how
    long a trouble has to be there before it is said, beside `TRIES`.
    """
    now = finished.began + timedelta(seconds=finished.seconds)
    known = {key: one for key, one in state.known.items() if key[0] is About.FILES or key[1] in declared}
    troubles, recovered = [], []
    for key, seen in _observed(finished):
        before = known.pop(key, None)
        if seen is None:
            if before and before.said:
                recovered.append(before.trouble)
            continue
        known[key] = after = _continued(before, key, seen, now, lasting)
        if after.said == now:
            troubles.append(after.trouble)
    results = [(part.name, result) for part in finished.run.instances for result in part.results]
    message = _changes(Message(now, str(finished.trigger), finished.run.plan_hash), results)
    message = replace(message, troubles=_sorted(troubles), recovered=_sorted(recovered))
    something = message.changes or message.settings or message.troubles or message.recovered
    return State(known), message if something else None


def _observed(finished: Finished) -> Iterator[tuple[Key, Seen | None]]:
    """Every trouble that this run shows, and None for each that it shows to be over. Of the others it says nothing."""
    problems = finished.problems
    yield (About.FILES, ""), Seen(_first(map(str, problems)), at_once=True) if problems else None
    for name, one in (finished.waiting or {}).items():  # who has failed is tried between runs too
        yield (About.INSTANCE, name), Seen(one.reason, one.status in _FOR_PEOPLE, one.failures)
    for part in finished.run.instances:
        if part.status not in _FINE:
            continue
        yield (About.INSTANCE, part.name), None
        refused = Seen("; ".join(part.verdict.reasons), at_once=True) if part.verdict.refused else None
        yield (About.GUARD, part.name), refused
        yield from _of_actions(part)


def _of_actions(part: InstanceResult) -> Iterator[tuple[Key, Seen | None]]:
    bad = [result for result in part.results if result.outcome in _BAD]
    if bad:
        yield (About.ACTIONS, part.name), Seen(_first(map(_told, bad)))
    elif not any(result.outcome in _OPEN for result in part.results):
        yield (About.ACTIONS, part.name), None  # what is held back, or not executed, has not come right yet


def _continued(before: Known | None, key: Key, seen: Seen, now: datetime, lasting: timedelta) -> Known:
    """The trouble with this run added to it; said now, if it is time."""
    about, instance = key
    said = before.said if before else None
    since, tries = (before.trouble.since, before.trouble.tries + 1) if before else (now, 1)
    tries = tries if seen.tries is None else seen.tries
    trouble = Trouble(about, instance, seen.reason, tries, since, reminder=said is not None)
    if said:
        assert before
        due = now - said >= AGAIN or (seen.at_once and not before.at_once)
    else:
        due = seen.at_once or (tries >= TRIES and now - since >= lasting)
    if due:
        return Known(trouble, now, seen.at_once)
    return Known(trouble, said, before.at_once if before else False)


def _changes(message: Message, results: Iterable[tuple[str, ActionResult]]) -> Message:
    verbs: Counter[Verb] = Counter()
    settings = 0
    torrents: list[Changed] = []
    for instance, result in results:
        if result.outcome is not Outcome.APPLIED:
            continue
        if result.action.kind is not Kind.TORRENT:
            settings += 1
            continue
        verbs[result.action.verb] += 1
        if len(torrents) < SHOWN:
            torrents.append(Changed(result.action.verb, instance, result.action.name))
    return replace(message, changes=dict(verbs), settings=settings, torrents=tuple(torrents))


def _told(result: ActionResult) -> str:
    return f"{result.outcome}: {result.action.verb} {result.action.name}: {result.error or result.action.reason}"


def _first(texts: Iterable[str]) -> str:
    """The first of several, with how many more there are."""
    first, *others = texts
    return f"{first} (and {len(others):,} more)" if others else first


def _sorted(troubles: Iterable[Trouble]) -> tuple[Trouble, ...]:
    rank = list(About)
    return tuple(sorted(troubles, key=lambda one: (rank.index(one.about), one.instance)))
