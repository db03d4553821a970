"""The filters of the list of torrents, each with the number of torrents that it would leave. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import Any, Final

from reconciler.web.catalogue import KnownTorrent
from reconciler.web.client_rows import split_tags
from reconciler.web.rest.listing import Filter

Counts = Mapping[str, int]


def count_facets(
    torrents: Iterable[KnownTorrent], filters: Mapping[str, Filter]
) -> tuple[list[KnownTorrent], Mapping[str, Counts]]:
    """Return the torrents that match all filters, and for each facet the number of torrents by value.

    A facet counts the torrents that match all filters but its own, as another value would show them.
    """
    matching: list[KnownTorrent] = []
    others: dict[str, list[KnownTorrent]] = {name: [] for name in filters}  # that match all filters but this one
    for torrent in torrents:
        failed = ""
        for name, is_match in filters.items():
            if not is_match(torrent):
                if failed:
                    break
                failed = name
        else:
            (others[failed] if failed else matching).append(torrent)
    return matching, {
        name: _count_values(chain(matching, others.get(name, ())), get_raw, split)
        for name, (get_raw, split) in _FACETS.items()
    }


def _count_values(
    torrents: Iterable[KnownTorrent], get_raw: Callable[[KnownTorrent], Any], split: Callable[[Any], Iterable[str]]
) -> Counts:
    """Return the number of torrents by value. Many torrents share a raw value, so that only few are split."""
    counts: Counter[str] = Counter()
    for raw, number in Counter(map(get_raw, torrents)).items():
        for value in split(raw):
            counts[value] += number
    return counts


def _as_one(raw: str) -> tuple[str, ...]:
    return (raw,)


# by the parameter of the filter: a hashable value of a torrent, and the values of the facet in it
_FACETS: Final[Mapping[str, tuple[Callable[[KnownTorrent], Any], Callable[[Any], Iterable[str]]]]] = {
    "sync": (lambda torrent: str(torrent.sync_state), _as_one),
    "state": (lambda torrent: torrent.row["state"], _as_one),
    "instance": (lambda torrent: torrent.instances, tuple),
    "group": (lambda torrent: torrent.entry.instance if torrent.entry else None, lambda name: (name,) if name else ()),
    "category": (lambda torrent: torrent.row.get("category") or "", _as_one),
    "tag": (lambda torrent: torrent.row.get("tags") or "", split_tags),
}
