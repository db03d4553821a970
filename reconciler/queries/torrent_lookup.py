"""Which torrent a text names, among all that are declared or live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reconciler.model.desired import DesiredState, DesiredTorrent
from reconciler.model.explanation import Candidate
from reconciler.model.infohash import InfoHashes
from reconciler.model.lookup import LookupEntry, find_matches, find_similar
from reconciler.model.snapshot import Snapshot


class AmbiguousTorrent(LookupError):
    """The text means no torrent, or several; `candidates` are those that may have been meant."""

    def __init__(self, message: str, candidates: Sequence[Candidate]) -> None:
        super().__init__(message)
        self.candidates = candidates


@dataclass(frozen=True, slots=True)
class TorrentRef:
    """Something that makes a torrent known: an entry, or a live torrent on an instance."""

    infohashes: InfoHashes | None  # None: nobody knows yet which torrent the entry means
    names: tuple[str, ...]
    location: str
    title: str | None  # what it is called best; None: a link's name has to do

    @property
    def ids(self) -> tuple[str, ...]:
        """What it shares with other traces of the same torrent."""
        return self.infohashes.ids if self.infohashes else (self.location,)


def collect_torrent_refs(desired: DesiredState, snapshots: Mapping[str, Snapshot]) -> list[TorrentRef]:
    """Everything that makes torrents known: the entries, and the live torrents of instances."""
    traces = [TorrentRef(one.infohashes, _collect_names(one), str(one.position), one.name) for one in desired.torrents]
    for name, snapshot in snapshots.items():
        traces += [
            TorrentRef(t.infohashes, (t.name,) if t.name else (), name, t.name or None) for t in snapshot.torrents
        ]
    return traces


def _collect_names(entry: DesiredTorrent) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in (entry.name, entry.label) if name and name != entry.infohash))


def find_torrent(text: str, refs: Sequence[TorrentRef], unread_instances: Sequence[str]) -> list[TorrentRef]:
    """All traces of the torrent that is meant. Raises `AmbiguousTorrent`."""
    known = [LookupEntry(trace, trace.infohashes, trace.names) for trace in refs]
    found = _group_by_torrent(find_matches(text, known), refs)
    if len(found) == 1:
        return found[0]
    if found:
        candidates = [_build_candidate(one) for one in found]
        raise AmbiguousTorrent(f'"{text}" is {len(found)} torrents; say which by its infohash', candidates)
    close = [_build_candidate(one) for one in _group_by_torrent(find_similar(text, known), refs)]
    but = f"; {', '.join(unread_instances)} could not be read" if unread_instances else ""
    raise AmbiguousTorrent(f'no torrent is called "{text}", declared or live{but}', close)


def _group_by_torrent(matches: Sequence[TorrentRef], refs: Sequence[TorrentRef]) -> list[list[TorrentRef]]:
    """The traces of each torrent among those found: whatever shares an infohash is one torrent."""
    subjects: list[list[TorrentRef]] = []
    for first in matches:
        if any(first in subject for subject in subjects):
            continue
        ids: set[str] = set(first.ids)
        while more := {k for t in refs if ids.intersection(t.ids) for k in t.ids} - ids:
            ids |= more
        subjects.append([trace for trace in refs if ids.intersection(trace.ids)])
    return subjects


def _build_candidate(refs: Sequence[TorrentRef]) -> Candidate:
    infohash = infohash_text(merge_infohashes(refs))
    return Candidate(choose_title(refs), infohash, tuple(dict.fromkeys(trace.location for trace in refs)))


def choose_title(refs: Sequence[TorrentRef]) -> str:
    """What it is called best."""
    named = [trace.title for trace in refs if trace.title] + [name for trace in refs for name in trace.names]
    return named[0] if named else infohash_text(refs[0].infohashes)


def infohash_text(infohashes: InfoHashes | None) -> str:
    """An infohash for people; "" where none is known."""
    return str(infohashes) if infohashes else ""


def merge_infohashes(refs: Sequence[TorrentRef]) -> InfoHashes | None:
    """What is known of one torrent by all its traces."""
    found = [trace.infohashes for trace in refs if trace.infohashes]
    v1, v2 = next((one.v1 for one in found if one.v1), None), next((one.v2 for one in found if one.v2), None)
    return InfoHashes(v1, v2) if found else None
