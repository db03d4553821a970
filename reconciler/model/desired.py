"""The desired state, validated and merged: what should exist, on which instance, and how far a run may go."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Final

from reconciler.model.content import HYBRID_FORMAT, V1_FORMAT, Content, ContentReference, CreationSpec
from reconciler.model.files import FileRule
from reconciler.model.gateway import GatewaySettings, IntakeSettings
from reconciler.model.groups import Group
from reconciler.model.health import Probe, UnhealthyPolicy
from reconciler.model.infohash import InfoHashes
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.links import redact_api_url
from reconciler.model.magnet import Magnet
from reconciler.model.plan import FieldValue
from reconciler.model.position import Position, Problem
from reconciler.model.preferences import PATH_PREFERENCES, PreferenceValue
from reconciler.model.secret import Secret
from reconciler.model.torrent_file import TorrentFile, UnknownSource

DEFAULT_OWNER: Final = "default"


class Policy(StrEnum):
    """The kinds of actions that a run may take. Only `sync` deletes; `create-only` never changes existing torrents."""

    CREATE_ONLY = "create-only"
    UPSERT = "upsert"
    SYNC = "sync"


@dataclass(frozen=True, slots=True)
class GuardLimits:
    """The deletions, moves and updates on one instance above which the guard refuses the whole plan of that instance.

    Percentages are of the torrents that we own there.
    """

    max_delete: int = 10
    max_delete_percent: float = 20.0
    max_delete_files: int | None = None  # None: the same as max_delete
    max_move: int = 10
    max_update_percent: float | None = None  # None: no limit


@dataclass(frozen=True, slots=True)
class BasicAuth:
    """Credentials for HTTP basic authentication, which a proxy before the Web API wants."""

    username: str
    password: Secret


NO_NAMES: Final[Mapping[str, str]] = MappingProxyType({})
DEFAULT_STUCK_AFTER: Final = 1800.0  # seconds


@dataclass(frozen=True, slots=True)
class Instance:
    """One qBittorrent Web API and how to reach it. Timeouts are in seconds.

    `basic_auth` and `headers` are sent with every request, to a proxy before the Web API. `path_map`: the paths that
    clients of the gateway see, by the paths of the instance that they stand for. `data`: the name of the files that it
    sees; instances with the same name see the same files at the same paths. `suspend_position`: of the key `suspend`.
    `suspended_until` (UTC): a person has suspended it for a while; see `model.suspension`.
    """

    name: str
    position: Position
    url: str = field(repr=False)  # http(s)://host[:port][/base/path], no credentials but perhaps the key of a proxy
    username: str | None = None
    password: Secret | None = None
    api_key: Secret | None = None
    basic_auth: BasicAuth | None = None
    headers: Mapping[str, Secret] = field(default_factory=dict)
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
    path_map: Mapping[str, str] = field(default_factory=lambda: NO_NAMES)
    data: str | None = None
    suspend_position: Position | None = field(default=None, compare=False)
    suspended_until: datetime | None = None

    @property
    def has_proxy_credentials(self) -> bool:
        """True if every request has credentials for a proxy, which may count their refusals."""
        return self.basic_auth is not None or bool(self.headers)

    @property
    def has_authorization_header(self) -> bool:
        """True if every request has credentials for a proxy that qBittorrent takes for its own, if it gets them."""
        return self.basic_auth is not None or any(name.lower() == "authorization" for name in self.headers)

    @property
    def shown_url(self) -> str:
        """The URL as messages and reports may show it: without what could be the key of a proxy."""
        return redact_api_url(self.url)


@dataclass(frozen=True, slots=True)
class DesiredCategory:
    """A category that should exist. `save_path` None: its path is not managed; likewise `download_path`.

    `download_path` False: incomplete downloads are at the save path too.
    """

    name: str
    position: Position
    save_path: str | None = None
    download_path: str | bool | None = None


@dataclass(frozen=True, slots=True)
class DesiredPreference:
    """A preference of the application, with its value as `canonicalize_preference` returns it."""

    name: str
    position: Position
    value: PreferenceValue


@dataclass(frozen=True, slots=True)
class DesiredTags:
    """Tags to ensure. With `only`, every other tag is removed, except `reconcile:*` tags."""

    names: frozenset[str]
    only: bool = False


NO_OPTIONS: Final[Mapping[str, FieldValue]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class DesiredTorrent:
    """One entry of `torrents`, defaults applied. None means: not declared, so not managed.

    `instance` may name a group. `source` is what it is added from; None if it must exist already (`infohash`).
    `category` "" means: no category. Paths are absolute and as qBittorrent sees them.

    `content` is the data that it is created from, or a reference to such data. Only the instances know which torrent
    that became, so `infohashes` and `source` are None until `plan.resolve` has found it. `unknown_source`: its URL
    could not be fetched, so that they are None too.

    `options` and `create_only` hold the declared options, by field and in qBittorrent's units. `trackers` (perhaps with
    passkeys) and `web_seeds` are ensured; others may exist, except trackers that these replace and, with
    `only_trackers`, all other trackers. The first rule of `files` that matches a file applies.
    `ignore_changes` names keys that count only when the torrent is added. `delete_files` counts for an absent torrent.
    `labels` are for services and filters: no instance knows them. `is_handed_in`: it is an entry of the intake.
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
    only_trackers: bool = False
    web_seeds: tuple[str, ...] = field(default=(), repr=False)
    files: tuple[FileRule, ...] = ()
    ignore_changes: frozenset[str] = frozenset()
    delete_files: bool | None = None
    content: Content | ContentReference | None = None
    unknown_source: UnknownSource | None = None
    labels: Mapping[str, str] = field(default_factory=lambda: NO_NAMES)
    is_handed_in: bool = False

    @property
    def ids(self) -> tuple[str, ...]:
        """Every id under which an instance may list it; none while its infohash is unknown."""
        return self.infohashes.ids if self.infohashes else ()

    @property
    def infohash(self) -> str:
        """The infohash that people know it by; "" while it is unknown."""
        return str(self.infohashes) if self.infohashes else ""

    @property
    def creation(self) -> CreationSpec | None:
        """The parameters of its creation; None without `content` of its own."""
        content = self.content
        if not isinstance(content, Content):
            return None
        return CreationSpec(
            path=content.path,
            format=content.format or HYBRID_FORMAT,
            piece_size=content.piece_size,
            private=content.private,
            source=content.source,
            comment=str(self.options.get("comment") or ""),
            trackers=self.trackers,
            web_seeds=self.web_seeds,
        )

    @property
    def may_have_v2(self) -> bool:
        """True if it is a v2 or hybrid torrent, or may become one when it is created."""
        if self.content is None:
            return bool(self.infohashes and self.infohashes.v2)
        made = self.content.content if isinstance(self.content, ContentReference) else self.content
        return made.format != V1_FORMAT

    @property
    def declared_paths(self) -> tuple[str, ...]:
        """The paths on the instance that it declares."""
        content = self.content.path if isinstance(self.content, Content) else None
        paths = self.save_path, self.options.get("download_path"), content
        return tuple([path for path in paths if isinstance(path, str)])

    @property
    def has_metadata(self) -> bool:
        """True if its files are known before it is added. The files of a magnet link are not."""
        return isinstance(self.source, TorrentFile) or self.content is not None

    @property
    def label(self) -> str:
        """Its declared name, else the name of its magnet link, file or content, else its infohash or its host."""
        if self.unknown_source:
            return self.name or f"torrent from {self.unknown_source.host}, line {self.position.line}"
        origin = self.content or self.source
        return self.name or (origin and origin.name) or self.infohash


