"""What a run would do, as frozen data. Dry-run shows it; apply executes it and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from reconciler.model.content import Creation
from reconciler.model.files import FileRule
from reconciler.model.groups import Pending, Placed
from reconciler.model.magnet import Magnet
from reconciler.model.position import Position
from reconciler.model.preferences import PreferenceValue
from reconciler.model.torrent_file import TorrentFile

Value = str | bool | int | float | tuple[str, ...] | None


class Verb(StrEnum):
    """What an action does to its object."""

    ADD = "add"
    ADOPT = "adopt"
    UPDATE = "update"
    DELETE = "delete"


class Kind(StrEnum):
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
    before: Value
    after: Value


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
    `adds` is what an add sends, `value` what a preference is set to, since its change may hide that. `blast` is for
    people: what is done does not depend on it.

    `urls` holds, by field, the trackers and web seeds that are to be added: they may hold passkeys, so `changes` shows
    them masked. `files` are the rules for the files of a torrent that is added, before its files are known.

    `makes`: the torrent is made first, and which one that will be is not known. `task` is the id of the task that made
    it, to be removed. `export` is the path of the file here that its .torrent file is written to. `peer` is
    the address of the instance that lends it, which it is told of once it is there.
    """

    verb: Verb
    kind: Kind
    name: str
    reason: str
    changes: tuple[Change, ...] = ()
    infohash: str | None = None
    torrent_id: str | None = None
    source: Position | None = None
    disruptive: bool = False
    hold: Outcome | None = None
    adds: Magnet | TorrentFile | None = None
    delete_files: bool = False
    placed: Placed | None = None  # for what is declared for a group
    urgent: bool = False
    value: PreferenceValue | None = None
    blast: Blast | None = None
    urls: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: NO_URLS, repr=False)
    files: tuple[FileRule, ...] = ()
    makes: Creation | None = None
    task: str | None = None
    export: str | None = None
    peer: str | None = field(default=None, repr=False)

    def wanted(self, name: str, default: Value = None) -> Value:
        """The value that a field changes to, or `default` where the action leaves it alone."""
        return next((change.after for change in self.changes if change.field == name), default)


@dataclass(frozen=True, slots=True)
class Spared:
    """A torrent that policy, protection, an ignore mark or another owner kept from a change or a deletion."""

    infohash: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The guard's word on one instance's plan."""

    refused: bool = False
    reasons: tuple[str, ...] = ()


NOT_REFUSED = Verdict()


@dataclass(frozen=True, slots=True)
class InstancePlan:
    """The plan of one instance. `owned` and `foreign` count its live torrents, `unchanged` the declared and settled."""

    name: str
    actions: tuple[Action, ...] = ()
    spared: tuple[Spared, ...] = ()
    owned: int = 0
    foreign: int = 0
    unchanged: int = 0
    suspended: bool = False
    verdict: Verdict = NOT_REFUSED


@dataclass(frozen=True, slots=True)
class Plan:
    """The plans of all instances that could be read, and the hash that a person can approve.

    `pending`: what is wanted with nowhere healthy to be. `until` (UTC): when time alone makes another plan of it.
    """

    hash: str
    instances: tuple[InstancePlan, ...] = ()
    pending: tuple[Pending, ...] = ()
    until: datetime | None = None
