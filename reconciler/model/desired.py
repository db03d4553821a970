"""The desired state, validated and merged: what should exist, where, and how far we may go to get there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Final

from reconciler.model.content import Content, ContentReference, CreationSpec
from reconciler.model.files import FileRule
from reconciler.model.groups import Group
from reconciler.model.health import Probe, UnhealthyPolicy
from reconciler.model.infohash import InfoHashes
from reconciler.model.magnet import Magnet
from reconciler.model.plan import FieldValue
from reconciler.model.position import Position, Problem
from reconciler.model.preferences import PreferenceValue
from reconciler.model.secret import Secret
from reconciler.model.torrent_file import TorrentFile


class Policy(StrEnum):
    """How far a run may go. Only `sync` deletes; `create-only` never changes what is already there."""

    CREATE_ONLY = "create-only"
    UPSERT = "upsert"
    SYNC = "sync"


@dataclass(frozen=True, slots=True)
class GuardLimits:
    """How many deletions one plan may hold on one instance before the whole plan of that instance is refused."""

    max_delete: int = 10
    max_delete_percent: float = 20.0
    max_delete_files: int | None = None  # None: the same as max_delete


@dataclass(frozen=True, slots=True)
class Instance:
    """One qBittorrent Web API and how to reach it. Timeouts are seconds."""

    name: str
    position: Position
    url: str  # http(s)://host[:port][/base/path], no credentials in it
    username: str | None = None
    password: Secret | None = None
    api_key: Secret | None = None
    tls_verify: bool = True
    ca_file: str | None = None
    connect_timeout: float = 5.0
    read_timeout: float = 60.0
    pool_size: int = 2
    categories: Mapping[str, DesiredCategory] = field(default_factory=dict)
    preferences: Mapping[str, DesiredPreference] = field(default_factory=dict)
    suspend: bool = False
    health: tuple[Probe, ...] = ()
    when_unhealthy: UnhealthyPolicy = UnhealthyPolicy.LEAVE


@dataclass(frozen=True, slots=True)
class DesiredCategory:
    """A category that should exist. `save_path` None: its path is not managed; likewise `download_path`.

    `download_path` False: what is incomplete is at the save path too.
    """

    name: str
    position: Position
    save_path: str | None = None
    download_path: str | bool | None = None


@dataclass(frozen=True, slots=True)
class DesiredPreference:
    """A setting of the application, its value in the form of `model.preferences.canonical`."""

    name: str
    position: Position
    value: PreferenceValue


@dataclass(frozen=True, slots=True)
class DesiredTags:
    """Tags to ensure; with `only`, every other tag of people's goes (never a `reconcile:*` one)."""

    names: frozenset[str]
    only: bool = False


