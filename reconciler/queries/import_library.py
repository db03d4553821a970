"""From what is live to a document that declares it; together with the files that are there it only adopts.

That is not only intended but tried: before anything is shown, the document is loaded with those files and planned on
the very snapshots it was made from. An entry that would do more than adopt is left out, with the reason.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from reconciler.desired import DesiredStateError
from reconciler.desired.messages import suggestion
from reconciler.desired.render import Gathered, Left, Rendered, render
from reconciler.engine.observe import read, read_all
from reconciler.engine.reading import Needs, OpenTarget, Reading
from reconciler.engine.run import utc_now
from reconciler.engine.selection import chosen
from reconciler.model.desired import Desired, Instance
from reconciler.model.errors import InstanceError, Stopped
from reconciler.model.plan import Action, Verb
from reconciler.model.snapshot import Snapshot
from reconciler.plan import make_plan
from reconciler.qbittorrent import Session
from reconciler.queries.import_entries import Asked, Keep, Sources, common_categories, declared, secretive
from reconciler.retry import Pace, real_pace

_HEAD: Final = 0  # no entry has this identity
_ROUNDS: Final = 5  # one is enough unless torrents are on an instance twice


Merged = Callable[[str, str], Desired]  # the name and the text of a new document -> it and the files that are there
Open = Callable[[Instance, threading.Event], OpenTarget]


def open_library(instance: Instance, stop: threading.Event) -> OpenTarget:
    """A session on the real Web API of an instance, not yet open."""
    return Session(instance, stop=stop)


@dataclass(frozen=True, slots=True)
class Imported:
    """The document. `passkeys`: does it hold what looks like one?"""

    text: str
    torrents: int
    instances: tuple[str, ...]
    left: tuple[Left, ...]
    passkeys: bool


class NotRead(Exception):
    """An instance could not be read, so that nothing can be said about what is there."""


class NothingLike(ValueError):
    """No torrent has the category or the tag that was asked for."""


def import_library(
    desired: Desired,
    asked: Asked,
    merged: Merged,
    stop: threading.Event,
    *,
    keep: Keep | None = None,
    pace: Pace | None = None,
    connect: Open = open_library,
) -> Imported:
    """Read the instances and declare what they have. Raises `UnknownInstance`, `NotRead`, `NothingLike`, `Stopped`.

    `merged` gives the desired state that the files and the new document are together, or raises `DesiredStateError`.
    With `keep`, torrents are given by .torrent files that it stores, where they have metadata.
    """
    pace = pace or real_pace(stop)
    selected = chosen(desired, asked.instances)
    opened: dict[str, OpenTarget] = {}
    gathered: list[Gathered] = []
    left: list[Left] = []

    def remember(instance: Instance, stop: threading.Event) -> OpenTarget:
        opened[instance.name] = target = connect(instance, stop)
        return target

    with read_all(selected, stop, lambda _, target: read(target, pace, Needs()), remember) as readings:
        snapshots = {name: _whole(name, reading) for name, reading in readings.items()}
        _check_filters(asked, snapshots.values())
        for name, snapshot in snapshots.items():
            try:
                for found in declared(desired, asked, name, snapshot, Sources(opened[name], pace, keep)):
                    gathered += [found] if isinstance(found, Gathered) else []
                    left += [found] if isinstance(found, Left) else []
            except InstanceError as error:
                raise NotRead(str(error)) from error
    gathered.sort(key=lambda one: (one.entry.remarks[0].casefold(), one.infohash, one.instance))
    return _Trial(desired, asked, merged, snapshots).settle(gathered, left)


class _Trial:
    """Renders, loads and plans until all that is left only adopts."""

    def __init__(self, desired: Desired, asked: Asked, merged: Merged, snapshots: Mapping[str, Snapshot]) -> None:
        self._desired = desired
        self._asked = asked
        self._merged = merged
        self._snapshots = snapshots
        self._categories = common_categories(desired, snapshots)

    def settle(self, gathered: list[Gathered], left: list[Left]) -> Imported:
        """The document, without the entries that would do more than adopt."""
        names = tuple(self._snapshots)
        for _ in range(_ROUNDS):
            passkeys = any(secretive(one.entry.source) for one in gathered)
            used = {one.entry.keys.get("category") for one in gathered}
            categories = {name: path for name, path in self._categories.items() if name in used}
            rendered = render(gathered, left, names, categories, passkeys=passkeys)
            refused = self._refused(rendered)
            if refused.pop(_HEAD, None):
                self._categories = {}
            elif not refused:
                return Imported(rendered.text, len(gathered), names, tuple(left), passkeys)
            left = left + [
                Left(one.instance, one.infohash, one.entry.remarks[0], refused[id(one.entry)])
                for one in gathered
                if id(one.entry) in refused
            ]
            gathered = [one for one in gathered if id(one.entry) not in refused]
        raise RuntimeError("an import that does not settle")

    def _refused(self, rendered: Rendered) -> dict[int, str]:
        """Why entries cannot stay, by their identity; `_HEAD` where it is what stands above them."""

        def entry_at(line: int) -> int:
            found = bisect_right(rendered.starts, line) - 1
            return _HEAD if found < 0 else id(rendered.entries[found])

        try:
            whole = self._merged(self._asked.name, rendered.text)
        except DesiredStateError as error:
            ours = [problem for problem in error.problems if problem.at.file == self._asked.name]
            if not ours:
                raise
            return {entry_at(problem.at.line): problem.message for problem in ours}
        return {
            entry_at(action.source.line): action.reason
            for part in make_plan(whole, self._snapshots, now=utc_now()).instances
            for action in part.actions
            if action.source and action.source.file == self._asked.name and not _only_adopts(action)
        }


def _only_adopts(action: Action) -> bool:
    """Does it no more than that, but for what the kill switch does with every torrent of ours that it holds?"""
    fields = {change.field for change in action.changes}
    let_go = {"held", "paused", "force_start"} if "held" in fields else set()
    return not action.hold and fields <= {"owner"} | let_go and (action.verb is Verb.ADOPT or bool(let_go))


def _whole(name: str, reading: Reading) -> Snapshot:
    if isinstance(reading.error, Stopped):
        raise reading.error
    if reading.snapshot is None:
        raise NotRead(str(reading.error) or name) from reading.error
    return reading.snapshot


def _check_filters(asked: Asked, snapshots: Collection[Snapshot]) -> None:
    """A filter that nothing can pass is a slip of the pen."""
    categories = {""}.union(*(snapshot.categories for snapshot in snapshots))
    categories.update(live.category for snapshot in snapshots for live in snapshot.torrents)
    tags = {tag for snapshot in snapshots for live in snapshot.torrents for tag in live.tags}
    for what, wanted, known in (("category", asked.categories, categories), ("tag", asked.tags, tags)):
        for name in wanted:
            if name not in known:
                near = suggestion(name, tuple(sorted(known)))
                raise NothingLike(f'no torrent there has the {what} "{name}"' + (f". {near}" if near else ""))
