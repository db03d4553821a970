"""One qBittorrent in memory, as `apply.target.Target` sees it."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from reconciler.model.errors import InstanceError, Rejected
from reconciler.model.fields import normal_path
from reconciler.model.infohash import InfoHashes
from reconciler.model.magnet import MagnetError, parse_magnet
from reconciler.model.network import NetworkState
from reconciler.model.snapshot import AddOptions, LiveCategory, LiveTorrent, Snapshot

T = TypeVar("T")

WEB_API = {"4.2.5": "2.5.1", "4.5.2": "2.8.19", "5.1.0": "2.11.4", "5.3.0": "2.16.2"}
_BAD_CATEGORY = re.compile(r"^/|/$|//|\\|^$")


Fault = tuple[InstanceError, bool]  # what is raised, and is the request carried out all the same?


class MemoryInstance:
    """An instance of one of the versions of `WEB_API`. Its torrents and categories may be read and set directly.

    Every request is carried out at once and whole. Where a real server refuses, `Rejected` is raised as by a session.
    """

    def __init__(self, version: str = "5.1.0", default_save_path: str = "/downloads") -> None:
        self.version = f"v{version}"
        self.web_api = WEB_API[version]
        self.default_save_path = default_save_path
        self.torrents: dict[str, LiveTorrent] = {}
        self.live_categories: dict[str, LiveCategory] = {}
        self.network_state = NetworkState("lo", "lo" if version >= "5" else None, ("eth0", "lo"), "firewalled", None)
        self.requests = 0
        self._faults: deque[Fault | None] = deque()
        self._api = tuple(int(part) for part in self.web_api.split("."))
        self._v2 = self._api >= (2, 8, 4)  # libtorrent 1.2, before 4.4, knows v1 alone

    @property
    def tags_at_add(self) -> bool:
        """Does an add take tags? Before 4.3.2 it ignores them."""
        return self._api >= (2, 7)

    def copy(self) -> MemoryInstance:
        """Another instance that is in the same state, with the same faults to come."""
        twin = MemoryInstance(self.version[1:], self.default_save_path)
        twin.torrents, twin.live_categories = dict(self.torrents), dict(self.live_categories)
        twin.network_state = self.network_state
        twin.requests, twin._faults = self.requests, self._faults.copy()
        return twin

    def fail_next(self, count: int, error: InstanceError, *, after: bool = False, skip: int = 0) -> None:
        """Let `count` requests fail with `error`, the first `skip` of those to come excepted.

        With `after` they are carried out and only the answer is lost. Replaces what was set before; 0 clears it.
        """
        self._faults = deque([None] * skip + [(error, after)] * count)

    def open(self) -> None:
        """Nothing to do: there is nobody to log in to."""

    def close(self) -> None:
        """Nothing to do."""

    def snapshot(self) -> Snapshot:
        """Every torrent and category."""

        def work() -> Snapshot:
            torrents, categories = tuple(self.torrents.values()), dict(self.live_categories)
            return Snapshot(self.version, self.web_api, torrents, categories, self._v2)

        return self._request(work)

    @property
    def fresh(self) -> bool:
        """Every snapshot is a full read."""
        return True

    def refresh(self) -> Snapshot:
        """Every torrent and category."""
        return self.snapshot()

    def network(self, *, interface: bool, transfer: bool) -> NetworkState:
        """What it says of its network."""
        seen = self.network_state
        bound = NetworkState(seen.interface, seen.interface_name, seen.interfaces) if interface else NetworkState()
        rest = {"connection_status": seen.connection_status, "addresses": seen.addresses} if transfer else {}
        return self._request(lambda: replace(bound, **rest))  # type: ignore[arg-type]

    def categories(self) -> Mapping[str, LiveCategory]:
        """Every category by its name."""
        return self._request(lambda: dict(self.live_categories))

    def read(self, ids: Collection[str]) -> tuple[LiveTorrent, ...]:
        """Those of the given ids that are there."""
        wanted = _checked(ids)
        return self._request(lambda: tuple(self.torrents[key] for key in wanted if key in self.torrents))

    def add(self, magnets: Sequence[str], options: AddOptions) -> None:
        """Add magnet links; one that is there stays as it is, and one that the version does not know is left out."""

        def work() -> None:
            known = {key for torrent in self.torrents.values() for key in torrent.infohashes.ids}
            for uri in magnets:
                self._add(uri, options, known)

        self._request(work)

    def add_tags(self, ids: Collection[str], tags: Collection[str]) -> None:
        """Put tags on."""
        names = _checked(tags)
        self._change(ids, lambda torrent: replace(torrent, tags=torrent.tags | _trimmed(names)))

    def remove_tags(self, ids: Collection[str], tags: Collection[str]) -> None:
        """Take tags off."""
        names = _checked(tags)
        self._change(ids, lambda torrent: replace(torrent, tags=torrent.tags - _trimmed(names)))

    def set_category(self, ids: Collection[str], category: str) -> None:
        """Put into a category that exists. Under automatic management the data follows."""

        def change(torrent: LiveTorrent) -> LiveTorrent:
            if category and category not in self.live_categories:
                raise Rejected("no such category", 409)
            path = self._path_of(category) if torrent.auto_tmm else torrent.save_path
            return replace(torrent, category=category, save_path=path)

        self._change(ids, change)

    def set_location(self, ids: Collection[str], path: str) -> None:
        """Move to an absolute path; management becomes manual."""
        self._change(ids, lambda torrent: replace(torrent, save_path=normal_path(path), auto_tmm=False))

    def rename(self, torrent_id: str, name: str) -> None:
        """Give one torrent its name, on one line and without spaces around it."""

        def work() -> None:
            if torrent_id not in self.torrents:
                raise Rejected("no such torrent", 404)
            text = " ".join(name.splitlines()).strip()
            if not text:
                raise Rejected("a torrent needs a name", 409)
            self.torrents[torrent_id] = replace(self.torrents[torrent_id], name=text)

        self._request(work)

    def stop(self, ids: Collection[str]) -> None:
        """Stop."""
        self._change(ids, lambda torrent: replace(torrent, stopped=True, force_start=False, state=self._state(True)))

    def start(self, ids: Collection[str]) -> None:
        """Start. What was forced is so no longer."""
        change = {"stopped": False, "force_start": False, "state": self._state(False)}
        self._change(ids, lambda torrent: replace(torrent, **change))  # type: ignore[arg-type]

    def force_start(self, ids: Collection[str]) -> None:
        """Start past the queue."""
        state = "forcedMetaDL" if self._api >= (2, 8, 4) else "metaDL"
        self._change(ids, lambda torrent: replace(torrent, stopped=False, force_start=True, state=state))

    def delete(self, ids: Collection[str], delete_files: bool) -> None:
        """Remove. There is no data here, so `delete_files` changes nothing."""
        doomed = _checked(ids)
        self._request(lambda: [self.torrents.pop(key, None) for key in doomed])

    def create_category(self, name: str, save_path: str) -> None:
        """Make a category that is not there."""

        def work() -> None:
            if name in self.live_categories or _BAD_CATEGORY.search(name):
                raise Rejected("the category is there or its name is not allowed", 409)
            self._make_category(name, save_path)

        self._request(work)

    def edit_category(self, category: LiveCategory, save_path: str) -> None:
        """Give a category another path. Its automatic torrents become manual, by the settings a server comes with."""
        name, path = category.name, normal_path(save_path)
        if path == normal_path(category.save_path):
            return

        def work() -> None:
            if name not in self.live_categories:
                raise Rejected("no such category", 404 if self._api >= (2, 15) else 409)
            self.live_categories[name] = replace(self.live_categories[name], save_path=path)
            for key, torrent in self.torrents.items():
                if torrent.category == name and torrent.auto_tmm:
                    # 4.5.2 moves the data first, 4.2.5 and >= 5.1 leave it where it is
                    moves = (2, 8) <= self._api < (2, 11)
                    where = self._path_of(name) if moves else torrent.save_path
                    self.torrents[key] = replace(torrent, auto_tmm=False, save_path=where)

        self._request(work)

    def _request(self, work: Callable[[], T]) -> T:
        self.requests += 1
        error, after = (self._faults.popleft() if self._faults else None) or (None, True)
        if error and not after:
            raise error
        result = work()
        if error:
            raise error
        return result

    def _change(self, ids: Collection[str], change: Callable[[LiveTorrent], LiveTorrent]) -> None:
        """Change those torrents that are there; qBittorrent says nothing about the others."""
        keys = _checked(ids)

        def work() -> None:
            for key in keys:
                if key in self.torrents:
                    self.torrents[key] = change(self.torrents[key])

        self._request(work)

    def _add(self, uri: str, options: AddOptions, known: set[str]) -> None:
        try:
            magnet = parse_magnet(uri)
        except MagnetError:
            return
        v1 = magnet.infohashes.v1
        hashes = magnet.infohashes if self._v2 else InfoHashes(v1) if v1 else None
        if hashes is None or not known.isdisjoint(hashes.ids):
            return
        known.update(hashes.ids)
        category = "" if _BAD_CATEGORY.search(options.category) else options.category
        if category and category not in self.live_categories:
            self._make_category(category, "")
        given = normal_path(options.save_path) if options.save_path else self.default_save_path
        key = hashes.ids[0]
        self.torrents[key] = LiveTorrent(
            key,
            hashes,
            (options.name or "").strip() or magnet.name or str(hashes),
            options.stopped,
            self._state(options.stopped),
            category,
            _trimmed(options.tags) if self.tags_at_add else frozenset(),
            self._path_of(category) if options.auto_tmm else given,
            options.auto_tmm,
        )

    def _make_category(self, name: str, save_path: str) -> None:
        parent = name.rpartition("/")[0]
        if parent and parent not in self.live_categories and self._api >= (2, 15):
            self._make_category(parent, "")
        self.live_categories[name] = LiveCategory(name, normal_path(save_path))

    def _path_of(self, category: str) -> str:
        """Where automatic management keeps a category's data."""
        if not category:
            return self.default_save_path
        known = self.live_categories.get(category)
        return (known.save_path if known else "") or f"{self.default_save_path}/{category}"

    def _state(self, stopped: bool) -> str:
        if not stopped:
            return "metaDL"
        return "stoppedDL" if self._api >= (2, 11) else "pausedDL"


def _checked(items: Collection[str]) -> list[str]:
    if not items or "all" in items:
        raise ValueError("never empty, and never all")
    return list(items)


def _trimmed(tags: Collection[str]) -> frozenset[str]:
    return frozenset(tag.strip() for tag in tags) - {""}
