"""One torrent explained: by the very plan that a run would make."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from reconciler.engine.content import snapshots_of
from reconciler.engine.observe import Checkup, connect, looking, read_all
from reconciler.engine.placement_memory import Roster
from reconciler.engine.reading import Connect, Reading
from reconciler.engine.results import settled
from reconciler.engine.run import Planner, utc_now
from reconciler.engine.selection import chosen, with_linked
from reconciler.health.state import History
from reconciler.model.desired import Desired, DesiredTags, DesiredTorrent
from reconciler.model.errors import InstanceError
from reconciler.model.explanation import Explanation, FieldView, Whereabouts
from reconciler.model.fields import file_text, live_value
from reconciler.model.files import Priority
from reconciler.model.history import PastRun
from reconciler.model.infohash import InfoHashes
from reconciler.model.links import TRACKERS, WEB_SEEDS, masked, urls_in
from reconciler.model.options import CREATE_ONLY, OPTIONS
from reconciler.model.paths import normal_path
from reconciler.model.plan import Action, InstancePlan, Kind, Value
from reconciler.model.run import Status
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.tags import MARKS, owner_tag, owners
from reconciler.plan import make_plan
from reconciler.plan.diff import ORDER, drift, first_values
from reconciler.plan.match import match
from reconciler.plan.placement import Placement, place
from reconciler.plan.resolve import resolve
from reconciler.queries.torrent_lookup import hash_text, joined, the_one, title, traces_of
from reconciler.retry import Pace, real_pace

_ALWAYS = ("name", "category", "tags", "save_path", "paused", "protect")  # shown even where there is nothing to say


def fields_of(entry: DesiredTorrent | None, live: LiveTorrent | None) -> tuple[FieldView, ...]:
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


Lately = Callable[[InfoHashes], Sequence[PastRun]]  # the past runs that did something with a torrent, newest first


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
    traces = traces_of(desired, {one.name: snapshots[one.name] for one in selected if one.name in snapshots})
    found = the_one(text, traces, [one.name for one in selected if one.name not in snapshots])
    ids = {key for trace in found for key in trace.ids}
    health = {name: reading.health for name, reading in readings.items() if reading.health}
    known, now = roster.known, utc()
    plan = planner(declared, snapshots, now=now, known=known, health=health)
    plans = {part.name: part for part in plan.instances}
    places = _Places(desired, place(desired, snapshots, known, now))
    parts = tuple(_on(desired, one.name, readings[one.name], plans.get(one.name), ids, places) for one in selected)
    infohashes = joined(found)
    return Explanation(
        title(found),
        hash_text(infohashes),
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
        fields_of(entry, lives[0] if lives else None),
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
