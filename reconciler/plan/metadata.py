"""The copies on other instances that torrents without metadata can get it from.

A magnet link brings no metadata, and neither does an infohash. A torrent that another instance has with its metadata is
added by the .torrent file that this instance exports, so that it needs no peer for it: it may be private, or alone.

See docs/decisions/0085-the-metadata-goes-along.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Final

from reconciler.model.desired import DesiredTorrent
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.plan import MetadataSource
from reconciler.model.snapshot import LiveTorrent, Snapshot
from reconciler.model.tags import IGNORE_TAG, parse_owners
from reconciler.model.versions import METADATA_BY_FILE, TORRENT_EXPORT


@dataclass(frozen=True, slots=True)
class _Holder:
    """A copy with metadata. `rank`: the lowest is the best source."""

    rank: tuple[bool, bool, str]
    instance: str
    torrent_id: str

    @property
    def can_export(self) -> bool:
        return not self.rank[0]


@dataclass(frozen=True)
class MetadataHolders:
    """The torrents with metadata on all instances that were read, but for those of other owners."""

    owner: str
    snapshots: Mapping[str, Snapshot]

    def find_source(self, entry: DesiredTorrent, instance: str) -> MetadataSource | None:
        """Return the copy that `instance` can get the metadata of an entry from; None if it needs none, or has none."""
        holder = self._find_holder(entry, instance) if len(self.snapshots) > 1 else None
        if holder is None or entry.has_metadata or not holder.can_export:
            return None
        return MetadataSource(holder.instance, holder.torrent_id)

    def explain_lack(self, entry: DesiredTorrent, instance: str) -> str:
        """Return in a clause why a torrent on `instance` does not get its metadata from another instance."""
        holder = self._find_holder(entry, instance)
        if holder is None:
            return "no peer has sent it, and no other instance has it"
        snapshot = self.snapshots[instance]
        if not holder.can_export:
            version = self.snapshots[holder.instance].version
            lack = f"qBittorrent {version} cannot export it; {TORRENT_EXPORT.release} and later can"
            return f"no peer has sent it, and {holder.instance} has it, but {lack}"
        if not METADATA_BY_FILE.is_available(snapshot.api_version):
            lack = f"qBittorrent {snapshot.version} takes none for a torrent that is there"
            return f"{holder.instance} has it, but {lack}; remove the torrent in qBittorrent, and it is added with it"
        return f"no peer has sent it; {holder.instance} has it"

    def _find_holder(self, entry: DesiredTorrent, instance: str) -> _Holder | None:
        if len(self.snapshots) < 2:
            return None
        holders = (self._holders[key] for key in entry.ids if key in self._holders)
        return next((holder for holder in holders if holder.instance != instance), None)

    @cached_property
    def _holders(self) -> Mapping[str, _Holder]:
        """The best copy of each torrent, by every id."""
        holders: dict[str, _Holder] = {}
        for name, snapshot in self.snapshots.items():
            cannot_export = not TORRENT_EXPORT.is_available(snapshot.api_version)
            for live in snapshot.torrents:
                if self._is_usable(live):
                    holder = _Holder((cannot_export, live.progress < 1, name), name, live.id)
                    for key in {live.id, *live.infohashes.ids}:
                        holders[key] = min(holders.get(key, holder), holder, key=lambda candidate: candidate.rank)
        return holders

    def _is_usable(self, live: LiveTorrent) -> bool:
        return live.has_metadata and IGNORE_TAG not in live.tags and set(parse_owners(live.tags)) <= {self.owner}


NO_HOLDERS: Final = MetadataHolders("", MappingProxyType({}))
