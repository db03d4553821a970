"""Live torrents as entries of a document.

See docs/decisions/0051-import-only-what-differs-from-a-new-torrent.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress

from reconciler.desired.render import (
    CategoriesByInstance,
    EntrySource,
    ImportedEntry,
    SkippedTorrent,
    YamlEntry,
    can_declare_category,
    format_size,
    read_managed_values,
)
from reconciler.desired.render.document import ALREADY_DECLARED
from reconciler.desired.render.entry import YamlValue
from reconciler.engine.observation import OpenTarget
from reconciler.model.desired import DesiredState
from reconciler.model.fields.names import DOWNLOAD_PATH, SAVE_PATH
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.links import TRACKERS, WEB_SEEDS, build_magnet, has_likely_passkey, parse_link_urls
from reconciler.model.magnet import MagnetError, parse_magnet
from reconciler.model.snapshot import LiveCategory, LiveTorrent, Snapshot
from reconciler.model.tags import IGNORE_TAG, TAG_PREFIX, parse_owners
from reconciler.plan.match import match_entries
from reconciler.retry import RetryPolicy

TorrentSaver = Callable[[str, bytes], str]  # an infohash and a .torrent file -> the path for its entry


@dataclass(frozen=True, slots=True)
class ImportFilter:
    """The torrents to import: those in one of these categories and with one of these tags; an empty tuple: no limit.

    `document_name`: the name of the document in positions.
    """

    document_name: str
    instances: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    def matches(self, live: LiveTorrent) -> bool:
        """True if the torrent is to be imported."""
        return (not self.categories or live.category in self.categories) and (
            not self.tags or not live.tags.isdisjoint(self.tags)
        )


def entries_of(
    desired: DesiredState, import_filter: ImportFilter, instance: str, snapshot: Snapshot, source_builder: SourceBuilder
) -> Iterator[ImportedEntry | SkippedTorrent]:
    """Yield each matching torrent of an instance as an entry, or as skipped with a reason."""
    entries = [entry for entry in desired.torrents if instance in desired.instances_of(entry)]
    declared_ids = {live.id for match in match_entries(entries, snapshot.torrents) for live in match.live_torrents}
    first: dict[str, YamlValue] = {"instance": instance} if len(desired.instances) > 1 else {}
    for live in filter(import_filter.matches, snapshot.torrents):
        infohash = str(live.infohashes)
        title = live.name or infohash
        if reason := ALREADY_DECLARED if live.id in declared_ids else _skip_reason(live, desired.owner):
            yield SkippedTorrent(instance, infohash, title, reason)
            continue
        keys, remarks = read_managed_values(live, snapshot.api_version)
        about = f"{title}, {format_size(live.size)}" if live.size > 0 else title
        entry = YamlEntry(source_builder.build_source(live), first | keys, (about, *remarks))
        yield ImportedEntry(entry, instance, infohash, max(live.size, 0))


class SourceBuilder:
    """Builds the sources of the torrents of one instance: a .torrent file if these are saved, else a magnet link."""

    def __init__(self, target: OpenTarget, retry: RetryPolicy, save_torrent: TorrentSaver | None) -> None:
        self._target = target
        self._retry = retry
        self._save_torrent = save_torrent

    def build_source(self, live: LiveTorrent) -> EntrySource:
        """Return the source of one torrent. Raises `InstanceError`."""
        if self._save_torrent:
            content = self._retry.call_with_retry(lambda: self._target.export_torrent(live.id))
            if content is not None:
                return EntrySource("torrent", self._save_torrent(str(live.infohashes), content))
        return EntrySource("magnet", _build_magnet(live))


def find_undeclared_categories(desired: DesiredState, snapshots: Mapping[str, Snapshot]) -> CategoriesByInstance:
    """Return the undeclared categories of each instance, with their keys.

    Without its path, a torrent under automatic management would be added to another folder next time. They are declared
    for the one instance: a category at the top of a document applies to every instance, also to those to come.
    """
    return {
        instance: {
            name: _build_category_paths(category)
            for name, category in snapshot.categories.items()
            if name not in desired.categories_of(instance) and can_declare_category(name, category.save_path)
        }
        for instance, snapshot in snapshots.items()
    }


def _build_category_paths(category: LiveCategory) -> dict[str, YamlValue]:
    paths: dict[str, YamlValue] = {SAVE_PATH: category.save_path}
    return paths | ({DOWNLOAD_PATH: category.download_path} if category.download_path else {})


def _skip_reason(live: LiveTorrent, owner: str) -> str:
    if IGNORE_TAG in live.tags:
        return f"it has the tag {IGNORE_TAG}"
    others = [name for name in parse_owners(live.tags) if name != owner]
    if others:
        return f'it belongs to the owner "{others[0]}"'
    if any(tag.startswith(f"{TAG_PREFIX}quarantine") for tag in live.tags):
        return "it is in quarantine; declaring it would bring it back"
    if live.is_meant_stopped is None:
        return "it is being checked, which hides whether it is stopped; import it when that is over"
    return ""


def _build_magnet(live: LiveTorrent) -> str:
    """Return a link with the trackers and web seeds of the torrent."""
    return build_magnet(
        live.infohashes, live.name, parse_link_urls(live.links, TRACKERS), parse_link_urls(live.links, WEB_SEEDS)
    )


def may_hold_passkey(source: EntrySource) -> bool:
    """True if a tracker URL seems to hold a passkey: a path other than `/announce`, a query, or a login."""
    if source.key != "magnet":
        return False
    with suppress(MagnetError):
        return any(map(has_likely_passkey, parse_magnet(source.text).trackers))
    return False
