"""Counting a run: each torrent once, by its verb or by what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from reconciler.model.plan import Kind, Outcome, Verb
from reconciler.model.run import InstanceResult, Mode, Run, Status

KEYS: Final = (
    "add", "adopt", "update", "delete", "unchanged", "deferred",
    "pending", "blocked", "failed", "dropped", "spared", "settings",
)  # fmt: skip
_WELL: Final = (Outcome.PLANNED, Outcome.APPLIED)
# A torrent can have two actions, one that is done and one that waits: it counts as what needs attention most.
ATTENTION: Final = {
    outcome: rank
    for rank, outcome in enumerate(
        (Outcome.FAILED, Outcome.BLOCKED, Outcome.DROPPED, Outcome.DEFERRED, Outcome.PLANNED, Outcome.APPLIED)
    )
}
_TO_DO: Final = {Verb.ADD: "to add", Verb.ADOPT: "to adopt", Verb.UPDATE: "to change", Verb.DELETE: "to delete"}
_DONE: Final = {Verb.ADD: "added", Verb.ADOPT: "adopted", Verb.UPDATE: "changed", Verb.DELETE: "deleted"}

Tally = Counter[tuple[Verb | None, Outcome]]  # torrents by verb and outcome; settings under None


def summarize(run: Run) -> dict[str, int]:
    """The counts of the whole run, in the order of `KEYS`."""
    return _summary(run.instances) | {"pending": len(run.pending)}


def summarize_instance(instance: InstanceResult) -> dict[str, int]:
    """The counts of one instance, in the order of `KEYS`."""
    return _summary((instance,))


def sentence(run: Run) -> str:
    """The last line of a report: what is to be done, or what was done."""
    tally = _tally(run.instances)
    outcome, forms = (Outcome.PLANNED, _TO_DO) if run.mode is Mode.DRY_RUN else (Outcome.APPLIED, _DONE)
    lost = sum(instance.status not in (Status.OK, Status.SUSPENDED) for instance in run.instances)
    words = [] if lost or run.pending else ["nothing to do"]
    if tally:
        words = [f"{tally[verb, outcome]:,} {form}" for verb, form in forms.items() if _shown(tally, verb, outcome)]
    words.append(f"{sum(instance.unchanged for instance in run.instances):,} unchanged")
    words += _settings(tally[None, outcome], forms[Verb.UPDATE])
    if run.mode is Mode.APPLY and (left := sum(n for (_, outcome), n in tally.items() if outcome is Outcome.PLANNED)):
        words.append(f"{left:,} planned but not executed")
    if run.pending:
        words.append(f"{len(run.pending):,} pending")
    words += _trouble(tally)
    if spared := sum(len(instance.spared) for instance in run.instances):
        words.append(f"{spared:,} spared")
    if refused := sum(instance.verdict.refused for instance in run.instances):
        words.append(f"{refused:,} {'instance' if refused == 1 else 'instances'} refused by the guard")
    if lost:
        words.append(f"{lost:,} {'instance' if lost == 1 else 'instances'} in error")
    return ", ".join(words)


def _summary(instances: Iterable[InstanceResult]) -> dict[str, int]:
    instances = tuple(instances)
    counts: Counter[str] = Counter()
    for (verb, outcome), number in _tally(instances).items():
        counts["settings" if verb is None else str(verb if outcome in _WELL else outcome)] += number
    counts["unchanged"] = sum(instance.unchanged for instance in instances)
    counts["spared"] = sum(len(instance.spared) for instance in instances)
    return {key: counts[key] for key in KEYS}


def _tally(instances: Iterable[InstanceResult]) -> Tally:
    tally: Tally = Counter()
    for instance in instances:
        torrents: dict[str, tuple[Verb, Outcome]] = {}
        for result in instance.results:
            action, outcome = result.action, result.outcome
            if action.kind is not Kind.TORRENT:
                tally[None, outcome] += 1
                continue
            key = action.infohash or action.name
            known = torrents.get(key)
            if known is None or ATTENTION[outcome] < ATTENTION[known[1]]:
                torrents[key] = (action.verb, outcome)
        tally.update(torrents.values())
    return tally


def _shown(tally: Tally, verb: Verb, outcome: Outcome) -> bool:
    """Adopting is left out where there is none: most runs have none, ever."""
    return verb is not Verb.ADOPT or tally[verb, outcome] > 0


def _trouble(tally: Tally) -> list[str]:
    words = []
    for outcome in (Outcome.DEFERRED, Outcome.BLOCKED, Outcome.FAILED, Outcome.DROPPED):
        if number := sum(n for (verb, came), n in tally.items() if came is outcome and verb is not None):
            words.append(f"{number:,} {outcome}")
        words += _settings(tally[None, outcome], outcome)
    return words


def _settings(number: int, what: str) -> list[str]:
    return [f"{number:,} {'setting' if number == 1 else 'settings'} {what}"] if number else []
