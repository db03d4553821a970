"""The work on one action while it is being done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from reconciler.model.fields import arrived
from reconciler.model.plan import Action, Change, Kind, Outcome, Value, Verb
from reconciler.model.run import ActionResult
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.tags import HELD, HELD_FORCED, MARKS, PROTECT, QUARANTINE, owner_tag

_HELD: Final = {"running": HELD, "forced": HELD_FORCED}


@dataclass(slots=True, eq=False)
class Job:
    """One action under way. `sent`: some request of it may have taken effect; `outcome` is None until it is known.

    `late`: of an add, the fields that the add itself does not carry and that have to follow it. `owed`: the fields that
    the torrent does not show, and that are still to be done.
    """

    action: Action
    torrent_id: str | None = None
    sent: bool = False
    error: str | None = None
    outcome: Outcome | None = None
    late: frozenset[str] = frozenset()
    owed: set[str] = field(default_factory=set)

    @property
    def is_torrent(self) -> bool:
        """Does it act on a torrent, not on a setting?"""
        return self.action.kind is Kind.TORRENT

    @property
    def is_add(self) -> bool:
        """Does it add a torrent?"""
        return self.is_torrent and self.action.verb is Verb.ADD

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids under which the instance may know its torrent."""
        if self.torrent_id:
            return (self.torrent_id,)
        return self.action.adds.infohashes.ids if self.action.adds else ()

    @property
    def id(self) -> str:
        """The one id for a mutation: the live one where it is known."""
        return self.ids[0]

    def changes(self, field: str) -> bool:
        """Is this field among those that the action changes?"""
        return any(change.field == field for change in self.action.changes)

    def sends(self, field: str) -> bool:
        """Has this field to be sent to the torrent once it is there?"""
        return field in self.late if self.is_add else self.changes(field)

    def has_arrived(self, live: LiveTorrent | None) -> bool:
        """Does the instance show all that the action asked for?"""
        return (
            live is not None
            and not self.owed
            and all(arrived(change, live, self.action) for change in self.action.changes)
        )

    def end(self, outcome: Outcome, error: str | None = None) -> None:
        """Settle what became of it; the first word stands."""
        if self.outcome is None:
            self.outcome, self.error = outcome, error

    def result(self) -> ActionResult:
        """What the report shows."""
        return ActionResult(self.action, self.outcome or Outcome.DROPPED, self.error)


def tags_to_add(changes: Sequence[Change]) -> frozenset[str]:
    """The tags that an action's changes put on."""
    wanted = {change.field: change.after for change in changes}
    tags = _named(changes, "tags", after=True) - _named(changes, "tags", after=False)
    tags.update(QUARANTINE + text for text in _named(changes, "quarantine", after=True))
    tags.update(owner_tag(str(c.after)) for c in changes if c.field == "owner" and c.after is not None)
    tags.update(mark for field, mark in MARKS.items() if wanted.get(field) is not None)
    if wanted.get("protect") is True:
        tags.add(PROTECT)
    if how := wanted.get("held"):
        tags.add(_HELD[str(how)])
    return frozenset(tags)


def tags_to_remove(action: Action) -> frozenset[str]:
    """The tags that the action's changes take off, but for those of `marks_to_remove`."""
    tags = _named(action.changes, "tags", after=False) - _named(action.changes, "tags", after=True)
    tags.update(owner_tag(str(c.before)) for c in action.changes if c.field == "owner" and c.before is not None)
    if action.wanted("protect") is False:
        tags.add(PROTECT)
    return frozenset(tags)


def marks_to_remove(action: Action) -> frozenset[str]:
    """The tags to take off that tell why, and how, we had stopped a torrent."""
    marks = {QUARANTINE + text for text in _named(action.changes, "quarantine", after=False)}
    if any(change.field == "held" and change.after is None for change in action.changes):
        marks.update(_HELD.values())
    return frozenset(marks)


def _named(changes: Sequence[Change], field: str, *, after: bool) -> set[str]:
    """What the changes of a field of many values name, before them or after."""
    names: set[str] = set()
    for change in changes:
        value: Value = change.after if after else change.before
        if change.field == field and isinstance(value, tuple):
            names.update(value)
    return names


def by_id(torrents: Iterable[LiveTorrent]) -> dict[str, LiveTorrent]:
    """Live torrents under every id they could be looked up by."""
    found = list(torrents)
    index = {key: torrent for torrent in found for key in torrent.infohashes.ids}
    index.update({torrent.id: torrent for torrent in found})
    return index


def live_of(job: Job, index: dict[str, LiveTorrent]) -> LiveTorrent | None:
    """The live torrent of a job in an index made by `by_id`."""
    return next((index[key] for key in job.ids if key in index), None)
