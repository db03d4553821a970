"""The desired state, validated and merged: what should exist, where, and how far we may go to get there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from reconciler.model.health import Probe, WhenUnhealthy
from reconciler.model.infohash import InfoHashes
from reconciler.model.magnet import Magnet
from reconciler.model.position import Position, Problem
from reconciler.model.secret import Secret


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
    at: Position
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
    suspend: bool = False
    health: tuple[Probe, ...] = ()
    when_unhealthy: WhenUnhealthy = WhenUnhealthy.LEAVE


@dataclass(frozen=True, slots=True)
class DesiredCategory:
    """A category that should exist. `save_path` None: its path is not managed."""

    name: str
    at: Position
    save_path: str | None = None


@dataclass(frozen=True, slots=True)
class DesiredTags:
    """Tags to ensure; with `only`, every other tag of people's goes (never a `reconcile:*` one)."""

    names: frozenset[str]
    only: bool = False


@dataclass(frozen=True, slots=True)
class DesiredTorrent:
    """One entry of `torrents`, defaults applied. None means: not declared, so not managed.

    `category` "" means: no category. Paths are absolute and as qBittorrent sees them.
    """

    at: Position
    infohashes: InfoHashes
    magnet: Magnet
    instance: str
    absent: bool = False
    name: str | None = None
    category: str | None = None
    tags: DesiredTags | None = None
    save_path: str | None = None
    paused: bool | None = None
    protect: bool | None = None

    @property
    def label(self) -> str:
        """What people call it: its declared name, else the magnet's, else its infohash."""
        return self.name or self.magnet.name or str(self.infohashes)


@dataclass(frozen=True, slots=True)
class Desired:
    """The whole desired state of one run. `files`: every file it came from, those of secrets and certificates too."""

    policy: Policy
    instances: Mapping[str, Instance]
    torrents: tuple[DesiredTorrent, ...] = ()
    categories: Mapping[str, DesiredCategory] = field(default_factory=dict)
    owner: str = "default"
    delete_files: bool = False
    guard: GuardLimits = GuardLimits()
    suspend: bool = False
    accept_plan: str | None = None
    warnings: tuple[Problem, ...] = ()
    files: tuple[str, ...] = field(default=(), compare=False)

    def categories_of(self, instance: str) -> Mapping[str, DesiredCategory]:
        """The managed categories of one instance: its own definitions win over the common ones."""
        return {**self.categories, **self.instances[instance].categories}
