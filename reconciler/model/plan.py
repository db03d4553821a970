"""What a run would do, as frozen data. Dry-run shows it; apply executes it and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from reconciler.model.content import CreationSpec
from reconciler.model.files import FileRule
from reconciler.model.groups import ActionPlacement
from reconciler.model.magnet import Magnet
from reconciler.model.position import Position
from reconciler.model.preferences import PreferenceValue
from reconciler.model.torrent_file import TorrentFile

FieldValue = str | bool | int | float | tuple[str, ...] | None


class Verb(StrEnum):
    """What an action does to its object."""

    ADD = "add"
    ADOPT = "adopt"
    UPDATE = "update"
    DELETE = "delete"


class ObjectKind(StrEnum):
    """What an action acts on. Everything but a torrent is a setting of the instance."""

    TORRENT = "torrent"
    CATEGORY = "category"
    PREFERENCE = "preference"


class Outcome(StrEnum):
    """What became of an action. `dropped`: not tried, because something before it failed or the world had changed."""

    PLANNED = "planned"
    APPLIED = "applied"
    FAILED = "failed"
    DEFERRED = "deferred"
    BLOCKED = "blocked"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Change:
    """One field from what is live to what is wanted. `before` is None where there is nothing live yet."""

    field: str
    before: FieldValue
    after: FieldValue


NO_URLS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Blast:
    """What an action takes with it: of a deletion or a quarantine its torrent, of a setting all that move for it.

    `bytes` is downloaded data on disk. `other_seeds`: the seeds that the instance knows besides its own, None where
    it was not asked. `shares_with`: the infohashes of torrents that stay and may have files in common with it.
    """

    torrents: int = 1
    bytes: int = 0
    seeding: bool = False
    other_seeds: int | None = None
    shares_with: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Action:
    """One verb on one object with its changes.

    `torrent_id` is the live key (None for adds and categories), `infohash` what people know the torrent by.
    `hold` is DEFERRED or BLOCKED where the action is shown but must not be executed; `reason` then says why.
    `urgent`: it is done before anything else, and nothing that a loop remembers holds it back.
    `add_source` is what an add sends, `preference_value` what a preference is set to, since its change may hide that. `blast` is for
    people: what is done does not depend on it.

    `added_urls` holds, by field, the trackers and web seeds that are to be added: they may hold passkeys, so `changes` shows
    them masked. `file_rules` are the rules for the files of a torrent that is added, before its files are known.

    `creation`: the torrent is made first, and which one that will be is not known. `creator_task_id` is the id of the task that made
    it, to be removed. `export_path` is the path of the file here that its .torrent file is written to. `peer_address` is
    the address of the instance that lends it, which it is told of once it is there.
    """

    verb: Verb
    kind: ObjectKind
    name: str
    reason: str
    changes: tuple[Change, ...] = ()
    infohash: str | None = None
    torrent_id: str | None = None
    position: Position | None = None
    disruptive: bool = False
    hold: Outcome | None = None
    add_source: Magnet | TorrentFile | None = None
    delete_files: bool = False
    placement: ActionPlacement | None = None  # for what is declared for a group
    urgent: bool = False
    preference_value: PreferenceValue | None = None
    blast: Blast | None = None
    added_urls: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: NO_URLS, repr=False)
    file_rules: tuple[FileRule, ...] = ()
    creation: CreationSpec | None = None
    creator_task_id: str | None = None
    export_path: str | None = None
    peer_address: str | None = field(default=None, repr=False)

    def get_new_value(self, field: str, default: FieldValue = None) -> FieldValue:
        """The value that a field changes to, or `default` where the action leaves it alone."""
        return next((change.after for change in self.changes if change.field == field), default)


@dataclass(frozen=True, slots=True)
class SparedTorrent:
    """A torrent that policy, protection, an ignore mark or another owner kept from a change or a deletion."""

    infohash: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class GuardVerdict:
    """The guard's word on one instance's plan."""

    refused: bool = False
    reasons: tuple[str, ...] = ()


NOT_REFUSED = GuardVerdict()


@dataclass(frozen=True, slots=True)
class InstancePlan:
    """The plan of one instance. `owned` and `foreign` count its live torrents, `unchanged` the declared and settled."""

    name: str
    actions: tuple[Action, ...] = ()
    spared: tuple[SparedTorrent, ...] = ()
    owned: int = 0
    foreign: int = 0
    unchanged: int = 0
    suspended: bool = False
    verdict: GuardVerdict = NOT_REFUSED
