"""Actions over the projection of an older desired state, explained by what both states declare.

| a key is declared   | on the projected instance | shown                                                      |
|---------------------|---------------------------|------------------------------------------------------------|
| in both             | differs                   | the change, from the old value                             |
| in both, differs    | needs no change           | without effect: tags that leave a list stay, for instance  |
| only in the new one | whatever it is            | a change from an unknown value                             |
| only in the old one | as it was                 | without effect: it stays as it is                          |

The sizes of data are unknown, so no action has a blast.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from operator import attrgetter
from typing import Final

from reconciler.model.comparison import ComparedAction, IneffectiveChange
from reconciler.model.desired import DesiredCategory, DesiredState, DesiredTorrent, Policy
from reconciler.model.fields.entry_values import read_declared_values
from reconciler.model.fields.field import FieldKind
from reconciler.model.fields.names import DOWNLOAD_PATH, EXPORT, FILES, SAVE_PATH
from reconciler.model.fields.registry import FIELDS, entry_key_of, sort_changes
from reconciler.model.plan import (
    Action,
    AddTorrent,
    AdoptTorrent,
    Change,
    DeleteCategory,
    DeleteTorrent,
    EnsureCategory,
    FieldValue,
    ObjectKind,
    SetPreference,
    TorrentAction,
    UpdateTorrent,
)
from reconciler.model.preferences import SECRET_MASK, reveal_value
from reconciler.model.secret import Secret
from reconciler.plan.actions import drift_reason
from reconciler.plan.planner import rank_action

FileLocator = Callable[[str], str | None]
"""Returns what a file of the older state is called in the newer one, None if it is gone."""

_AS_DECLARED: Final = (FILES, EXPORT)  # compared as they are declared: what is there depends on files that nobody has
_KINDS_OF_CHANGES: Final = (FieldKind.PROPERTY, FieldKind.OPTION, FieldKind.COLLECTION)
_ABSENT_REASON: Final = "declared absent: deleted where it is on the instance, whoever owns it"
_INFOHASH_REASON: Final = "declared by its infohash: it must be on the instance already"
_DROPPED_REASON: Final = "no longer declared: it stays as it is"
_get_declaration = attrgetter(
    "name", "category", "tags", SAVE_PATH, "paused", "protect", "options", "create_only", "trackers", "only_trackers",
    "web_seeds", "files", "ignore_changes", "content",
)  # fmt: skip


class ActionExplainer:
    """Collects the actions and the changes without effect of one instance.

    `stand_ins`: the infohashes that are made up. `added_count` is the number of actions that the planner had none for.
    """

    def __init__(
        self, instance: str, old: DesiredState, new: DesiredState, locate: FileLocator, stand_ins: Collection[str]
    ) -> None:
        self._instance = instance
        self._old = old
        self._new = new
        self._locate = locate
        self._stand_ins = stand_ins
        self._compared: list[ComparedAction] = []
        self._updates: dict[str, int] = {}  # the index of the action that changes a torrent, by infohash
        self._settled: set[str] = set()  # infohashes of torrents that are added, deleted or held back
        self.ineffective: list[IneffectiveChange] = []
        self.added_count = 0

    def add_planned(self, action: Action, old: DesiredTorrent | None, new: DesiredTorrent | None) -> None:
        """Add an action of the plan. `old`, `new`: the entries of its torrent in both states."""
        if isinstance(action, UpdateTorrent | AdoptTorrent) and action.hold is None:
            self._updates[action.infohash or ""] = len(self._compared)
        elif action.kind is ObjectKind.TORRENT:
            self._settled.add(action.infohash or "")
        old_position = old.position if old else None
        new_file = self._locate(old.position.file) if old and isinstance(action, DeleteTorrent) else None
        torrents = action.blast.torrents if action.blast and action.kind is not ObjectKind.TORRENT else 0
        self._compared.append(ComparedAction(self._explain(action, old, new), old_position, new_file, torrents))

    def _explain(self, action: Action, old: DesiredTorrent | None, new: DesiredTorrent | None) -> Action:
        if isinstance(action, DeleteTorrent):
            if old is None:
                return replace(action, blast=None, reason=_ABSENT_REASON)
            return replace(action, blast=None, name=old.label)
        if isinstance(action, AddTorrent):
            return _explain_add(action, new)
        if isinstance(action, UpdateTorrent | AdoptTorrent):
            return replace(action, blast=None) if action.blast else action
        if isinstance(action, EnsureCategory):
            return self._explain_category(action)
        if isinstance(action, SetPreference):
            known = ("value",) if action.name in self._old_preferences else ()
            return replace(action, changes=_forget_values(action.changes, known), reason=_shorten_reason(action))
        return action

    def _explain_category(self, action: Action) -> Action:
        declared = self._old_categories.get(action.name)
        known = [name for name, value in _list_paths(declared) if value is not None]
        return replace(action, changes=_forget_values(action.changes, known), reason=_shorten_reason(action))

    @property
    def _old_categories(self) -> Mapping[str, DesiredCategory]:
        is_known = self._instance in self._old.instances
        return self._old.categories_of(self._instance) if is_known else {}

    @property
    def _old_preferences(self) -> Collection[str]:
        instance = self._old.instances.get(self._instance)
        return instance.preferences if instance else ()

    def add_declared(self, old: DesiredTorrent, new: DesiredTorrent, infohash: str) -> None:
        """Add what only the declarations show of a torrent that both states have on the instance."""
        if infohash in self._settled or old.absent or new.absent or _get_declaration(old) == _get_declaration(new):
            return
        before, after = read_declared_values(old), read_declared_values(new)
        index = self._updates.get(infohash)
        planned = self._compared[index].action if index is not None else None
        changes = _forget_values(planned.changes if planned else (), before)
        if self._new.policy is not Policy.CREATE_ONLY:
            shown = {change.field for change in changes}
            changes += tuple(change for change in _iter_new_changes(before, after, new) if change.field not in shown)
        changes = sort_changes(changes)
        if planned and index is not None:
            if changes != planned.changes:
                explained = replace(planned, changes=changes, reason=drift_reason(changes))
                self._compared[index] = replace(self._compared[index], action=explained)
        elif changes:
            action = UpdateTorrent(
                new.name or new.label, drift_reason(changes), changes, new.position, infohash=infohash
            )
            self._compared.append(ComparedAction(action, old.position))
            self.added_count += 1
        changed = {change.field for change in changes}
        for field in {**before, **after}:
            if field not in changed and before.get(field) != after.get(field):
                self._add_ineffective(field, before.get(field), after.get(field), new, infohash)

    def _add_ineffective(
        self, field: str, before: FieldValue, after: FieldValue, new: DesiredTorrent, infohash: str
    ) -> None:
        if after is None:
            reason = _DROPPED_REASON
        elif FIELDS[field].kind is FieldKind.CREATE_ONLY:
            reason = "it counts only when the torrent is added"
        elif entry_key_of(field) in new.ignore_changes:
            reason = "ignore_changes names it, so it counts only when the torrent is added"
        elif self._new.policy is Policy.CREATE_ONLY:
            reason = "policy create-only does not change what is there"
        elif isinstance(after, tuple):
            reason = "what is no longer in the list stays"
        else:
            reason = "what is there already is as declared"
        shown_hash = None if infohash in self._stand_ins else infohash
        self.ineffective.append(
            IneffectiveChange(new.name or new.label, field, before, after, reason, shown_hash, new.position)
        )

    def add_dropped_settings(self) -> None:
        """Add the categories and preferences that are no longer declared, and stay as they are."""
        deleted = {item.action.name for item in self._compared if isinstance(item.action, DeleteCategory)}
        new_categories = self._new.categories_of(self._instance)
        for name, category in self._old_categories.items():
            kept = dict(_list_paths(new_categories.get(name)))
            paths = [(field, value) for field, value in _list_paths(category) if value is not None]
            dropped: list[tuple[str, FieldValue]] = [
                (field, value) for field, value in paths if name not in new_categories or kept[field] is None
            ]
            if name not in new_categories and not paths and name not in deleted:
                dropped = [("", None)]
            for field, value in () if name in deleted else dropped:
                change = IneffectiveChange(f"category {name}", field, value, None, _DROPPED_REASON)
                self.ineffective.append(change)
        if self._instance in self._old.instances:
            kept_preferences = self._new.instances[self._instance].preferences
            for name, preference in self._old.instances[self._instance].preferences.items():
                if name not in kept_preferences:
                    is_secret = isinstance(preference.value, Secret)
                    value = SECRET_MASK if is_secret else reveal_value(preference.value)
                    change = IneffectiveChange(f"preference {name}", "value", value, None, _DROPPED_REASON)
                    self.ineffective.append(change)

    def build_actions(self) -> tuple[ComparedAction, ...]:
        """Return the actions in the order of a plan, without infohashes that are made up."""
        ordered = sorted(self._compared, key=lambda compared: rank_action(compared.action))
        return tuple(self._hide_stand_in(compared) for compared in ordered)

    def _hide_stand_in(self, compared: ComparedAction) -> ComparedAction:
        action = compared.action
        if not isinstance(action, TorrentAction) or action.infohash not in self._stand_ins:
            return compared
        return replace(compared, action=replace(action, infohash=None))


def _shorten_reason(action: Action) -> str:
    """Return the reason of a setting with the torrents that follow it, but without the size of their data."""
    if action.blast is None:
        return action.reason
    count = action.blast.torrents
    return f"{action.reason.partition('; ')[0]}; {count:,} {'torrent follows' if count == 1 else 'torrents follow'} it"


def _explain_add(action: AddTorrent, new: DesiredTorrent | None) -> Action:
    if new is None:
        return action
    shown = {change.field for change in action.changes}
    more = tuple(
        Change(field, None, value)
        for field, value in read_declared_values(new).items()
        if field in _AS_DECLARED and field not in shown
    )
    changes = sort_changes((*action.changes, *more)) if more else action.changes
    if new.source is not None or new.content or action.hold:
        return replace(action, changes=changes)
    return AdoptTorrent(
        action.name, _INFOHASH_REASON, changes, action.position, infohash=action.infohash, placement=action.placement
    )


def _iter_new_changes(
    before: Mapping[str, FieldValue], after: Mapping[str, FieldValue], entry: DesiredTorrent
) -> Iterator[Change]:
    """Iterate over the changes of what the newer entry begins to declare, and of what is compared as it is declared."""
    for field, value in after.items():
        if entry_key_of(field) in entry.ignore_changes:
            continue
        is_compared = field in _AS_DECLARED and before.get(field) != value
        if is_compared or (field not in before and FIELDS[field].kind in _KINDS_OF_CHANGES):
            yield Change(field, before.get(field), value)


def _forget_values(changes: tuple[Change, ...], known_fields: Collection[str]) -> tuple[Change, ...]:
    """Return the changes, each from an unknown value if the older state does not declare its field.

    What is ours alone (owner, quarantine) is known.
    """
    return tuple(
        change if change.field in known_fields or _is_mark(change.field) else replace(change, before=None)
        for change in changes
    )


def _is_mark(field: str) -> bool:
    return field in FIELDS and FIELDS[field].kind is FieldKind.MARK


def _list_paths(category: DesiredCategory | None) -> list[tuple[str, FieldValue]]:
    if category is None:
        return [(SAVE_PATH, None), (DOWNLOAD_PATH, None)]
    return [(SAVE_PATH, category.save_path), (DOWNLOAD_PATH, category.download_path)]
