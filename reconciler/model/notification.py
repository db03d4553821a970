"""What there is to say to people about a run, before it is put into words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from reconciler.model.plan import Verb


class IssueKind(StrEnum):
    """What a trouble is about, the most urgent first."""

    GUARD = "guard"  # it refuses the plan of an instance
    FILES = "files"  # the desired state is invalid; the last good one is in force
    INSTANCE = "instance"  # it cannot be read, or was lost on the way
    ACTIONS = "actions"  # some of an instance's actions fail, or wait for a person


@dataclass(frozen=True, slots=True)
class Issue:
    """Something that is wrong, or has been: for how many runs in a row, and since when. `instance` "": of none."""

    kind: IssueKind
    instance: str
    reason: str
    failure_count: int
    since: datetime
    is_reminder: bool = False


@dataclass(frozen=True, slots=True)
class ChangedTorrent:
    """A torrent that a run has changed."""

    verb: Verb
    instance: str
    name: str


@dataclass(frozen=True, slots=True)
class RunDigest:
    """All that a run gives to say. `changed_torrents` are the first of those that `change_counts` counts."""

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
    """A message in words: for people, and as a JSON document for programs."""

    title: str
    text: str
    document: bytes
