"""The comparison of two desired states: what the newer one would do to instances that are as the older one declares."""

from __future__ import annotations

from enum import StrEnum

from reconciler.model.groups import PendingTorrent
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.plan import NOT_REFUSED, Action, FieldValue, GuardVerdict, SparedTorrent
from reconciler.model.position import Position, Problem


class Presence(StrEnum):
    """The states that declare an instance."""

    BOTH = "both"
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class ComparedAction:
    """An action, with the entry of the older state that it concerns.

    `old_position`: of that entry, None if there is none. `new_file`: the file of a deleted entry in the newer state, as
    far as it still exists. `torrents`: how many torrents a setting alters.
    """

    action: Action
    old_position: Position | None = None
    new_file: str | None = None
    torrents: int = 0


@dataclass(frozen=True, slots=True)
class IneffectiveChange:
    """A change of the YAML that changes nothing on an instance, and the reason.

    `subject`: the torrent or the setting; `before` and `after` are None where the key is not declared.
    """

    subject: str
    field: str
    before: FieldValue
    after: FieldValue
    reason: str
    infohash: str | None = None
    position: Position | None = None


@dataclass(frozen=True, slots=True)
class SettingChange:
    """A change of anything but torrents: the path of its key, and its values as text, None where it is not declared."""

    path: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class ComparedInstance:
    """One instance. `owned`: the torrents that the older state has there; `unchanged`: entries without a change."""

    name: str
    presence: Presence
    owned: int = 0
    unchanged: int = 0
    actions: tuple[ComparedAction, ...] = ()
    spared: tuple[SparedTorrent, ...] = ()
    ineffective: tuple[IneffectiveChange, ...] = ()
    verdict: GuardVerdict = NOT_REFUSED


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two desired states, by the names that the user gave them, and all that differs."""

    old: str
    new: str
    instances: tuple[ComparedInstance, ...] = ()
    settings: tuple[SettingChange, ...] = ()
    pending: tuple[PendingTorrent, ...] = ()
    warnings: tuple[Problem, ...] = ()

    @property
    def is_refused(self) -> bool:
        """True if the guard refuses the plan of an instance."""
        return any(instance.verdict.refused for instance in self.instances)

    @property
    def is_empty(self) -> bool:
        """True if both states mean the same."""
        return not (
            self.settings
            or any(
                instance.actions or instance.ineffective or instance.presence is not Presence.BOTH
                for instance in self.instances
            )
        )

    def compute_exit_code(self, *, detailed: bool) -> int:
        """Return 3 if a guard refuses, 2 if there are changes and `detailed` asks for this code, else 0."""
        if self.is_refused:
            return 3
        return 2 if detailed and not self.is_empty else 0
