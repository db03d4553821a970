"""Matches of entries and live torrents. Identity is the infohash, never the name."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import chain

from reconciler.model.desired import DesiredTorrent
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.snapshot import LiveTorrent
from reconciler.plan.assignment import Assignment


@dataclass(frozen=True, slots=True)
class Match:
    """An entry on an instance, with the live torrents that it could mean there.

    `conflict`: why they are ambiguous. `assignment`: for an entry of a group, why it is to be on this instance or not.
    """

    entry: DesiredTorrent
    live_torrents: tuple[LiveTorrent, ...] = ()
    conflict: str | None = None
    assignment: Assignment | None = None

    @property
    def live(self) -> LiveTorrent | None:
        """The live torrent it means; the first of them where a conflict made them several."""
        return self.live_torrents[0] if self.live_torrents else None

    def assign(self, assignment: Assignment) -> Match:
        """Return the match with the assignment of its entry to this instance."""
        return Match(self.entry, self.live_torrents, self.conflict, assignment)


def match_entries(entries: Sequence[DesiredTorrent], torrents: Sequence[LiveTorrent]) -> list[Match]:
    """Pair every entry with its live torrent under any id the two could share.

    A hybrid torrent can be on an instance twice, once by each of its hashes, and two entries can turn out to be
    one torrent once its metadata is known, or what content became; these are conflicts that a person has to settle.
    """
    index = index_live_torrents(torrents)
    matched = [_find_live_torrents(entry, index) for entry in entries] if index else [()] * len(entries)
    claimed = list(map(_list_claimed_ids, entries, matched))
    contested = {key for key, count in Counter(chain.from_iterable(claimed)).items() if count > 1}
    if not contested and max(map(len, matched), default=0) < 2:
        return list(map(Match, entries, matched))
    claims: defaultdict[str, list[DesiredTorrent]] = defaultdict(list)
    for entry, ids in zip(entries, claimed, strict=True):
        for key in contested.intersection(ids):
            claims[key].append(entry)
    return [
        Match(entry, live_torrents, _conflict_reason(live_torrents, ids, claims))
        for entry, live_torrents, ids in zip(entries, matched, claimed, strict=True)
    ]


def index_live_torrents(torrents: Sequence[LiveTorrent]) -> dict[str, LiveTorrent]:
    """Live torrents under every id that they could be meant by."""
    index = {key: torrent for torrent in torrents for key in torrent.infohashes.ids}
    index.update({torrent.id: torrent for torrent in torrents})  # an id of its own beats a hash that it shares
    return index


def _find_live_torrents(entry: DesiredTorrent, index: Mapping[str, LiveTorrent]) -> tuple[LiveTorrent, ...]:
    torrents = [index[key] for key in entry.ids if key in index]
    if len(torrents) < 2:
        return tuple(torrents)
    torrents_by_id = {torrent.id: torrent for torrent in torrents}
    return tuple(torrents_by_id[key] for key in sorted(torrents_by_id))


def _list_claimed_ids(entry: DesiredTorrent, live_torrents: Sequence[LiveTorrent]) -> Sequence[str]:
    """Return the ids that no other entry may claim.

    The ids of its live torrents, or else the ids that it would be added with.
    """
    return [live.id for live in live_torrents] if live_torrents else entry.ids


def _conflict_reason(
    live_torrents: Sequence[LiveTorrent], claimed_ids: Sequence[str], claims: Mapping[str, Sequence[DesiredTorrent]]
) -> str | None:
    if len(live_torrents) > 1:
        ids = " and ".join(live.id for live in live_torrents)
        return f"it is on the instance twice, as {ids}; remove one of them in qBittorrent"
    for key in claimed_ids:
        if key in claims:
            positions = " and ".join(sorted(str(claimant.position) for claimant in claims[key]))
            return f"{positions} are one torrent ({key}); keep one of these entries"
    return None
