"""The contents of notifications about a run, before and after they are put into words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum

from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.plan import Verb


class IssueKind(StrEnum):
    """The subject of an issue, the most urgent first."""

    GUARD = "guard"  # the guard refuses the plan of an instance
    FILES = "files"  # the desired state is invalid; the last valid state is in force
    INSTANCE = "instance"  # an instance cannot be read, or was lost during a run
    ACTIONS = "actions"  # actions of an instance fail, or wait for a person
    TORRENTS = "torrents"  # torrents of an instance cannot run before a person has acted
    METADATA = "metadata"  # torrents of an instance have had no metadata for long


@dataclass(frozen=True, slots=True)
class Issue:
    """A problem, present or past, with the number of runs in a row and the time since it began. `instance` "": none."""

    kind: IssueKind
    instance: str
    reason: str
    failure_count: int
    since: datetime
    is_reminder: bool = False


@dataclass(frozen=True, slots=True)
class ChangedTorrent:
    """A torrent that a run changed."""

    verb: Verb
    instance: str
    name: str


@dataclass(frozen=True, slots=True)
class RunDigest:
    """The contents of the notification about a run. `changed_torrents` are the first of those in `change_counts`."""

    finished_at: datetime
    trigger: str
    plan_hash: str
    change_counts: Mapping[Verb, int] = field(default_factory=dict)
    changed_settings_count: int = 0
    changed_torrents: tuple[ChangedTorrent, ...] = ()
    issues: tuple[Issue, ...] = ()
    recovered: tuple[Issue, ...] = ()


@dataclass(frozen=True, slots=True)
class Notification:
    """A notification as text for people, and as a JSON document for programs."""

    title: str
    text: str
    document: bytes