NO_OPTIONS: Final[Mapping[str, FieldValue]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class DesiredTorrent:
    """One entry of `torrents`, defaults applied. None means: not declared, so not managed.

    `instance` may name a group. `position` is what it is added from; None where it has to be there already (`infohash`).
    `category` "" means: no category. Paths are absolute and as qBittorrent sees them.

    `read_bytes` is what it is made from, or whose. Which torrent that became only the instances know, so `infohashes` is
    None until `plan.content` has found it there, and so is `position`.

    `options` and `create_only` hold what is declared of `model.options`, by field and in qBittorrent's own units.
    `trackers` (which may hold passkeys) and `web_seeds` are to be there, others may be. The first of the rules of
    `file_rules` that matches a file counts. `ignore_changes` names the keys that only an add heeds. `delete_files` counts
    for a torrent that is declared absent.
    """

    position: Position
    infohashes: InfoHashes | None
    source: Magnet | TorrentFile | None
    instance: str
    absent: bool = False
    name: str | None = None
    category: str | None = None
    tags: DesiredTags | None = None
    save_path: str | None = None
    paused: bool | None = None
    protect: bool | None = None
    options: Mapping[str, FieldValue] = field(default_factory=lambda: NO_OPTIONS)
    create_only: Mapping[str, FieldValue] = field(default_factory=lambda: NO_OPTIONS)
    trackers: tuple[str, ...] = field(default=(), repr=False)
    web_seeds: tuple[str, ...] = field(default=(), repr=False)
    files: tuple[FileRule, ...] = ()
    ignore_changes: frozenset[str] = frozenset()
    delete_files: bool | None = None
    content: Content | ContentReference | None = None

    @property
    def ids(self) -> tuple[str, ...]:
        """Every id under which an instance may list it; none where it is not known which torrent it is."""
        return self.infohashes.ids if self.infohashes else ()

    @property
    def infohash(self) -> str:
        """The hash that people know it by; "" where it is not known which torrent it is."""
        return str(self.infohashes) if self.infohashes else ""

    @property
    def creation(self) -> CreationSpec | None:
        """How it is made, where that is declared."""
        made = self.content
        if not isinstance(made, Content):
            return None
        comment = str(self.options.get("comment") or "")
        how = made.format, made.piece_size, made.private, made.source
        return CreationSpec(made.path, *how, comment, self.trackers, self.web_seeds)

    @property
    def has_metadata(self) -> bool:
        """Are its files known before it is added? From a magnet link they are not."""
        return isinstance(self.source, TorrentFile) or self.content is not None

    @property
    def label(self) -> str:
        """What people call it: its declared name, else that of its magnet, file or content, else its infohash."""
        given = self.content or self.source
        return self.name or (given and given.name) or self.infohash


@dataclass(frozen=True)
class DesiredState:
    """The whole desired state of one run.

    `file_rules`: every file it came from, those of torrents, secrets and certificates too. `unfetched_count`: how many torrents
    are missing because they are given by URL and it was loaded offline; such a state can be shown, and never planned.
    """

    policy: Policy
    instances: Mapping[str, Instance]
    torrents: tuple[DesiredTorrent, ...] = ()
    categories: Mapping[str, DesiredCategory] = field(default_factory=dict)
    owner: str = "default"
    delete_files: bool = False
    quarantine_days: int | None = None  # days that what is pruned is kept, stopped; None: it is deleted at once
    prune_categories: bool = False
    guard: GuardLimits = GuardLimits()
    suspend: bool = False
    accept_plan: str | None = None
    groups: Mapping[str, Group] = field(default_factory=dict)
    warnings: tuple[Problem, ...] = ()
    files: tuple[str, ...] = field(default=(), compare=False)
    unfetched_count: int = 0

    @cached_property
    def entries_with_content(self) -> tuple[DesiredTorrent, ...]:
        """The torrents that are made from content, or are what it became: few, and asked for in every run."""
        return tuple(entry for entry in self.torrents if entry.content)

    @cached_property
    def entries_with_file_rules(self) -> tuple[DesiredTorrent, ...]:
        """The torrents whose files are declared and looked after."""
        return tuple(entry for entry in self.torrents if entry.files and "files" not in entry.ignore_changes)

    def instances_of(self, entry: DesiredTorrent) -> tuple[str, ...]:
        """The instances that an entry can be on: its own, or the members of its group."""
        return self.members_of(entry.instance)

    def members_of(self, name: str) -> tuple[str, ...]:
        """The instances that the name of an instance or a group stands for."""
        return self.groups[name].member_names if name in self.groups else (name,)

    def categories_of(self, instance: str) -> Mapping[str, DesiredCategory]:
        """The managed categories of one instance: its own definitions win over the common ones."""
        return {**self.categories, **self.instances[instance].categories}

    def ids_with_file_rules(self, instance: str) -> frozenset[str]:
        """The ids of the torrents of an instance whose files are declared: only of these are they read."""
        here = (entry for entry in self.entries_with_file_rules if instance in self.instances_of(entry))
        return frozenset(key for entry in here for key in entry.ids)

    def creations_of(self, instance: str) -> frozenset[CreationSpec]:
        """The torrents that are made on an instance."""
        here = (entry.creation for entry in self.entries_with_content if entry.instance == instance)
        return frozenset(creation for creation in here if creation)
