"""What the journal remembers: runs with what they did, and how much was ours when an instance was last read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from reconciler.model.plan import ObjectKind, Outcome, Verb
from reconciler.model.run import RunMode, Status


@dataclass(frozen=True, slots=True)
class OwnedCount:
    """How many torrents of an instance we owned after the last good read of it, and when that was (UTC)."""

    count: int
    read_at: datetime


@dataclass(frozen=True, slots=True)
class PastAction:
    """An action that was tried. `changes` in words, as in `category: a -> b`; `error` says why it failed."""

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
    """How an instance did in a run, where that was worth a word: in trouble, refused by the guard, or changed."""

    name: str
    status: Status
    error: str | None


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run that did something or was in trouble. `seconds` is its length; `trigger` as in `Finished`, or `command`."""

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
