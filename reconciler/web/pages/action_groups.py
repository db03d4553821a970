"""The actions of a run that are not done, in groups of alike ones: what needs a person, and the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from reconciler.model.groups import PendingTorrent
from reconciler.model.plan import ObjectKind, Outcome, TorrentFault, Verb
from reconciler.model.run import ActionResult, InstanceResult, Run
from reconciler.report.phrases import change_text, fault_symbol, verb_symbol, visible_changes, warning_label
from reconciler.report.sanitize import truncate_text
from reconciler.web.loop_view import LastChange
from reconciler.web.sync_states import is_contested

MAX_GROUPS_SHOWN: Final = 20  # of each list
MAX_ITEMS_SHOWN: Final = 5  # of each group; the plan has all
MAX_NAME_LENGTH: Final = 255  # characters
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
_ItemParts = tuple[str, str | None, Callable[[], Iterable[str]]]  # its name, infohash and changes


class _Groups:
    """Groups under construction, by everything but their items."""

    def __init__(self) -> None:
        self._items: dict[_GroupKey, list[_ItemParts]] = {}
        self._counts: Counter[_GroupKey] = Counter()

    def add(
        self, key: _GroupKey, name: str, infohash: str | None, changes: Callable[[], Iterable[str]] = tuple
    ) -> None:
        """Count an action, of which the first ones are shown."""
        items = self._items.setdefault(key, [])
        self._counts[key] += 1
        if len(items) < MAX_ITEMS_SHOWN:
            items.append((name, infohash, changes))

    def make_list(self) -> GroupList:
        """Return the groups: what is bad first, then what nobody may overlook, then the largest."""
        keys = sorted(self._items, key=lambda key: (key[3] != "bad", not key[5], -self._counts[key]))
        return GroupList(tuple(map(self._make_group, keys[:MAX_GROUPS_SHOWN])), len(keys), self._counts.total())

    def _make_group(self, key: _GroupKey) -> ActionGroup:
        items = (
            GroupItem(truncate_text(name, MAX_NAME_LENGTH), infohash or "", tuple(changes()))
            for name, infohash, changes in self._items[key]
        )
        return ActionGroup(*key, self._counts[key], tuple(items))


def collect_open_actions(run: Run) -> OpenActions:
    """Return all actions of a run that are not applied, torrents that do not work, and pending ones, in groups."""
    needs, differences = _Groups(), _Groups()
    for instance in run.instances:
        for result in instance.results:
            if result.outcome is not Outcome.APPLIED:
                _add_result(needs if _needs_person(result) else differences, instance.name, result)
        for fault in instance.faults:
            _add_fault(needs if fault.is_serious else differences, instance, fault)
    for torrent in run.pending:
        _add_pending(differences, torrent)
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
    if is_contested(reason):
        label = "contested"
    elif outcome not in (Outcome.PLANNED, Outcome.APPLIED):
        label = f"{action.verb} {label}"
    if action.kind is not ObjectKind.TORRENT:
        label = f"{action.kind}: {label}"
    tone = _OUTCOME_TONES.get(outcome, "bad" if action.verb is Verb.DELETE else "")
    key = (instance, symbol, label, tone, reason, warning_label(action, outcome))
    groups.add(key, action.name, action.infohash, partial(_iter_changes, result))


def _iter_changes(result: ActionResult) -> Iterator[str]:
    if result.action.verb not in (Verb.ADD, Verb.DELETE):
        yield from map(change_text, visible_changes(result.action))


def _add_fault(groups: _Groups, instance: InstanceResult, fault: TorrentFault) -> None:
    tone = "bad" if fault.is_serious else "wait"
    key = (
        instance.name,
        fault_symbol(fault)[0],
        "does not work" if fault.is_serious else "waits",
        tone,
        fault.reason,
        "",
    )
    groups.add(key, fault.name, fault.infohash)


def _add_pending(groups: _Groups, torrent: PendingTorrent) -> None:
    groups.add((torrent.group, "?", "pending", "wait", torrent.reason, ""), torrent.name, torrent.infohash)
