"""The torrents that a change of a category or a preference alters, whoever owns them: they move, or become manual.

What is not ours is never altered unasked: the guard refuses such a change, and counts ours with the moves.

See docs/decisions/0046-refuse-settings-that-alter-torrents-of-others.md.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import cached_property

from reconciler.model.data_overlap import MAX_OVERLAPS, DataPathIndex
from reconciler.model.paths import is_windows_path
from reconciler.model.plan import Action, AdoptTorrent, Blast
from reconciler.model.preferences import DEFAULT_SAVE_PATH
from reconciler.model.snapshot import LiveTorrent, Snapshot
from reconciler.model.tags import IGNORE_TAG
from reconciler.plan.context import PlanContext


def make_ownership_check(context: PlanContext, actions: Collection[Action]) -> Callable[[LiveTorrent], bool]:
    """Return a function that is True for the torrents that are ours to alter, or that these actions adopt.

    A torrent that is to be ignored is not.
    """
    adopted_ids = {action.torrent_id for action in actions if isinstance(action, AdoptTorrent) and action.hold is None}

    def is_ours(torrent: LiveTorrent) -> bool:
        return (context.is_owned(torrent) or torrent.id in adopted_ids) and IGNORE_TAG not in torrent.tags

    return is_ours


class FollowerFinder:
    """Finds the torrents of an instance that follow a setting. `is_ours` says which of them are ours."""

    def __init__(self, snapshot: Snapshot, is_ours: Callable[[LiveTorrent], bool]) -> None:
        self._snapshot = snapshot
        self._is_ours = is_ours

    def find_category_followers(self, name: str) -> Blast | None:
        """Return the torrents under automatic management whose path follows from a category; None if there are none."""
        within = f"{name}/"
        categories = self._snapshot.categories.items()
        own_paths = [other for other, category in categories if category.save_path and other.startswith(within)]

        def is_follower(torrent: LiveTorrent) -> bool:
            category = torrent.category
            inside = category == name or category.startswith(within)
            return (
                torrent.auto_tmm
                and inside
                and not any(category == parent or category.startswith(parent + "/") for parent in own_paths)
            )

        return self._build_blast([torrent for torrent in self._snapshot.torrents if is_follower(torrent)])

    def find_preference_followers(self, name: str) -> Blast | None:
        """Return the torrents that a change of a preference alters; None if there are none."""
        if name != DEFAULT_SAVE_PATH:
            return None
        return self._build_blast([torrent for torrent in self._snapshot.torrents if self._has_default_path(torrent)])

    def _has_default_path(self, torrent: LiveTorrent) -> bool:
        category = self._snapshot.categories.get(torrent.category)
        return torrent.auto_tmm and is_windows_path(category.save_path if category else "") is None

    def _build_blast(self, followers: Sequence[LiveTorrent]) -> Blast | None:
        if not followers:
            return None
        infohashes = {str(torrent.infohashes) for torrent in followers}
        shared = {other for torrent in followers for other in self._index.find_overlaps(torrent, infohashes)}
        owned_ids = {torrent.id for torrent in followers if self._is_ours(torrent)}
        return Blast(
            len(followers),
            sum(torrent.bytes_on_disk for torrent in followers),
            shares_with=tuple(sorted(shared)[:MAX_OVERLAPS]),
            owned_ids=tuple(sorted(owned_ids)),
            foreign_ids=tuple(sorted(torrent.id for torrent in followers if torrent.id not in owned_ids)),
        )

    @cached_property
    def _index(self) -> DataPathIndex:
        return DataPathIndex(self._snapshot.torrents)
