"""The records of the journal: past runs with their actions, owned torrents, untagged adds, and declaring files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from reconciler.model.plan import ObjectKind, Outcome, Verb
from reconciler.model.run import RunMode, Status


@dataclass(frozen=True, slots=True)
class OwnedCount:
    """The number of torrents that we owned on an instance at its last good read, and the time (UTC) of that read."""

    count: int
    read_at: datetime


@dataclass(frozen=True, slots=True)
class UnreadFile:
    """A file that declared torrents in an earlier run, with their ids, and that this run has not read."""

    name: str
    ids: frozenset[str]


class AddKey(NamedTuple):
    """The instance that torrents were added to, with its address, and the owner that added them."""

    owner: str
    instance: str
    url: str


@dataclass(frozen=True, slots=True)
class UntaggedAdds:
    """The ids of added torrents that may not have the tag of their owner yet, and the time (UTC) of the last add."""

    ids: frozenset[str]
    added_at: datetime


@dataclass(frozen=True, slots=True)
class PastAction:
    """An action that was attempted. `changes` in words, like `category: a -> b`; `error` says why it failed."""

    instance: str
    verb: Verb
    kind: ObjectKind
    name: str
    infohash: str | None
    changes: str
    outcome: Outcome
    error: str | None


@dataclass(frozen=True, slots=True)
class PastInstance:
    """The status of an instance in a run that changed it, could not read it, or was refused by the guard."""

    name: str
    status: Status
    error: str | None


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run that changed something or had a problem. `seconds` is its duration; `trigger` its cause, or `command`."""

    number: int
    owner: str
    started_at: datetime
    seconds: float
    mode: RunMode
    trigger: str
    plan_hash: str
    exit_code: int
    instances: tuple[PastInstance, ...]
    actions: tuple[PastAction, ...]
