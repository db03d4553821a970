"""The work on one action while it is being done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from reconciler.model.content import CreationSpec
from reconciler.model.fields.field import AppliedCheck
from reconciler.model.fields.names import HELD, QUARANTINE
from reconciler.model.fields.registry import (
    change_tags_to_add,
    change_tags_to_remove,
    is_applied,
    make_applied_checks,
)
from reconciler.model.magnet import Magnet
from reconciler.model.plan import (
    NO_URLS,
    Action,
    AddTorrent,
    Change,
    DeleteTorrent,
    Outcome,
    SetTorrent,
    UpdateTorrent,
)
from reconciler.model.run import ActionResult
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.torrent_file import TorrentFile

FindChecks = Callable[[Sequence[Change]], Sequence[AppliedCheck]]

_FIELDS_OF_STOPS: Final = (QUARANTINE, HELD)


class Step(StrEnum):
    """The step of an execution that does a job."""

    URGENT = "urgent"  # changes of torrents before anything else
    SETTING = "setting"
    CREATE = "create"  # make torrents from content, then add them
    SET = "set"  # add and change torrents
    GIVE_METADATA = "give_metadata"  # to torrents that are there without it
    DELETE = "delete"


_SET: Final = Step.SET  # looked up once, for thousands of adds: until Python 3.12, a function returns the member


@dataclass(slots=True, repr=False, eq=False)
class Job:
    """An action under way. `sent`: a request for it may have taken effect; `outcome` is None until it is known.

    `is_removed`: its torrent was deleted. `is_add`: it adds a torrent.

    `fields_after_add`: the fields that the add itself does not carry and that must follow it. `follow_ups`: the fields
    that the torrent does not show, and that are not done yet. `other_ids`: the ids that its torrent may get with its
    metadata. `peer_address` and `handed_trackers`: what it gets from the instance that its metadata comes from.
    `result`: its result, if that was made before the outcome was known.
    """

    action: Action
    torrent_id: str | None = None
    sent: bool = False
    error: str | None = None
    outcome: Outcome | None = None
    is_removed: bool = False
    fields_after_add: frozenset[str] = frozenset()
    follow_ups: frozenset[str] = frozenset()
    other_ids: tuple[str, ...] = ()
    peer_address: str | None = None
    handed_trackers: tuple[str, ...] = ()
    result: ActionResult | None = None
    is_add: bool = field(init=False)

    def __post_init__(self) -> None:
        action = self.action
        self.is_add = isinstance(action, AddTorrent)
        if isinstance(action, AddTorrent):
            self.peer_address = action.peer_address

    @property
    def step(self) -> Step:
        """The step that does it."""
        action = self.action
        if isinstance(action, AddTorrent):
            return Step.CREATE if action.creation else _SET
        if isinstance(action, UpdateTorrent) and action.urgent:
            return Step.URGENT
        if isinstance(action, SetTorrent):
            return Step.GIVE_METADATA if action.metadata_from else Step.SET
        return Step.DELETE if isinstance(action, DeleteTorrent) else Step.SETTING

    @property
    def source(self) -> Magnet | TorrentFile | None:
        """The source of an add; None for every other action."""
        return self.action.source if isinstance(self.action, AddTorrent) else None

    @property
    def creation(self) -> CreationSpec | None:
        """The way in which the torrent of an add is created first; None if it has a source."""
        return self.action.creation if isinstance(self.action, AddTorrent) else None

    @property
    def has_metadata_source(self) -> bool:
        """True if its torrent gets its metadata from another instance."""
        return isinstance(self.action, SetTorrent) and self.action.metadata_from is not None

    @property
    def added_urls(self) -> Mapping[str, tuple[str, ...]]:
        """The trackers and web seeds to add, by field, unmasked."""
        return self.action.added_urls if isinstance(self.action, SetTorrent) else NO_URLS

    @property
    def removed_trackers(self) -> tuple[str, ...]:
        """The trackers to remove, unmasked."""
        return self.action.removed_trackers if isinstance(self.action, SetTorrent) else ()

    @property
    def deletes_files(self) -> bool:
        """True if the job removes a torrent with its data."""
        return isinstance(self.action, DeleteTorrent) and self.action.delete_files

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids that the instance may list its torrent under."""
        if self.torrent_id:
            return self.torrent_id, *self.other_ids
        action = self.action
        source = action.source if isinstance(action, AddTorrent) else None
        return source.infohashes.ids if source else ()

    @property
    def id(self) -> str:
        """The id for a mutation: the live id if it is known."""
        return self.ids[0]

    def has_change(self, field: str) -> bool:
        """True if the action changes this field."""
        return any(change.field == field for change in self.action.changes)

    def needs_sending(self, field: str) -> bool:
        """True if this field has to be sent once the torrent is on the instance."""
        return field in self.fields_after_add if self.is_add else self.has_change(field)

    def is_applied(self, live: LiveTorrent | None, find_checks: FindChecks = make_applied_checks) -> bool:
        """Return True if the instance shows all that the action sets. `find_checks` returns the checks of changes."""
        action = self.action
        if live is None or self.follow_ups or not isinstance(action, SetTorrent):
            return False
        if action.keeps_auto_tmm and not live.auto_tmm:
            return False
        return all(is_shown(live, action) for is_shown in find_checks(action.changes))

    def waits_only_for(self, field: str, live: LiveTorrent) -> bool:
        """Return True if the instance shows all that the action sets, except this field."""
        action = self.action
        return (
            self.has_change(field)
            and isinstance(action, SetTorrent)
            and not self.follow_ups
            and all(change.field == field or is_applied(change, live, action) for change in action.changes)
        )

    def end(self, outcome: Outcome, error: str | None = None) -> None:
        """Record the outcome. The first recorded outcome stays."""
        if self.outcome is None:
            self.outcome, self.error = outcome, error

    def end_with(self, result: ActionResult) -> None:
        """Record the outcome that a result has which was made before. The first recorded outcome stays."""
        if self.outcome is None:
            self.outcome, self.error, self.result = result.outcome, result.error, result

    def to_result(self) -> ActionResult:
        """Return the result for the report."""
        return self.result or ActionResult(self.action, self.outcome or Outcome.DROPPED, self.error, self.is_removed)


