"""The torrent that a text names, among all declared and live torrents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.model.desired import DesiredState, DesiredTorrent
from reconciler.model.explanation import Candidate
from reconciler.model.infohash import InfoHashes
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.lookup import LookupEntry, find_matches, find_similar
from reconciler.model.snapshot import Snapshot


class AmbiguousTorrent(LookupError):
    """The text names no torrent, or several. `candidates`: the torrents that it may mean."""

    def __init__(self, message: str, candidates: Sequence[Candidate]) -> None:
        super().__init__(message)
        self.candidates = candidates


class TorrentNotFound(AmbiguousTorrent):
    """The text names no declared or live torrent. `candidates`: torrents with similar names."""


@dataclass(frozen=True, slots=True)
class TorrentRef:
    """A reference to a torrent: an entry, or a live torrent on an instance."""

    infohashes: InfoHashes | None  # None: not known yet
    names: tuple[str, ...]
    location: str
    title: str | None  # the preferred name; None: only a link names it

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids that it shares with other references to the same torrent."""
        return self.infohashes.ids if self.infohashes else (self.location,)


def collect_torrent_refs(desired: DesiredState, snapshots: Mapping[str, Snapshot]) -> list[TorrentRef]:
    """Return a reference for every entry and for every live torrent."""
    refs = [
        TorrentRef(entry.infohashes, _collect_names(entry), str(entry.position), entry.name)
        for entry in desired.torrents
    ]
    for name, snapshot in snapshots.items():
        refs += [
            TorrentRef(live.infohashes, (live.name,) if live.name else (), name, live.name or None)
            for live in snapshot.torrents
        ]
    return refs


def _collect_names(entry: DesiredTorrent) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in (entry.name, entry.label) if name and name != entry.infohash))


def find_torrent(text: str, refs: Sequence[TorrentRef], unread_instances: Sequence[str]) -> list[TorrentRef]:
    """Return all references to the torrent that a text names. Raises `AmbiguousTorrent`."""
    lookup_entries = [LookupEntry(ref, ref.infohashes, ref.names) for ref in refs]
    matches = _group_by_torrent(find_matches(text, lookup_entries), refs)
    if len(matches) == 1:
        return matches[0]
    if matches:
        candidates = [_build_candidate(match) for match in matches]
        raise AmbiguousTorrent(f'"{text}" matches {len(matches)} torrents; use an infohash instead', candidates)
    similar = [_build_candidate(match) for match in _group_by_torrent(find_similar(text, lookup_entries), refs)]
    unread = f"; {', '.join(unread_instances)} could not be read" if unread_instances else ""
    raise TorrentNotFound(f'no declared or live torrent matches "{text}"{unread}', similar)


def _group_by_torrent(matches: Sequence[TorrentRef], refs: Sequence[TorrentRef]) -> list[list[TorrentRef]]:
    """Return all references to each matching torrent. References that share an infohash are one torrent."""
    torrents: list[list[TorrentRef]] = []
    for first in matches:
        if any(first in torrent for torrent in torrents):
            continue
        ids: set[str] = set(first.ids)
        while more := {key for ref in refs if ids.intersection(ref.ids) for key in ref.ids} - ids:
            ids |= more
        torrents.append([ref for ref in refs if ids.intersection(ref.ids)])
    return torrents


def _build_candidate(refs: Sequence[TorrentRef]) -> Candidate:
    infohash = infohash_text(merge_infohashes(refs))
    return Candidate(choose_title(refs), infohash, tuple(dict.fromkeys(ref.location for ref in refs)))


def choose_title(refs: Sequence[TorrentRef]) -> str:
    """Return the best name of a torrent."""
    names = [ref.title for ref in refs if ref.title] + [name for ref in refs for name in ref.names]
    return names[0] if names else infohash_text(refs[0].infohashes)


def infohash_text(infohashes: InfoHashes | None) -> str:
    """Return an infohash as text; "" if there is none."""
    return str(infohashes) if infohashes else ""


def merge_infohashes(refs: Sequence[TorrentRef]) -> InfoHashes | None:
    """Merge the infohashes of all references to one torrent."""
    infohashes = [ref.infohashes for ref in refs if ref.infohashes]
    v1 = next((hashes.v1 for hashes in infohashes if hashes.v1), None)
    v2 = next((hashes.v2 for hashes in infohashes if hashes.v2), None)
    return InfoHashes(v1, v2) if infohashes else None
