"""The actions of a run that are not done, in groups of alike ones: what needs a person, and the rest."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import nsmallest
from typing import Final

from reconciler.model.groups import PendingTorrent
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.plan import FaultKind, ObjectKind, Outcome, TorrentFault, Verb
from reconciler.model.run import ActionResult, InstanceResult, Run
from reconciler.report.phrases import change_text, fault_symbol, verb_symbol, visible_changes, warning_label
from reconciler.report.sanitize import truncate_text
from reconciler.web.loop_view import LastChange
from reconciler.web.sync_states import is_contested, strip_contested

MAX_GROUPS_SHOWN: Final = 20  # of each list
MAX_ITEMS_SHOWN: Final = 5  # of each group; the plan has all
MAX_NAME_LENGTH: Final = 255  # characters
CONTESTED_LABEL: Final = "contested"
_OUTCOME_TONES: Final = {
    Outcome.FAILED: "bad",
    Outcome.BLOCKED: "bad",
    Outcome.DROPPED: "wait",
    Outcome.DEFERRED: "wait",
}


@dataclass(frozen=True, slots=True)
class GroupItem:
    """A torrent or a setting. `infohash` is empty for a setting; `notes` are its changes."""

    name: str
    infohash: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ActionGroup:
    """Actions with the same effect for the same reason at one place: `count` of them, of which some are `items`.

    `place` is an instance or a group of instances. `warning` names an effect that nobody may overlook.
    """

    place: str
    symbol: str
    label: str
    tone: str
    reason: str
    warning: str
    count: int
    items: tuple[GroupItem, ...]

    @property
    def hidden_count(self) -> int:
        """The number of actions that are not among the items."""
        return self.count - len(self.items)


@dataclass(frozen=True, slots=True)
class GroupList:
    """The first groups, the gravest first. `group_count` and `action_count` are of all."""

    groups: tuple[ActionGroup, ...] = ()
    group_count: int = 0
    action_count: int = 0


NO_GROUPS: Final = GroupList()


@dataclass(frozen=True, slots=True)
class OpenActions:
    """The actions that need a person, and the others, which are planned or wait."""

    needs: GroupList = NO_GROUPS
    differences: GroupList = NO_GROUPS


NO_ACTIONS: Final = OpenActions()
_GroupKey = tuple[str, str, str, str, str, str]
_Subject = ActionResult | TorrentFault | PendingTorrent


class _Groups:
    """Groups under construction, by everything but their items: their first ones, and how many they are."""

    def __init__(self) -> None:
        self._subjects: dict[_GroupKey, list[_Subject]] = {}
        self._counts: dict[_GroupKey, int] = {}

    def add(self, key: _GroupKey, subject: _Subject) -> None:
        """Count what belongs to a group."""
        count = self._counts.get(key, 0)
        self._counts[key] = count + 1
        if count == 0:
            self._subjects[key] = [subject]
        elif count < MAX_ITEMS_SHOWN:
            self._subjects[key].append(subject)

    def make_list(self) -> GroupList:
        """Return the groups: what is bad first, then what nobody may overlook, then the largest."""
        counts = self._counts
        keys = nsmallest(MAX_GROUPS_SHOWN, counts, key=lambda key: (key[3] != "bad", not key[5], -counts[key]))
        return GroupList(tuple(map(self._make_group, keys)), len(counts), sum(counts.values()))

    def _make_group(self, key: _GroupKey) -> ActionGroup:
        return ActionGroup(*key, self._counts[key], tuple(map(_make_item, self._subjects[key])))


def _make_item(subject: _Subject) -> GroupItem:
    if isinstance(subject, ActionResult):
        action, changes = subject.action, tuple(_iter_changes(subject))
        return GroupItem(truncate_text(action.name, MAX_NAME_LENGTH), action.infohash or "", changes)
    return GroupItem(truncate_text(subject.name, MAX_NAME_LENGTH), subject.infohash)


def collect_open_actions(run: Run) -> OpenActions:
    """Return all actions of a run that are not applied, torrents that do not work, and pending ones, in groups.

    A pending torrent needs a person unless it only waits for a time.
    """
    needs, differences = _Groups(), _Groups()
    for instance in run.instances:
        for result in instance.results:
            if result.outcome is not Outcome.APPLIED:
                _add_result(needs if _needs_person(result) else differences, instance.name, result)
        for fault in instance.faults:
            _add_fault(needs if fault.is_serious else differences, instance, fault)
    for torrent in run.pending:
        _add_pending(differences if torrent.until else needs, torrent)
    return OpenActions(needs.make_list(), differences.make_list())


def collect_applied_actions(change: LastChange) -> GroupList:
    """Return the actions of the last run that changed something, as far as they are kept, in groups."""
    groups = _Groups()
    for instance, results in change.applied:
        for result in results:
            _add_result(groups, instance, result)
    return groups.make_list()


def _needs_person(result: ActionResult) -> bool:
    return result.outcome in (Outcome.FAILED, Outcome.BLOCKED) or is_contested(_get_reason(result))


def _get_reason(result: ActionResult) -> str:
    return result.error or result.action.reason


def _add_result(groups: _Groups, instance: str, result: ActionResult) -> None:
    action, outcome, reason = result.action, result.outcome, _get_reason(result)
    symbol, label, _ = verb_symbol(action, outcome)
    tone = _OUTCOME_TONES.get(outcome, "bad" if action.verb is Verb.DELETE else "")
    if is_contested(reason):
        label, tone, reason = CONTESTED_LABEL, "bad", strip_contested(reason)
    elif outcome not in (Outcome.PLANNED, Outcome.APPLIED):
        label = f"{action.verb} {label}"
    if action.kind is not ObjectKind.TORRENT:
        label = f"{action.kind}: {label}"
    key = (instance, symbol, label, tone, reason, warning_label(action, outcome))
    groups.add(key, result)


def _iter_changes(result: ActionResult) -> Iterator[str]:
    if result.action.verb not in (Verb.ADD, Verb.DELETE):
        yield from map(change_text, visible_changes(result.action))


def _add_fault(groups: _Groups, instance: InstanceResult, fault: TorrentFault) -> None:
    tone = "bad" if fault.is_serious else "wait"
    problem = "gets no metadata" if fault.kind is FaultKind.NO_METADATA else "does not work"
    key = (
        instance.name,
        fault_symbol(fault)[0],
        problem if fault.is_serious else "waits",
        tone,
        fault.reason,
        "",
    )
    groups.add(key, fault)


def _add_pending(groups: _Groups, torrent: PendingTorrent) -> None:
    tone = "wait" if torrent.until else "bad"
    groups.add((f"group {torrent.group}", "?", "pending", tone, torrent.reason, ""), torrent)