@dataclass(frozen=True)
class DesiredState:
    """The whole desired state of one run.

    `files`: every file that it depends on, also .torrent files, secrets and certificates, and every folder that was
    searched for files to include. `yaml_files`: the files that declare it. `unfetched_count`: the number of torrents
    that are missing because they are declared by URL and the load was offline; such a state can be shown, but not
    planned. `variables`: the names of the environment variables that the files name. `state_id`: a short hash of the
    paths that it was loaded from, by which it recognizes its own marks on an instance. `suspend_position`: of the key
    `suspend`.
    """

    policy: Policy
    instances: Mapping[str, Instance]
    torrents: tuple[DesiredTorrent, ...] = ()
    categories: Mapping[str, DesiredCategory] = field(default_factory=dict)
    owner: str = DEFAULT_OWNER
    delete_files: bool = False
    quarantine_days: int | None = None  # days for which pruned torrents are kept, stopped; None: delete at once
    stuck_after: float = DEFAULT_STUCK_AFTER  # seconds without metadata after which a torrent is stuck
    prune_categories: bool = False
    guard: GuardLimits = GuardLimits()
    suspend: bool = False
    suspend_position: Position | None = field(default=None, compare=False)
    accept_plan: str | None = None
    groups: Mapping[str, Group] = field(default_factory=dict)
    warnings: tuple[Problem, ...] = ()
    files: tuple[str, ...] = field(default=(), compare=False)
    yaml_files: tuple[str, ...] = field(default=(), compare=False)
    unfetched_count: int = 0
    variables: frozenset[str] = field(default=frozenset(), compare=False)
    state_id: str = field(default="", compare=False)
    intake: IntakeSettings | None = None
    gateway: GatewaySettings | None = None

    @cached_property
    def entries_with_content(self) -> tuple[DesiredTorrent, ...]:
        """The torrents with `content` or `content_of`. Cached: they are few, and every run needs them."""
        return tuple(entry for entry in self.torrents if entry.content)

    @cached_property
    def unknown_entries(self) -> tuple[DesiredTorrent, ...]:
        """The torrents whose URLs could not be fetched. Cached: they are few, and every run needs them."""
        return tuple(entry for entry in self.torrents if entry.unknown_source)

    @cached_property
    def withdrawn_entries(self) -> tuple[DesiredTorrent, ...]:
        """The absent entries of the intake. Cached: they are few, and every run of a watch needs them."""
        return tuple(entry for entry in self.torrents if entry.is_handed_in and entry.absent)

    @cached_property
    def entries_with_file_rules(self) -> tuple[DesiredTorrent, ...]:
        """The torrents whose files are managed."""
        return tuple(entry for entry in self.torrents if entry.files and "files" not in entry.ignore_changes)

    @cached_property
    def _instances_with_paths(self) -> frozenset[str]:
        """The instances on which a path is declared. Cached: every run needs them."""
        places: set[str] = set()
        for entry in self.torrents:
            if entry.instance not in places and entry.declared_paths:
                places.add(entry.instance)
        names = (name for place in places for name in self.members_of(place))
        return frozenset(names).union(filter(self._has_settings_with_paths, self.instances))

    @cached_property
    def _v2_entries(self) -> Mapping[str, tuple[DesiredTorrent, ...]]:
        """The torrents that are, or may become, v2 or hybrid torrents. Cached: every run needs them."""
        return self._group_by_instance(entry for entry in self.torrents if not entry.absent and entry.may_have_v2)

    @cached_property
    def _ids_with_file_rules(self) -> Mapping[str, frozenset[str]]:
        """The ids of the torrents whose files are managed. Cached: every run needs them."""
        grouped = self._group_by_instance(self.entries_with_file_rules)
        return {name: frozenset(key for entry in entries for key in entry.ids) for name, entries in grouped.items()}

    def _group_by_instance(self, entries: Iterable[DesiredTorrent]) -> dict[str, tuple[DesiredTorrent, ...]]:
        """Return the entries by the instances that they can be on."""
        grouped: defaultdict[str, list[DesiredTorrent]] = defaultdict(list)
        for entry in entries:
            for name in self.instances_of(entry):
                grouped[name].append(entry)
        return {name: tuple(group) for name, group in grouped.items()}

    def _has_settings_with_paths(self, instance: str) -> bool:
        categories = self.categories_of(instance).values()
        return any(category.save_path or category.download_path for category in categories) or (
            not PATH_PREFERENCES.isdisjoint(self.instances[instance].preferences)
        )

    def v2_entries_of(self, instance: str) -> tuple[DesiredTorrent, ...]:
        """Return the torrents that can be on that instance and are, or may become, v2 or hybrid torrents."""
        return self._v2_entries.get(instance, ())

    def instances_of(self, entry: DesiredTorrent) -> tuple[str, ...]:
        """Return the instances that an entry can be on: its own, or the members of its group."""
        return self.members_of(entry.instance)

    def members_of(self, name: str) -> tuple[str, ...]:
        """Return the members of a group, or the instance of that name."""
        return self.groups[name].member_names if name in self.groups else (name,)

    def sharers_of(self, instance: str) -> tuple[str, ...]:
        """Return the other instances that see the same files as this one, sorted."""
        data = self.instances[instance].data
        if data is None:
            return ()
        return tuple(sorted(name for name, other in self.instances.items() if other.data == data and name != instance))

    def categories_of(self, instance: str) -> Mapping[str, DesiredCategory]:
        """Return the managed categories of one instance. Its own definitions win over the common ones."""
        return {**self.categories, **self.instances[instance].categories}

    def has_paths_of(self, instance: str) -> bool:
        """True if a path on that instance is declared: of a torrent, a category or a preference."""
        return instance in self._instances_with_paths

    def ids_with_file_rules(self, instance: str) -> frozenset[str]:
        """Return the ids of the torrents of an instance whose files are managed, and so must be read."""
        return self._ids_with_file_rules.get(instance, frozenset())

    def creations_of(self, instance: str) -> frozenset[CreationSpec]:
        """Return the creations that are declared for an instance."""
        creations = (entry.creation for entry in self.entries_with_content if entry.instance == instance)
        return frozenset(creation for creation in creations if creation)
