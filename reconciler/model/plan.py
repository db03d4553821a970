"""The actions and the plan of a run, as frozen data. A dry-run shows it; apply executes it and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar, Final

from reconciler.model.content import CreationSpec
from reconciler.model.files import FileRule
from reconciler.model.groups import ActionPlacement
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.magnet import Magnet
from reconciler.model.position import Position
from reconciler.model.preferences import SHARE_LIMIT_PREFERENCES, PreferenceValue
from reconciler.model.torrent_file import TorrentFile

FieldValue = str | bool | int | float | tuple[str, ...] | None


class Verb(StrEnum):
    """The effect of an action on its object."""

    ADD = "add"
    ADOPT = "adopt"
    UPDATE = "update"
    DELETE = "delete"


class ObjectKind(StrEnum):
    """The kind of object that an action changes. Everything but a torrent is a setting of the instance."""

    TORRENT = "torrent"
    CATEGORY = "category"
    PREFERENCE = "preference"


class Outcome(StrEnum):
    """The outcome of an action. `dropped`: not tried, because an earlier step failed or the world had changed."""

    PLANNED = "planned"
    APPLIED = "applied"
    FAILED = "failed"
    DEFERRED = "deferred"
    BLOCKED = "blocked"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Change:
    """The change of one field. `before` is None if there is no live value yet."""

    field: str
    before: FieldValue
    after: FieldValue


NO_URLS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Blast:
    """The extent of an action: the torrent that it deletes, quarantines or moves, or all that a setting alters.

    `bytes` is downloaded data on disk. `other_seeds`: the seeds that the instance sees other than itself, None if they
    were not read. `shares_with`: the infohashes of torrents that stay and may have files in common with it. `owned_ids`
    and `foreign_ids`: the torrents that a setting alters, ours and all others. `to_trash`: the server moves deleted
    data to the trash.
    """

    torrents: int = 1
    bytes: int = 0
    seeding: bool = False
    other_seeds: int | None = None
    shares_with: tuple[str, ...] = ()
    owned_ids: tuple[str, ...] = field(default=(), repr=False)
    foreign_ids: tuple[str, ...] = field(default=(), repr=False)
    to_trash: bool = False


NO_BLAST: Final = Blast(0)


@dataclass(frozen=True, slots=True)
class ActionBase:
    """The common part of all actions. `Action` is the union of all actions that can be planned.

    `hold` is DEFERRED or BLOCKED where the action is shown but must not be executed; `reason` then contains the cause.
    """

    verb: ClassVar[Verb]
    kind: ClassVar[ObjectKind]

    name: str
    reason: str
    changes: tuple[Change, ...] = ()
    position: Position | None = None
    hold: Outcome | None = None

    @property
    def infohash(self) -> str | None:
        """The infohash of a torrent for people; None for settings."""
        return None

    @property
    def torrent_id(self) -> str | None:
        """The id of the live torrent that the action is about; None for adds and settings."""
        return None

    @property
    def blast(self) -> Blast | None:
        """The extent of the action, for people: nothing that is executed depends on it."""
        return None

    @property
    def disruptive(self) -> bool:
        """True if the instance moves data for it."""
        return False

    def get_new_value(self, field: str, default: FieldValue = None) -> FieldValue:
        """Return the value that a field changes to, or `default` if the action does not change it."""
        for change in self.changes:  # a loop: a generator costs three times as much, for thousands of actions
            if change.field == field:
                return change.after
        return default


@dataclass(frozen=True, slots=True)
class TorrentAction(ActionBase):
    """An action on a torrent. `placement` is set if its entry is declared for a group."""

    kind: ClassVar[ObjectKind] = ObjectKind.TORRENT

    infohash: str | None = None
    placement: ActionPlacement | None = None


@dataclass(frozen=True, slots=True)
class MetadataSource:
    """The copy on another instance that a torrent gets its metadata from, when the plan is applied.

    `fallback`: the add by the source of the entry, if the metadata cannot be read then; None if it has no source, or
    is no add.
    """

    instance: str
    torrent_id: str
    fallback: AddTorrent | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class SetTorrent(TorrentAction):
    """An action that sets fields of a torrent.

    `added_urls` holds, by field, the trackers and web seeds to add: they may contain passkeys, so `changes` shows them
    masked. `removed_trackers` are those to remove, as the server writes them. `export_path` is the local file to write
    the .torrent file to. `creator_task_id` is the id of the task that created the torrent, to be removed.
    `keeps_auto_tmm`: automatic management is declared and must outlast the changes. `metadata_from`: another instance
    has the metadata; the `source` of an add is then only its infohash, in the form of a .torrent file.
    """

    added_urls: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: NO_URLS, repr=False)
    removed_trackers: tuple[str, ...] = field(default=(), repr=False)
    export_path: str | None = None
    creator_task_id: str | None = None
    keeps_auto_tmm: bool = False
    metadata_from: MetadataSource | None = None


@dataclass(frozen=True, slots=True)
class AddTorrent(SetTorrent):
    """Add a torrent from `source`, or create it from content first.

    `creation`: how it is created; until then `source` and `infohash` are None. `file_rules` are the rules for its
    files, which are not known yet; `only_trackers` removes the trackers that are not declared and that only its source
    knows. `peer_address` is the address of the instance that it can be downloaded from.
    """

    verb: ClassVar[Verb] = Verb.ADD

    source: Magnet | TorrentFile | None = None
    file_rules: tuple[FileRule, ...] = ()
    only_trackers: bool = False
    creation: CreationSpec | None = None
    peer_address: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class AdoptTorrent(SetTorrent):
    """Make a live torrent ours. `blast` is that of a move of its data."""

    verb: ClassVar[Verb] = Verb.ADOPT

    torrent_id: str | None = None
    disruptive: bool = False
    blast: Blast | None = None


@dataclass(frozen=True, slots=True)
class UpdateTorrent(SetTorrent):
    """Change a torrent of ours. `torrent_id` is None if the torrent is not on the instance yet.

    `urgent`: it is done before anything else, and nothing that a loop remembers holds it back. `blast` is that of a
    quarantine that begins, or of a move of its data.
    """

    verb: ClassVar[Verb] = Verb.UPDATE

    torrent_id: str | None = None
    disruptive: bool = False
    urgent: bool = False
    blast: Blast | None = None


@dataclass(frozen=True, slots=True)
class DeleteTorrent(TorrentAction):
    """Remove a torrent from its instance, with its data if `delete_files`. `torrent_id` is None if it is not known."""

    verb: ClassVar[Verb] = Verb.DELETE

    torrent_id: str | None = None
    delete_files: bool = False
    blast: Blast | None = None


@dataclass(frozen=True, slots=True)
class SettingAction(ActionBase):
    """An action on a setting of the instance."""


@dataclass(frozen=True, slots=True)
class EnsureCategory(SettingAction):
    """Create a category, or change its paths."""

    kind: ClassVar[ObjectKind] = ObjectKind.CATEGORY


@dataclass(frozen=True, slots=True)
class AddCategory(EnsureCategory):
    """Create a category."""

    verb: ClassVar[Verb] = Verb.ADD


@dataclass(frozen=True, slots=True)
class UpdateCategory(EnsureCategory):
    """Change the paths of a category. `blast`: the torrents that follow its path.

    `automatic_ids`: those of them that are declared to be under automatic management, which an edit may end.
    """

    verb: ClassVar[Verb] = Verb.UPDATE

    blast: Blast | None = None
    automatic_ids: tuple[str, ...] = ()

    @property
    def disruptive(self) -> bool:
        """True if torrents may move with the path, or become manual."""
        return self.blast is not None


@dataclass(frozen=True, slots=True)
class DeleteCategory(SettingAction):
    """Remove a category that no torrent is in."""

    verb: ClassVar[Verb] = Verb.DELETE
    kind: ClassVar[ObjectKind] = ObjectKind.CATEGORY


@dataclass(frozen=True, slots=True)
class SetPreference(SettingAction):
    """Set a preference to `value`, which its change may mask. `blast`: the torrents that it alters.

    `automatic_ids`: those of them that are declared to be under automatic management, which the change may end.
    """

    verb: ClassVar[Verb] = Verb.UPDATE
    kind: ClassVar[ObjectKind] = ObjectKind.PREFERENCE

    value: PreferenceValue = field(kw_only=True)
    blast: Blast | None = None
    automatic_ids: tuple[str, ...] = ()

    @property
    def disruptive(self) -> bool:
        """True if it may move data, such as that of the torrents at the default path."""
        return self.blast is not None and self.name not in SHARE_LIMIT_PREFERENCES


Action = (
    AddTorrent
    | AdoptTorrent
    | UpdateTorrent
    | DeleteTorrent
    | AddCategory
    | UpdateCategory
    | DeleteCategory
    | SetPreference
)


@dataclass(frozen=True, slots=True)
class SparedTorrent:
    """A torrent that policy, protection, an ignore mark or another owner kept from a change or a deletion."""

    infohash: str
    name: str
    reason: str


class FaultKind(StrEnum):
    """The reason why a torrent does not work, though it is as declared."""

    ERROR = "error"  # the server reports an error, for instance if it cannot write
    MISSING_FILES = "missing_files"
    NO_METADATA = "no_metadata"  # it runs, and no peer has sent its metadata so far


@dataclass(frozen=True, slots=True)
class TorrentFault:
    """A declared torrent that does not work on its instance. `reason` says what to do.

    `is_serious`: it is meant to run and cannot before a person has acted, so the run does not end with exit code 0.
    `is_recent`: it is normal for a while, and counts only for those who ask for strictness.
    """

    infohash: str
    name: str
    kind: FaultKind
    reason: str
    position: Position | None = None
    is_serious: bool = True
    is_recent: bool = False

    @property
    def label(self) -> str:
        """The word for it in reports. A torrent without metadata waits, and is deferred once that takes too long."""
        if self.kind is not FaultKind.NO_METADATA:
            return "fault"
        return "deferred" if self.is_serious else "waiting"


@dataclass(frozen=True, slots=True)
class EndlessChange:
    """A change that every run would plan again. `change.before` is what the instance has after each of them."""

    instance: str
    kind: ObjectKind
    name: str
    change: Change
    infohash: str | None = None
    position: Position | None = None


@dataclass(frozen=True, slots=True)
class GuardCount:
    """A number of the plan of one instance that the guard judges, and its limit.

    `subject` is the plural of what is counted. `owned`: the limit is a percentage of so many owned torrents. `scope` is
    the part of the desired state that has the limit, unless it is `guard`.
    """

    subject: str
    number: int
    limit_name: str
    limit: float
    owned: int | None = None
    scope: str = ""

    @property
    def value(self) -> float:
        """The number, or the percentage, that must not be greater than the limit."""
        return self.number if self.owned is None else 100 * self.number / self.owned if self.owned else 0.0

    @property
    def is_exceeded(self) -> bool:
        """True if the guard refuses the plan for it."""
        return self.value > self.limit


@dataclass(frozen=True, slots=True)
class GuardVerdict:
    """The guard's verdict on one instance's plan. `counts`: all that it has counted, for people."""

    refused: bool = False
    reasons: tuple[str, ...] = ()
    counts: tuple[GuardCount, ...] = field(default=(), compare=False)


NOT_REFUSED = GuardVerdict()


@dataclass(frozen=True, slots=True)
class InstancePlan:
    """The plan of one instance.

    `owned` and `foreign` count its live torrents, `unchanged` the entries without any change. `sharers`: the other
    instances that see the same files.
    """

    name: str
    actions: tuple[Action, ...] = ()
    spared: tuple[SparedTorrent, ...] = ()
    owned: int = 0
    foreign: int = 0
    unchanged: int = 0
    suspended: bool = False
    verdict: GuardVerdict = NOT_REFUSED
    faults: tuple[TorrentFault, ...] = ()
    sharers: tuple[str, ...] = ()
