"""The state of an instance in a word or two."""

from __future__ import annotations

from typing import Final

from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.plan import Outcome
from reconciler.model.run import InstanceResult, Status
from reconciler.report.text.run import STATUS_LABELS
from reconciler.web.loop_view import InstanceView
from reconciler.web.sync_states import is_contested

_ALARMING_OUTCOMES: Final = frozenset({Outcome.FAILED, Outcome.BLOCKED})


@dataclass(frozen=True, slots=True)
class InstanceLabel:
    """A state in words without numbers, so that it changes only with the state, and its `tone`: good, wait or bad."""

    text: str
    tone: str


NOTHING_MANAGED: Final = InstanceLabel("no torrent is ours", "wait")
CONTESTED: Final = InstanceLabel("contested", "bad")
_IN_SYNC: Final = InstanceLabel("in sync", "good")


def label_instance(instance: InstanceView) -> InstanceLabel:
    """Return the state of an instance as the loop last saw it."""
    result = instance.result
    if instance.backoff and not instance.is_up:
        return _label_status(instance.backoff.status)
    if result is None:
        return InstanceLabel("not read yet", "wait")
    if not instance.is_healthy:
        return _label_status(result.status)
    if result.verdict.refused:
        return InstanceLabel("refused by the guard", "bad")
    if result.status is Status.SUSPENDED:
        return InstanceLabel("suspended", "wait")
    return _label_results(result)


def _label_status(status: Status) -> InstanceLabel:
    return InstanceLabel(STATUS_LABELS.get(status, str(status)).lower(), "bad")


def _label_results(result: InstanceResult) -> InstanceLabel:
    outcomes = {item.outcome for item in result.results} - {Outcome.APPLIED}
    if result.has_serious_fault or not _ALARMING_OUTCOMES.isdisjoint(outcomes):
        return InstanceLabel("needs attention", "bad")
    if any(is_contested(item.error or item.action.reason) for item in result.results):
        return CONTESTED
    if outcomes:
        return InstanceLabel("changes pending", "wait")
    if result.faults:
        return InstanceLabel("in sync, with faults", "wait")
    return _IN_SYNC if result.results or result.owned or result.unchanged else NOTHING_MANAGED
