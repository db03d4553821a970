"""The counts of a run: each torrent once, by its verb or its outcome."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from reconciler.model.plan import ObjectKind, Outcome, Verb
from reconciler.model.run import InstanceResult, Run, RunMode
from reconciler.report.phrases import fault_count_text

COUNT_KEYS: Final = (
    "add", "adopt", "update", "delete", "unchanged", "deferred",
    "pending", "blocked", "failed", "dropped", "spared", "settings", "faults",
)  # fmt: skip
_SUCCESS_OUTCOMES: Final = (Outcome.PLANNED, Outcome.APPLIED)
# A torrent with several actions, such as one applied and one deferred, counts as the outcome with the lowest rank.
ATTENTION_RANKS: Final = {
    outcome: rank
    for rank, outcome in enumerate(
        (Outcome.FAILED, Outcome.BLOCKED, Outcome.DROPPED, Outcome.DEFERRED, Outcome.PLANNED, Outcome.APPLIED)
    )
}
PLANNED_FORMS: Final = {Verb.ADD: "to add", Verb.ADOPT: "to adopt", Verb.UPDATE: "to change", Verb.DELETE: "to delete"}
APPLIED_FORMS: Final = {Verb.ADD: "added", Verb.ADOPT: "adopted", Verb.UPDATE: "changed", Verb.DELETE: "deleted"}

OutcomeTally = Counter[tuple[Verb | None, Outcome]]  # torrents by verb and outcome; settings have no verb


def summarize_run(run: Run) -> dict[str, int]:
    """Count the whole run, in the order of `COUNT_KEYS`."""
    return _summarize_instances(run.instances) | {"pending": len(run.pending)}


def summarize_instance(instance: InstanceResult) -> dict[str, int]:
    """Count one instance, in the order of `COUNT_KEYS`."""
    return _summarize_instances((instance,))


def summary_text(run: Run) -> str:
    """Return the last line of a report: the planned or the applied changes, and the problems."""
    tally = _tally_outcomes(run.instances)
    outcome, forms = (
        (Outcome.PLANNED, PLANNED_FORMS) if run.mode is RunMode.DRY_RUN else (Outcome.APPLIED, APPLIED_FORMS)
    )
    failed_instances = sum(not instance.status.is_ok for instance in run.instances)
    faults = [fault for instance in run.instances for fault in instance.faults]
    words = [] if failed_instances or run.pending or faults else ["nothing to do"]
    if tally:
        words = [f"{tally[verb, outcome]:,} {form}" for verb, form in forms.items() if _is_shown(tally, verb, outcome)]
    words.append(f"{sum(instance.unchanged for instance in run.instances):,} unchanged")
    words += _setting_texts(tally[None, outcome], forms[Verb.UPDATE])
    if run.mode is RunMode.APPLY and (
        planned := sum(count for (_, outcome), count in tally.items() if outcome is Outcome.PLANNED)
    ):
        words.append(f"{planned:,} planned but not executed")
    if run.pending:
        words.append(f"{len(run.pending):,} pending")
    words += _problem_texts(tally)
    words += [fault_count_text(faults)] if faults else []
    if spared := sum(len(instance.spared) for instance in run.instances):
        words.append(f"{spared:,} spared")
    if refused := sum(instance.verdict.refused for instance in run.instances):
        words.append(f"{refused:,} {'instance' if refused == 1 else 'instances'} refused by the guard")
    if run.expectation and not run.expectation.is_met:
        words.append("not the expected plan")
    if failed_instances:
        words.append(f"{failed_instances:,} {'instance' if failed_instances == 1 else 'instances'} in error")
    return ", ".join(words)


def _summarize_instances(instances: Iterable[InstanceResult]) -> dict[str, int]:
    instances = tuple(instances)
    counts: Counter[str] = Counter()
    for (verb, outcome), count in _tally_outcomes(instances).items():
        counts["settings" if verb is None else str(verb if outcome in _SUCCESS_OUTCOMES else outcome)] += count
    counts["unchanged"] = sum(instance.unchanged for instance in instances)
    counts["faults"] = sum(len(instance.faults) for instance in instances)
    counts["spared"] = sum(len(instance.spared) for instance in instances)
    return {key: counts[key] for key in COUNT_KEYS}


def _tally_outcomes(instances: Iterable[InstanceResult]) -> OutcomeTally:
    tally: OutcomeTally = Counter()
    for instance in instances:
        torrents: dict[str, tuple[Verb, Outcome]] = {}
        for result in instance.results:
            action, outcome = result.action, result.outcome
            if action.kind is not ObjectKind.TORRENT:
                tally[None, outcome] += 1
                continue
            key = action.infohash or action.name
            counted = torrents.get(key)
            if counted is None or ATTENTION_RANKS[outcome] < ATTENTION_RANKS[counted[1]]:
                torrents[key] = (action.verb, outcome)
        tally.update(torrents.values())
    return tally


def _is_shown(tally: OutcomeTally, verb: Verb, outcome: Outcome) -> bool:
    """True unless it is an adoption count of zero: most runs adopt nothing."""
    return verb is not Verb.ADOPT or tally[verb, outcome] > 0


def _problem_texts(tally: OutcomeTally) -> list[str]:
    words = []
    for outcome in (Outcome.DEFERRED, Outcome.BLOCKED, Outcome.FAILED, Outcome.DROPPED):
        if count := sum(n for (verb, actual), n in tally.items() if actual is outcome and verb is not None):
            words.append(f"{count:,} {outcome}")
        words += _setting_texts(tally[None, outcome], outcome)
    return words


def _setting_texts(count: int, suffix: str) -> list[str]:
    return [f"{count:,} {'setting' if count == 1 else 'settings'} {suffix}"] if count else []
