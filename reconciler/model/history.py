"""The records of the journal: past runs, drift, owned torrents, untagged adds, and declaring files."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple, Protocol

from reconciler.model.lazy_dataclass import dataclass
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

    def __repr__(self) -> str:
        return f"AddKey({self.owner!r}, {self.instance!r})"  # a URL may contain the key of a proxy


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
class ActionCount:
    """The number of attempted actions of one kind with the same verb and outcome."""

    verb: Verb
    kind: ObjectKind
    outcome: Outcome
    number: int


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run that changed something or had a problem. `seconds` is its duration; `trigger` its cause, or `command`.

    `counts` is about all its actions that a filter selects, also where `actions` has only the first of them.
    """

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
    counts: tuple[ActionCount, ...] = ()


MAX_SILENCE: Final = timedelta(hours=2)  # between two runs, after which nothing is known of the time between


@dataclass(frozen=True, slots=True)
class DriftSample:
    """The number of changes that a run found to make on an instance, and left undone; None: it was not read.

    `began` and `ended` are those of the run. `seen_until` is the end of the last run that found what this one had left,
    and left it, to the hour: the journal notes it once in an hour. No two runs until then were `MAX_SILENCE` apart.
    """

    owner: str
    instance: str
    began: datetime
    ended: datetime
    found: int | None
    left: int | None
    seen_until: datetime


@dataclass(frozen=True, slots=True)
class HistoryFilter:
    """The last `limit` runs that concern one of `instances`, `torrent` and `text`; empty: any.

    `torrent` is a name, or the beginning of an infohash; `text` is a part of a name, or the same. `before`: only runs
    with a smaller number. `max_actions`: at most so many actions of each run are read; None: all.
    """

    limit: int = 20
    instances: tuple[str, ...] = ()
    torrent: str = ""
    before: int | None = None
    max_actions: int | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class RunActivity:
    """The number of actions that a run has applied, and of the failed and the dropped ones."""

    began: datetime
    done: int
    not_done: int


@dataclass(frozen=True, slots=True)
class Trend:
    """The drift and the activity of runs since some time, each in the order of time."""

    drift: tuple[DriftSample, ...] = ()
    activity: tuple[RunActivity, ...] = ()


class UnreadableHistory(Exception):
    """The records cannot be read; the message says why and what to do."""


class History(Protocol):
    """The records of past runs. Its methods raise `UnreadableHistory`."""

    def list_runs(self, history_filter: HistoryFilter) -> list[PastRun]:
        """Return the runs, newest first, each with the matching actions."""

    def read_trend(self, since: datetime, history_filter: HistoryFilter) -> Trend:
        """Return what runs have found and done since then. Drift is that of instances, whatever the torrent."""
