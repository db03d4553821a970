"""From what is live to a document that declares it; together with the files that are there it only adopts.

That is not only intended but tried: before anything is shown, the document is loaded with those files and planned on
the very snapshots it was made from. An entry that would do more than adopt is left out, with the reason.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import quote, urlsplit

from reconciler.apply.pace import Pace, real_pace
from reconciler.control.reading import OpenTarget, Reading, each, read_all
from reconciler.control.run import chosen
from reconciler.desired import DesiredStateError
from reconciler.desired.problems import suggestion
from reconciler.desired.writing import (
    Entry,
    Gathered,
    Left,
    Rendered,
    Source,
    is_category,
    managed_values,
    render,
    size_of,
)
from reconciler.desired.writing.document import DECLARED
from reconciler.desired.writing.scalars import Plain
from reconciler.live import Session
from reconciler.model.desired import Desired, Instance
from reconciler.model.infohash import InfoHashes
from reconciler.model.magnet import Magnet, MagnetError, parse_magnet
from reconciler.model.plan import Action, Verb
from reconciler.model.snapshot import LiveTorrent, Snapshot
from reconciler.model.tags import IGNORE, PREFIX, owners
from reconciler.plan import make_plan
from reconciler.plan.match import match

_HEAD: Final = 0  # no entry has this identity
_ROUNDS: Final = 5  # one is enough unless torrents are on an instance twice


class Library(OpenTarget, Protocol):
    """An instance that can also be asked for what its torrents were made from."""

    def magnets(self) -> Mapping[str, str]:
        """The magnet link of every torrent, by id."""


Merged = Callable[[str, str], Desired]  # the name and the text of a new document -> it and the files that are there
Open = Callable[[Instance, threading.Event], Library]


def open_library(instance: Instance, stop: threading.Event) -> Library:
    """A session on the real Web API of an instance, not yet open."""
    return Session(instance, stop=stop)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be imported: all, or what is in one of these categories and bears one of these tags.

    `name` is what the document is called in positions. Empty collections: no such limit.
    """

    name: str
    instances: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    def takes(self, live: LiveTorrent) -> bool:
        """Is the torrent asked for?"""
        return (not self.categories or live.category in self.categories) and (
            not self.tags or not live.tags.isdisjoint(self.tags)
        )


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
    pace: Pace | None = None,
    connect: Open = open_library,
) -> Imported:
    """Read the instances and declare what they have. Raises `UnknownInstance`, `NotRead`, `NothingLike`, `Stopped`.

    `merged` gives the desired state that the files and the new document are together, or raises `DesiredStateError`.
    """
    pace = pace or real_pace(stop)
    selected = chosen(desired, asked.instances)
    opened: dict[str, Library] = {}

    def remember(instance: Instance, stop: threading.Event) -> OpenTarget:
        opened[instance.name] = target = connect(instance, stop)
        return target

    with read_all(selected, stop, pace, remember) as readings:
        snapshots = {name: _whole(name, reading) for name, reading in readings.items()}
        links = each(snapshots, lambda name: pace.patiently(opened[name].magnets))
    _check_filters(asked, snapshots.values())
    gathered: list[Gathered] = []
    left: list[Left] = []
    for name, snapshot in snapshots.items():
        for found in _declared(desired, asked, name, snapshot, links[name]):
            (gathered if isinstance(found, Gathered) else left).append(found)  # type: ignore[arg-type]
    gathered.sort(key=lambda one: (one.entry.remarks[0].casefold(), one.infohash, one.instance))
    return _Trial(desired, asked, merged, snapshots).settle(gathered, left)


class _Trial:
    """Renders, loads and plans until all that is left only adopts."""

    def __init__(self, desired: Desired, asked: Asked, merged: Merged, snapshots: Mapping[str, Snapshot]) -> None:
        self._desired = desired
        self._asked = asked
        self._merged = merged
        self._snapshots = snapshots
        self._categories = _common_categories(desired, snapshots)

    def settle(self, gathered: list[Gathered], left: list[Left]) -> Imported:
        """The document, without the entries that would do more than adopt."""
        names = tuple(self._snapshots)
        for _ in range(_ROUNDS):
            passkeys = any(_secretive(one.entry.source) for one in gathered)
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
            for part in make_plan(whole, self._snapshots).instances
            for action in part.actions
            if action.source and action.source.file == self._asked.name and not _only_adopts(action)
        }