def list_changing(jobs: Iterable[Job], field: str) -> list[Job]:
    """Return the jobs that change a field. Thousands share their changes, which are looked through once."""
    known: dict[int, bool] = {}  # by the id of the changes, which the jobs keep
    changing = []
    for job in jobs:
        key = id(job.action.changes)
        has_change = known.get(key)
        if has_change is None:
            has_change = known[key] = job.has_change(field)
        if has_change:
            changing.append(job)
    return changing


def tags_to_add(changes: Sequence[Change]) -> frozenset[str]:
    """Return the tags that an action's changes put on."""
    return frozenset(tag for change in changes for tag in change_tags_to_add(change))


def tags_to_remove(changes: Sequence[Change]) -> frozenset[str]:
    """Return the tags that an action's changes take off, without the tags of `marks_to_remove`."""
    removals = (change_tags_to_remove(change) for change in changes if change.field not in _FIELDS_OF_STOPS)
    return frozenset(tag for tags in removals for tag in tags)


def marks_to_remove(changes: Sequence[Change]) -> frozenset[str]:
    """Return the tags to take off that record why we stopped a torrent, and how it ran before."""
    removals = (change_tags_to_remove(change) for change in changes if change.field in _FIELDS_OF_STOPS)
    return frozenset(tag for tags in removals for tag in tags)


def index_by_id(torrents: Iterable[LiveTorrent]) -> dict[str, LiveTorrent]:
    """Return live torrents under every id that they can have."""
    listed = list(torrents)
    index = {key: torrent for torrent in listed for key in torrent.infohashes.ids}
    index.update({torrent.id: torrent for torrent in listed})
    return index


def find_live(job: Job, index: dict[str, LiveTorrent]) -> LiveTorrent | None:
    """The live torrent of a job in an index made by `index_by_id`."""
    for key in job.ids:
        if key in index:
            return index[key]
    return None
