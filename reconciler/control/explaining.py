"""One torrent explained: by the very plan that a run would make."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from reconciler.apply.pace import Pace, real_pace
from reconciler.control.grouping import looking, with_linked
from reconciler.control.health.checkup import Checkup
from reconciler.control.health.history import History
from reconciler.control.lending import snapshots_of
from reconciler.control.reading import Connect, Reading, connect, read_all
from reconciler.control.roster import Roster
from reconciler.control.run import Planner, chosen, settled, utc_now
from reconciler.model.desired import Desired, DesiredTags, DesiredTorrent
from reconciler.model.errors import InstanceError
from reconciler.model.explanation import Candidate, Explanation, FieldView, Whereabouts
from reconciler.model.fields import file_text, live_value, normal_path
from reconciler.model.files import Priority
from reconciler.model.infohash import InfoHashes
from reconciler.model.journal import PastRun
from reconciler.model.links import TRACKERS, WEB_SEEDS, masked, urls_in
from reconciler.model.lookup import Known, lookup, near
from reconciler.model.options import CREATE_ONLY, OPTIONS
from reconciler.model.plan import Action, InstancePlan, Kind, Value
from reconciler.model.run import Status
from reconciler.model.snapshot import LiveTorrent, Snapshot
from reconciler.model.tags import MARKS, owner_tag, owners
from reconciler.plan import make_plan
from reconciler.plan.content import resolve
from reconciler.plan.diff import ORDER, drift, first_values
from reconciler.plan.match import match
from reconciler.plan.placement import Placement, place

Lately = Callable[[InfoHashes], Sequence[PastRun]]  # the past runs that did something with a torrent, newest first
_ALWAYS = ("name", "category", "tags", "save_path", "paused", "protect")  # shown even where there is nothing to say


class NotOne(LookupError):
    """The text means no torrent, or several; `candidates` are those that may have been meant."""

    def __init__(self, message: str, candidates: Sequence[Candidate]) -> None:
        super().__init__(message)
        self.candidates = candidates


@dataclass(frozen=True, slots=True)
class _Trace:
    """Something that makes a torrent known: an entry, or a live torrent on an instance."""

    infohashes: InfoHashes | None  # None: nobody knows yet which torrent the entry means
    names: tuple[str, ...]
    place: str
    title: str | None  # what it is called best; None: a link's name has to do

    @property
    def ids(self) -> tuple[str, ...]:
        """What it shares with other traces of the same torrent."""
        return self.infohashes.ids if self.infohashes else (self.place,)


def explain(
    desired: Desired,
    text: str,
    instances: Sequence[str],
    stop: threading.Event,
    *,
    pace: Pace | None = None,
    connect: Connect = connect,
    planner: Planner = make_plan,
    roster: Roster | None = None,
    utc: Callable[[], datetime] = utc_now,
    lately: Lately = lambda _infohashes: (),
) -> Explanation:
    """Read the instances, plan, and tell about the torrent that `text` names.

    Raises `NotOne` and `UnknownInstance`. Exit code 1 where an instance could not be read.
    """
    pace, roster = pace or real_pace(stop), roster or Roster()
    roster.keep(desired)
    selected = chosen(desired, instances)
    look = looking(desired, Checkup(History(), pace, utc), roster, pace, utc)
    with read_all(with_linked(desired, selected), stop, look, connect) as readings:
        snapshots = snapshots_of(readings)
        roster.saw(readings, utc())
    declared, desired = desired, resolve(desired, snapshots).desired
    traces = _traces(desired, {one.name: snapshots[one.name] for one in selected if one.name in snapshots})
    found = _the_one(text, traces, [one.name for one in selected if one.name not in snapshots])
    ids = {key for trace in found for key in trace.ids}
    health = {name: reading.health for name, reading in readings.items() if reading.health}
    known, now = roster.known, utc()
    plan = planner(declared, snapshots, now=now, known=known, health=health)
    plans = {part.name: part for part in plan.instances}
    places = _Places(desired, place(desired, snapshots, known, now))
    parts = tuple(_on(desired, one.name, readings[one.name], plans.get(one.name), ids, places) for one in selected)
    infohashes = _joined(found)
    return Explanation(
        _title(found),
        _hash_text(infohashes),
        desired.owner,
        parts,
        tuple(lately(infohashes)) if infohashes else (),
        int(any(one.name not in snapshots for one in selected)),
        places.pending(ids),
    )


class _Places:
    """Why an entry of a group is on a member, or is not."""

    def __init__(self, desired: Desired, placement: Placement) -> None:
        self._groups = desired.groups
        self._placement = placement

    def group(self, entry: DesiredTorrent | None) -> str | None:
        """Its group, with the strategy."""
        group = self._groups.get(entry.instance) if entry else None
        return f"{group.name} ({group.strategy})" if group else None

    def why(self, instance: str, entry: DesiredTorrent | None) -> str | None:
        """Why there, of an entry of a group; None where it is not to be there."""
        here = (one for one in self._placement.on.get(instance, ()) if one.found.entry is entry)
        return next((one.spot.reason for one in here if one.spot), None)

    def pending(self, ids: Collection[str]) -> str | None:
        """Why it has no place for now, if so."""
        found = (one for one in self._placement.pending if one.infohash in ids)
        return next((f"{one.group}: {one.reason}" for one in found), None)


def _traces(desired: Desired, snapshots: Mapping[str, Snapshot]) -> list[_Trace]:
    traces = [_Trace(one.infohashes, _names(one), str(one.at), one.name) for one in desired.torrents]
    for name, snapshot in snapshots.items():
        traces += [_Trace(t.infohashes, (t.name,) if t.name else (), name, t.name or None) for t in snapshot.torrents]
    return traces


def _names(entry: DesiredTorrent) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in (entry.name, entry.label) if name and name != entry.infohash))


def _the_one(text: str, traces: Sequence[_Trace], unread: Sequence[str]) -> list[_Trace]:
    """All traces of the torrent that is meant. Raises `NotOne`."""
    known = [Known(trace, trace.infohashes, trace.names) for trace in traces]
    found = _subjects(lookup(text, known), traces)
    if len(found) == 1:
        return found[0]
    if found:
        candidates = [_candidate(one) for one in found]
        raise NotOne(f'"{text}" is {len(found)} torrents; say which by its infohash', candidates)
    close = [_candidate(one) for one in _subjects(near(text, known), traces)]
    but = f"; {', '.join(unread)} could not be read" if unread else ""
    raise NotOne(f'no torrent is called "{text}", declared or live{but}', close)


def _subjects(found: Sequence[_Trace], traces: Sequence[_Trace]) -> list[list[_Trace]]:
    """The traces of each torrent among those found: whatever shares an infohash is one torrent."""
    subjects: list[list[_Trace]] = []
    for first in found:
        if any(first in subject for subject in subjects):
            continue
        ids: set[str] = set(first.ids)
        while more := {k for t in traces if ids.intersection(t.ids) for k in t.ids} - ids:
            ids |= more
        subjects.append([trace for trace in traces if ids.intersection(trace.ids)])
    return subjects


def _candidate(traces: Sequence[_Trace]) -> Candidate:
    infohash = _hash_text(_joined(traces))
    return Candidate(_title(traces), infohash, tuple(dict.fromkeys(trace.place for trace in traces)))


def _title(traces: Sequence[_Trace]) -> str:
    named = [trace.title for trace in traces if trace.title] + [name for trace in traces for name in trace.names]
    return named[0] if named else _hash_text(traces[0].infohashes)


def _hash_text(infohashes: InfoHashes | None) -> str:
    return str(infohashes) if infohashes else ""


def _joined(traces: Sequence[_Trace]) -> InfoHashes | None:
    """What is known of one torrent by all its traces."""
    found = [trace.infohashes for trace in traces if trace.infohashes]
    v1, v2 = next((one.v1 for one in found if one.v1), None), next((one.v2 for one in found if one.v2), None)
    return InfoHashes(v1, v2) if found else None


def _on(
    desired: Desired,
    instance: str,
    reading: Reading,
    plan: InstancePlan | None,
    ids: Collection[str],
    places: _Places,
) -> Whereabouts:
    entries = [one for one in desired.torrents if instance in desired.places_of(one)]
    mine = [one for one in entries if not set(ids).isdisjoint(one.ids or (str(one.at),))]
    entry = mine[0] if mine else None
    if plan is None or reading.snapshot is None:
        status = reading.error.status if isinstance(reading.error, InstanceError) else Status.ERROR
        why = str(reading.error)
        return Whereabouts(instance, status, why, entry, health=reading.health, group=places.group(entry))
    lives = [live for live in reading.snapshot.torrents if not set(ids).isdisjoint(live.infohashes.ids)]
    lives += [one for found in match(mine, reading.snapshot.torrents) for one in found.lives if one not in lives]
    actions = tuple(action for action in plan.actions if _about(action, entry, lives))
    shown = {str(live.infohashes) for live in lives}
    tags = frozenset(tag for live in lives for tag in live.tags)
    return Whereabouts(
        instance,
        settled(plan, reading.health)[0],
        None,
        entry,
        tuple(lives),
        owner_tag(desired.owner) in tags,
        tuple(name for name in owners(tags) if name != desired.owner),
        _fields(entry, lives[0] if lives else None),
        actions,
        next((one.reason for one in plan.spared if one.infohash in shown), None),
        plan.verdict,
        reading.health,
        places.group(entry),
        places.why(instance, entry),
    )


def _about(action: Action, entry: DesiredTorrent | None, lives: Sequence[LiveTorrent]) -> bool:
    if action.kind is not Kind.TORRENT:
        return False
    return (entry is not None and action.source == entry.at) or action.torrent_id in {live.id for live in lives}


def _fields(entry: DesiredTorrent | None, live: LiveTorrent | None) -> tuple[FieldView, ...]:
    """Every field that has something to show; what differs is what the plan's own diff finds, be it spared or not."""
    found = drift(entry, live) if entry and live and not entry.absent else ()
    differing = {change.field for change in found}
    views = []
    for field in ORDER:
        declared, present = _declared(entry, field), _live(live, field)
        if field in _ALWAYS or field in differing or declared is not None or not _usual(field, present):
            views.append(FieldView(field, declared, present, field in differing))
    return tuple(views)


