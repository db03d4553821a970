"""The memory of adds whose tag must follow: a run that ends in between leaves torrents that nobody owns.

See docs/decisions/0016-remember-adds-until-they-have-their-tag.md.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from reconciler.engine.observation import Observation
from reconciler.model.desired import DesiredState
from reconciler.model.history import AddKey, UntaggedAdds
from reconciler.model.plan import AddTorrent, AdoptTorrent, Outcome
from reconciler.model.run import InstanceResult
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.tags import IGNORE_TAG, parse_owners

SaveAdds = Callable[[AddKey, UntaggedAdds | None], bool]  # None: forget them. True if it was saved

FORGET_AFTER: Final = timedelta(hours=1)  # without appearing: a busy server may list an add late, but not that late
_NO_ADDS: Final[Mapping[AddKey, UntaggedAdds]] = MappingProxyType({})


def _save_nothing(_key: AddKey, _adds: UntaggedAdds | None) -> bool:
    return False


class AddMemory:
    """Remembers adds from before they are sent until their tag is seen. Instances may record theirs at the same time.

    `saved`: the adds that earlier processes left. `save` keeps a change for later processes.
    """

    def __init__(self, saved: Mapping[AddKey, UntaggedAdds] = _NO_ADDS, save: SaveAdds = _save_nothing) -> None:
        self._adds = dict(saved)
        self._unsaved: set[AddKey] = set()
        self._save = save
        self._lock = threading.Lock()

    def get_ids(self, desired: DesiredState) -> dict[str, frozenset[str]]:
        """Return the ids of the torrents that may lack the tag of this owner, by instance."""
        return {key.instance: self._adds[key].ids for key in self._list_keys(desired)}

    def record_adds(self, key: AddKey, ids: Collection[str], now: datetime) -> bool:
        """Remember adds that are about to be sent. Return True if a later process will know them."""
        with self._lock:
            present = self._adds.get(key)
            adds = UntaggedAdds(frozenset(ids) | (present.ids if present else frozenset()), now)
            self._adds[key] = adds
            return self._save(key, adds)

    def record_observations(
        self, observations: Mapping[str, Observation], desired: DesiredState, now: datetime
    ) -> None:
        """Forget the torrents that have an owner or are ignored, and torrents that have not appeared for an hour."""
        for key in self._list_keys(desired):
            observation = observations.get(key.instance)
            if observation is None or observation.snapshot is None:
                continue
            adds = self._adds[key]
            torrents = observation.snapshot.torrents
            live = {torrent_id: torrent for torrent in torrents for torrent_id in _list_ids(torrent)}
            is_over = now - adds.added_at >= FORGET_AFTER
            decided = {torrent_id for torrent_id in adds.ids & live.keys() if _is_decided(live[torrent_id])}
            self._forget(key, decided | (adds.ids - live.keys() if is_over else set()))

    def record_results(self, results: Iterable[InstanceResult], desired: DesiredState) -> None:
        """Forget the torrents that a run has tagged, and save what has changed."""
        keys = {key.instance: key for key in self._list_keys(desired)}
        for result in results:
            if key := keys.get(result.name):
                applied = [item.action for item in result.results if item.outcome is Outcome.APPLIED]
                added = {
                    torrent_id
                    for action in applied
                    if isinstance(action, AddTorrent) and action.source
                    for torrent_id in action.source.infohashes.ids
                }
                self._forget(key, added | {action.torrent_id for action in applied if isinstance(action, AdoptTorrent)})
        for key in tuple(self._unsaved):
            if self._save(key, self._adds.get(key)):
                self._unsaved.discard(key)

    def _list_keys(self, desired: DesiredState) -> set[AddKey]:
        """Return the instances with remembered adds. Nearly always there are none, and nothing is to be looked up."""
        if not self._adds:
            return set()
        keys = {AddKey(desired.owner, instance.name, instance.url) for instance in desired.instances.values()}
        return keys & self._adds.keys()

    def _forget(self, key: AddKey, ids: Collection[str | None]) -> None:
        remaining = self._adds[key].ids.difference(ids)
        if remaining == self._adds[key].ids:
            return
        self._unsaved.add(key)
        if remaining:
            self._adds[key] = replace(self._adds[key], ids=remaining)
        else:
            del self._adds[key]


def _is_decided(torrent: LiveTorrent) -> bool:
    """Return True if its tags say whose it is: we do not adopt it later."""
    return IGNORE_TAG in torrent.tags or bool(parse_owners(torrent.tags))


def _list_ids(torrent: LiveTorrent) -> tuple[str, ...]:
    return torrent.id, *torrent.infohashes.ids
