"""The torrents that a change of a category or a preference alters, whoever owns them: they move, or become manual.

What is not ours is never altered unasked: the guard refuses such a change, and counts ours with the moves.

See docs/decisions/0046-refuse-settings-that-alter-torrents-of-others.md.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from reconciler.model.data_overlap import MAX_OVERLAPS, DataPathIndex
from reconciler.model.paths import is_windows_path
from reconciler.model.plan import Action, AdoptTorrent, Blast
from reconciler.model.preferences import (
    DEFAULT_SAVE_PATH,
    REMOVING_SHARE_LIMIT_ACTIONS,
    SHARE_LIMIT_ACTION_PREFERENCE,
    SHARE_LIMIT_FLAGS,
    SHARE_LIMIT_PREFERENCES,
    PreferenceValue,
)
from reconciler.model.snapshot import LiveTorrent, Snapshot
from reconciler.model.tags import IGNORE_TAG
from reconciler.model.units import GLOBAL_LIMIT
from reconciler.model.versions import DEFAULT_PATH_SPARES_OTHERS, DOWNLOAD_PATH, SUBCATEGORIES
from reconciler.plan.context import PlanContext

TorrentTest = Callable[[LiveTorrent], bool]
PreferenceValues = Mapping[str, PreferenceValue]


def describe_effect(preference: str) -> str:
    """Return the effect of a preference on the torrents that follow it, as a part of a sentence."""
    if preference in SHARE_LIMIT_PREFERENCES:
        return "may be removed by it"
    automatic = "under automatic management may move with it"
    return automatic if preference in (DEFAULT_SAVE_PATH, "use_subcategories") else "may have files moved or renamed"


def make_ownership_check(context: PlanContext, actions: Collection[Action]) -> TorrentTest:
    """Return a function that is True for the torrents that are ours to alter, or that these actions adopt.

    A torrent that is to be ignored is not.
    """
    adopted_ids = {action.torrent_id for action in actions if isinstance(action, AdoptTorrent) and action.hold is None}

    def is_ours(torrent: LiveTorrent) -> bool:
        return (context.is_owned(torrent) or torrent.id in adopted_ids) and IGNORE_TAG not in torrent.tags

    return is_ours


class FollowerFinder:
    """Finds the torrents of an instance that follow a setting. `is_ours` says which of them are ours."""

    def __init__(self, snapshot: Snapshot, is_ours: TorrentTest) -> None:
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

        return self._build_blast_of(is_follower)

    def find_preference_followers(self, name: str, before: PreferenceValues, after: PreferenceValues) -> Blast | None:
        """Return the torrents that a change of a preference alters; None if there are none.

        `before` and `after`: the preferences as far as they are known.
        """
        if name in SHARE_LIMIT_PREFERENCES:
            blast = self._build_blast_of(_RemovalRule(name, before, after).removes)
            return blast and replace(blast, shares_with=())
        is_follower = {
            DEFAULT_SAVE_PATH: self._has_default_path,
            "use_subcategories": self._is_in_subcategory,
            "temp_path": self._has_default_incomplete_path if after.get("temp_path_enabled", True) else None,
            "temp_path_enabled": lambda torrent: torrent.progress < 1 and self._has_default_incomplete_path(torrent),
            "incomplete_files_ext": lambda torrent: torrent.progress < 1 and torrent.bytes_on_disk > 0,
            "use_unwanted_folder": lambda torrent: bool(torrent.content_path),
        }.get(name)
        return self._build_blast_of(is_follower) if is_follower else None

    def _has_default_path(self, torrent: LiveTorrent) -> bool:
        spares_others = DEFAULT_PATH_SPARES_OTHERS.is_available(self._snapshot.api_version)
        return torrent.auto_tmm and not (spares_others and self._has_own_path(torrent.category))

    def _has_own_path(self, category_name: str) -> bool:
        """Return True if the path of a category does not follow from the default path of the server."""
        while category_name:
            category = self._snapshot.categories.get(category_name)
            if category and category.save_path:
                return is_windows_path(category.save_path) is not None
            if not SUBCATEGORIES.is_available(self._snapshot.api_version):
                return False
            category_name = category_name.rpartition("/")[0]
        return False

    def _is_in_subcategory(self, torrent: LiveTorrent) -> bool:
        category = self._snapshot.categories.get(torrent.category)
        return torrent.auto_tmm and "/" in torrent.category and not (category and category.save_path)

    def _has_default_incomplete_path(self, torrent: LiveTorrent) -> bool:
        """Return True if a torrent follows the path for incomplete data, which is the same for all before 4.4.

        A torrent without a category becomes manual when that path changes, even if it is complete.
        """
        if not DOWNLOAD_PATH.is_available(self._snapshot.api_version):
            return torrent.progress < 1 and torrent.size > 0
        category = self._snapshot.categories.get(torrent.category)
        has_own_path = category is not None and category.download_path not in (None, "")
        return torrent.auto_tmm and not has_own_path and (torrent.progress < 1 or not torrent.category)

    def _build_blast_of(self, is_follower: TorrentTest) -> Blast | None:
        return self._build_blast([torrent for torrent in self._snapshot.torrents if is_follower(torrent)])

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


class _RemovalRule:
    """The torrents that the server itself removes at a share limit because a preference changes."""

    def __init__(self, name: str, before: PreferenceValues, after: PreferenceValues) -> None:
        is_removing = after.get(SHARE_LIMIT_ACTION_PREFERENCE) in REMOVING_SHARE_LIMIT_ACTIONS
        enabled = [limit for limit, flag in SHARE_LIMIT_FLAGS.items() if after.get(flag) is True]
        if name != SHARE_LIMIT_ACTION_PREFERENCE:  # its own limit alone, if it begins to count or becomes lower
            enabled = [limit for limit in enabled if name == SHARE_LIMIT_FLAGS[limit] or name == limit]
            enabled = [] if name in SHARE_LIMIT_FLAGS and _is_raised(before.get(name), after.get(name)) else enabled
        self._limits = enabled if is_removing else []

    def removes(self, torrent: LiveTorrent) -> bool:
        """Return True if one of these limits of the server applies to the torrent, and the action at a limit."""
        share = torrent.options.share
        own = {
            "max_ratio": share.ratio,
            "max_seeding_time": share.seeding_time,
            "max_inactive_seeding_time": share.inactive_seeding_time,
        }
        return share.action in (None, "default") and any(own[limit] == GLOBAL_LIMIT for limit in self._limits)


def _is_raised(before: PreferenceValue | None, after: PreferenceValue | None) -> bool:
    """Return True if a limit lets torrents stay longer. A negative limit is none."""
    if not isinstance(before, int | float) or not isinstance(after, int | float):
        return False
    return after < 0 or 0 <= before <= after