def _common_categories(desired: Desired, snapshots: Mapping[str, Snapshot]) -> dict[str, str]:
    """Save paths of categories that are alike on every instance there is, and nowhere declared.

    A category at the top of a file is ensured on every instance. Without its path, a torrent under automatic
    management that is ever added again would land somewhere else.
    """
    if set(snapshots) != set(desired.instances):
        return {}
    declared = {name for instance in desired.instances for name in desired.categories_of(instance)}
    first, *others = snapshots.values()
    return {
        name: category.save_path
        for name, category in first.categories.items()
        if name not in declared
        and is_category(name, category.save_path)
        and all(name in o.categories and o.categories[name].save_path == category.save_path for o in others)
    }


def _only_adopts(action: Action) -> bool:
    return action.verb is Verb.ADOPT and not action.hold and all(change.field == "owner" for change in action.changes)


def _whole(name: str, reading: Reading) -> Snapshot:
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


def _declared(
    desired: Desired, asked: Asked, instance: str, snapshot: Snapshot, links: Mapping[str, str]
) -> Iterator[Gathered | Left]:
    entries = [entry for entry in desired.torrents if entry.instance == instance]
    known = {live.id for found in match(entries, snapshot.torrents) for live in found.lives}
    several = len(desired.instances) > 1
    for live in snapshot.torrents:
        if not asked.takes(live):
            continue
        infohash = str(live.infohashes)
        title = live.name or infohash
        reason = DECLARED if live.id in known else _not_ours_to_declare(live, desired.owner)
        magnet = _magnet(live, links.get(live.id, ""))
        if reason or magnet is None:
            yield Left(instance, infohash, title, reason or "its infohash is not usable")
            continue
        keys, remarks = managed_values(live)
        first: dict[str, Plain] = {"instance": instance} if several else {}
        about = f"{title}, {size_of(live.size)}" if live.size > 0 else title
        yield Gathered(
            Entry(Source("magnet", magnet.uri), first | keys, (about, *remarks)), instance, infohash, max(live.size, 0)
        )


def _not_ours_to_declare(live: LiveTorrent, owner: str) -> str:
    if IGNORE in live.tags:
        return f"it has the tag {IGNORE}"
    others = [name for name in owners(live.tags) if name != owner]
    if others:
        return f'it belongs to the owner "{others[0]}"'
    if any(tag.startswith(f"{PREFIX}quarantine") for tag in live.tags):
        return "it is in quarantine; declaring it would bring it back"
    return ""


def _magnet(live: LiveTorrent, link: str) -> Magnet | None:
    """The link that the instance gives, if it names this torrent and no other; else one made of the infohashes."""
    try:
        magnet = parse_magnet(link)
        if set(magnet.infohashes.ids) <= set(live.infohashes.ids):
            return magnet
    except MagnetError:
        pass
    try:
        return parse_magnet(_bare_link(live.infohashes, live.name))
    except MagnetError:
        return None


def _bare_link(infohashes: InfoHashes, name: str) -> str:
    topics = [f"xt=urn:btih:{infohashes.v1}"] if infohashes.v1 else []
    topics += [f"xt=urn:btmh:1220{infohashes.v2}"] if infohashes.v2 else []
    return "magnet:?" + "&".join([*topics, f"dn={quote(name, safe='')}"])


def _secretive(source: Source) -> bool:
    """Does an address in the link look as if it held a passkey: more of a path than `/announce`, a query, a login?"""
    if source.key != "magnet":
        return False
    magnet = parse_magnet(source.text)
    return any(map(_looks_private, magnet.trackers))


def _looks_private(tracker: str) -> bool:
    try:
        parts = urlsplit(tracker)
    except ValueError:
        return True
    return bool(parts.query or parts.username or parts.path.strip("/").removesuffix("announce").strip("/"))