def _usual(field: str, present: Value) -> bool:
    option = OPTIONS.get(field)
    return present in (None, ()) or (option is not None and option.same(present, option.default))


def _live(live: LiveTorrent | None, field: str) -> Value:
    """What the instance shows of a field; None where it is not there, or shows nothing of it."""
    if live is None or field in ("owner", "export", "creator_task", "peer") or field in CREATE_ONLY:
        return None
    if field in ("content", "content_of"):
        return (live.content_path if field == "content" else True) if MARKS[field] in live.tags else None
    if field in (TRACKERS, WEB_SEEDS):
        return tuple(map(masked, urls_in(live.links, field)))
    if field == "files":
        return tuple(file_text(file, file.priority) for file in live.files or () if file.priority != Priority.NORMAL)
    return live_value(live, field)


def _declared(entry: DesiredTorrent | None, field: str) -> Value:
    """What the entry says of a field, as plans show it."""
    if entry is None or field in ("owner", "quarantine", "held", "creator_task", "peer"):
        return None
    if field in ("content", "content_of", "export"):
        return next((change.after for change in first_values(entry) if change.field == field), None)
    if field in entry.options or field in entry.create_only:
        return entry.options.get(field, entry.create_only.get(field))
    if field in (TRACKERS, WEB_SEEDS):
        return tuple(map(masked, getattr(entry, field))) or None
    if field == "files":
        return tuple(map(str, entry.files)) or None
    one = getattr(entry, field, None)
    if isinstance(one, DesiredTags):
        return tuple(sorted(one.names))
    if isinstance(one, str) and field.endswith("_path"):
        return normal_path(one)
    return one if isinstance(one, (str, bool)) else None
