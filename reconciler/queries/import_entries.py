"""One live torrent after another as an entry, or why it is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from reconciler.desired.render import Entry, Gathered, Left, Source, is_category, managed_values, size_of
from reconciler.desired.render.document import DECLARED
from reconciler.desired.render.entry import Plain
from reconciler.engine.reading import OpenTarget
from reconciler.model.desired import Desired
from reconciler.model.links import TRACKERS, WEB_SEEDS, link_of, looks_private, urls_in
from reconciler.model.magnet import MagnetError, parse_magnet
from reconciler.model.snapshot import LiveCategory, LiveTorrent, Snapshot
from reconciler.model.tags import IGNORE, PREFIX, owners
from reconciler.plan.match import match
from reconciler.retry import Pace

Keep = Callable[[str, bytes], str]  # an infohash and a .torrent file -> the path that an entry names it by


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


def declared(
    desired: Desired, asked: Asked, instance: str, snapshot: Snapshot, sources: Sources
) -> Iterator[Gathered | Left]:
    """Each torrent that is asked for, as an entry, or why it is left out."""
    entries = [entry for entry in desired.torrents if instance in desired.places_of(entry)]
    known = {live.id for found in match(entries, snapshot.torrents) for live in found.lives}
    first: dict[str, Plain] = {"instance": instance} if len(desired.instances) > 1 else {}
    for live in filter(asked.takes, snapshot.torrents):
        infohash = str(live.infohashes)
        title = live.name or infohash
        if reason := DECLARED if live.id in known else _not_ours_to_declare(live, desired.owner):
            yield Left(instance, infohash, title, reason)
            continue
        keys, remarks = managed_values(live, snapshot.api)
        about = f"{title}, {size_of(live.size)}" if live.size > 0 else title
        entry = Entry(sources.of(live), first | keys, (about, *remarks))
        yield Gathered(entry, instance, infohash, max(live.size, 0))


class Sources:
    """What the torrents of one instance can be had by again: a .torrent file where files are kept, else a magnet."""

    def __init__(self, target: OpenTarget, pace: Pace, keep: Keep | None) -> None:
        self._target = target
        self._pace = pace
        self._keep = keep

    def of(self, live: LiveTorrent) -> Source:
        """The source of one torrent. Raises `InstanceError`."""
        if self._keep:
            content = self._pace.patiently(partial(self._target.export, live.id))
            if content is not None:
                return Source("torrent", self._keep(str(live.infohashes), content))
        return Source("magnet", _magnet(live))


def common_categories(desired: Desired, snapshots: Mapping[str, Snapshot]) -> dict[str, dict[str, Plain]]:
    """The paths of categories that are alike on every instance there is, and nowhere declared.

    A category at the top of a file is ensured on every instance. Without its path, a torrent under automatic
    management that is ever added again would land somewhere else.
    """
    if set(snapshots) != set(desired.instances):
        return {}
    declared = {name for instance in desired.instances for name in desired.categories_of(instance)}
    first, *others = snapshots.values()
    return {
        name: _paths(category, [other.categories[name] for other in others])
        for name, category in first.categories.items()
        if name not in declared
        and is_category(name, category.save_path)
        and all(name in o.categories and o.categories[name].save_path == category.save_path for o in others)
    }


def _paths(category: LiveCategory, others: Sequence[LiveCategory]) -> dict[str, Plain]:
    """What an entry says of it; of the download path nothing where the server's own setting holds on one of them."""
    paths: dict[str, Plain] = {"save_path": category.save_path}
    alike = all(other.download_path == category.download_path for other in others)
    return paths | ({"download_path": category.download_path} if alike and category.download_path else {})


def _not_ours_to_declare(live: LiveTorrent, owner: str) -> str:
    if IGNORE in live.tags:
        return f"it has the tag {IGNORE}"
    others = [name for name in owners(live.tags) if name != owner]
    if others:
        return f'it belongs to the owner "{others[0]}"'
    if any(tag.startswith(f"{PREFIX}quarantine") for tag in live.tags):
        return "it is in quarantine; declaring it would bring it back"
    return ""


def _magnet(live: LiveTorrent) -> str:
    """A link with the trackers and web seeds that it has."""
    return link_of(live.infohashes, live.name, urls_in(live.links, TRACKERS), urls_in(live.links, WEB_SEEDS))


def secretive(source: Source) -> bool:
    """Does an address in the link look as if it held a passkey: more of a path than `/announce`, a query, a login?"""
    if source.key != "magnet":
        return False
    with suppress(MagnetError):
        return any(map(looks_private, parse_magnet(source.text).trackers))
    return False
