"""The counts of a run: each torrent once, by its verb or its outcome."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
    return add_summaries(run, map(summarize_instance, run.instances))


def add_summaries(run: Run, summaries: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Return the counts of the whole run. `summaries`: the counts of its instances."""
    counts = dict.fromkeys(COUNT_KEYS, 0)
    for summary in summaries:
        for key, count in summary.items():
            counts[key] += count
    return counts | {"pending": len(run.pending)}


def summarize_instance(instance: InstanceResult) -> dict[str, int]:
    """Count one instance, in the order of `COUNT_KEYS`."""
    counts = dict.fromkeys(COUNT_KEYS, 0)
    tally = _tally_outcomes((instance,)) if instance.results else {}  # nothing to do, as on most of many instances
    for (verb, outcome), count in tally.items():
        counts["settings" if verb is None else str(verb if outcome in _SUCCESS_OUTCOMES else outcome)] += count
    counts["unchanged"] = instance.unchanged
    counts["faults"] = len(instance.faults)
    counts["deferred"] += sum(fault.label == "deferred" for fault in instance.faults)
    counts["spared"] = len(instance.spared)
    return counts


def summary_text(run: Run) -> str:
    """Return the last line of a report: the planned or the applied changes, and the problems."""
    return ", ".join(_list_words(run))


def brief_summary_text(run: Run) -> str:
    """Return the same without the counts that are zero, for where many runs stand below each other."""
    return ", ".join(word for word in _list_words(run) if not word.startswith("0 ")) or "nothing to do"


def instance_summary_text(instance: InstanceResult, mode: RunMode) -> str:
    """Return the counts of one instance, in the words of the whole run."""
    return ", ".join(_count_words((instance,), mode))


def _list_words(run: Run) -> list[str]:
    words = [*_count_words(run.instances, run.mode, len(run.pending)), *_instance_texts(run.instances)]
    if run.endless:
        words.append(f"{len(run.endless):,} {'change' if len(run.endless) == 1 else 'changes'} without end")
    if run.expectation and not run.expectation.is_met:
        words.append("not the expected plan")
    return words


def _count_words(instances: Sequence[InstanceResult], mode: RunMode, pending: int = 0) -> list[str]:
    tally = _tally_outcomes(instances)
    outcome, forms = (Outcome.PLANNED, PLANNED_FORMS) if mode is RunMode.DRY_RUN else (Outcome.APPLIED, APPLIED_FORMS)
    failed_instances = sum(not instance.status.is_ok for instance in instances)
    faults = [fault for instance in instances for fault in instance.faults]
    words = [] if failed_instances or pending or faults else ["nothing to do"]
    if tally:
        words = [f"{tally[verb, outcome]:,} {form}" for verb, form in forms.items() if _is_shown(tally, verb, outcome)]
    if not instances or any(instance.is_read for instance in instances):
        words.append(f"{sum(instance.unchanged for instance in instances):,} unchanged")
    words += _setting_texts(tally[None, outcome], forms[Verb.UPDATE])
    if mode is RunMode.APPLY and (
        planned := sum(count for (_, outcome), count in tally.items() if outcome is Outcome.PLANNED)
    ):
        words.append(f"{planned:,} planned but not executed")
    if pending:
        words.append(f"{pending:,} pending")
    words += _problem_texts(tally)
    words += [fault_count_text(faults)] if faults else []
    if spared := sum(len(instance.spared) for instance in instances):
        words.append(f"{spared:,} spared")
    return words


def _instance_texts(instances: Sequence[InstanceResult]) -> Iterator[str]:
    """Return the counts of the instances with a problem. One that was not read adds nothing to any other count."""
    counts = {
        "refused by the guard": sum(instance.verdict.refused for instance in instances),
        "in error": sum(instance.is_read and not instance.status.is_ok for instance in instances),
        "unknown": sum(not instance.is_read and not instance.status.is_ok for instance in instances),
    }
    return (f"{count:,} {'instance' if count == 1 else 'instances'} {word}" for word, count in counts.items() if count)


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
