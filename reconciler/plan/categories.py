"""Categories: declared ones, missing ones that a torrent needs, and unused ones.

See docs/decisions/0005-create-missing-categories-visibly-in-the-plan.md.
See docs/decisions/0043-prune-only-undeclared-empty-categories.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from reconciler.model import versions
from reconciler.model.desired import DesiredCategory, Policy
from reconciler.model.fields.names import CATEGORY, DOWNLOAD_PATH, SAVE_PATH
from reconciler.model.paths import normalize_path
from reconciler.model.plan import (
    Action,
    AddCategory,
    Change,
    DeleteCategory,
    DeleteTorrent,
    Outcome,
    SparedTorrent,
    UpdateCategory,
)
from reconciler.model.snapshot import LiveCategory, Snapshot
from reconciler.plan.blast import follower_text
from reconciler.plan.followers import FollowerFinder
from reconciler.plan.platform import foreign_path_reason


def plan_categories(
    declared: Mapping[str, DesiredCategory],
    snapshot: Snapshot,
    policy: Policy,
    torrent_actions: Iterable[Action],
    followers: FollowerFinder,
) -> Sequence[Action | SparedTorrent]:
    """Plan declared categories, and missing ones that torrents need: qBittorrent would create those without a path."""
    decisions: list[Action | SparedTorrent] = []
    for category in declared.values():
        live = snapshot.categories.get(category.name)
        decisions += _ensure_category(category, live, snapshot, policy, followers)
    for name, users in _count_missing_categories(torrent_actions, {*declared, *snapshot.categories}).items():
        reason = f"used by {users} torrent{'s' if users > 1 else ''}, not on the instance and not declared"
        decisions.append(AddCategory(name, reason))
    return decisions


def find_category_paths(declared: Mapping[str, DesiredCategory], snapshot: Snapshot) -> dict[str, str]:
    """Return the path of each category that has one of its own, once the declared categories are as declared."""
    paths = {name: category.save_path for name, category in snapshot.categories.items()}
    paths |= {name: category.save_path for name, category in declared.items() if category.save_path is not None}
    return {name: path for name, path in paths.items() if path}


def prune_categories(
    declared: Mapping[str, DesiredCategory], snapshot: Snapshot, policy: Policy, torrent_actions: Sequence[Action]
) -> Sequence[Action | SparedTorrent]:
    """Delete undeclared categories without torrents. Categories have no owner, so other owners' categories count too.

    A category that contains a kept one is kept: qBittorrent would remove both.
    """
    kept = {*declared, *_find_used_categories(snapshot, torrent_actions)}
    kept |= {name[:end] for name in kept for end, sign in enumerate(name) if sign == "/"}
    unused = sorted(snapshot.categories.keys() - kept)
    if policy is not Policy.SYNC:
        return [SparedTorrent("", f"category {name}", f"policy {policy} does not delete") for name in unused]
    reason = "not declared, and no torrent is in it"
    return [DeleteCategory(name, reason, _build_path_changes(snapshot.categories[name].save_path)) for name in unused]


def _build_path_changes(save_path: str) -> tuple[Change, ...]:
    return (Change(SAVE_PATH, save_path, None),) if save_path else ()


def _find_used_categories(snapshot: Snapshot, torrent_actions: Sequence[Action]) -> set[str]:
    """Return the categories that contain torrents after the plan, or that the plan moves torrents into."""
    certain = [action for action in torrent_actions if action.hold is None]
    leaving = {a.torrent_id for a in certain if isinstance(a, DeleteTorrent) or a.get_new_value(CATEGORY) is not None}
    used = {torrent.category for torrent in snapshot.torrents if torrent.id not in leaving}
    return used | {str(wanted) for action in torrent_actions if (wanted := action.get_new_value(CATEGORY))}


def _count_missing_categories(torrent_actions: Iterable[Action], existing: set[str]) -> Counter[str]:
    wanted = (action.get_new_value(CATEGORY) for action in torrent_actions if action.hold is not Outcome.BLOCKED)
    return Counter(str(name) for name in wanted if name and name not in existing)


def _ensure_category(
    category: DesiredCategory,
    live: LiveCategory | None,
    snapshot: Snapshot,
    policy: Policy,
    followers: FollowerFinder,
) -> Sequence[Action | SparedTorrent]:
    changes = _diff_category(category, live)
    if live and not changes:
        return []
    if live and policy is Policy.CREATE_ONLY:
        return [SparedTorrent("", f"category {category.name}", "policy create-only does not change what is there")]
    if reason := foreign_path_reason((category.save_path, category.download_path), snapshot):
        action_type = UpdateCategory if live else AddCategory
        return [action_type(category.name, reason, changes, category.position, Outcome.BLOCKED)]
    if live and live.share_limits and versions.resets_category_limits(snapshot.api_version):
        reason = f"it {versions.CATEGORY_LIMITS_REASON}"
        return [UpdateCategory(category.name, reason, changes, category.position, Outcome.BLOCKED)]
    has_download_paths = versions.CATEGORY_DOWNLOAD_PATH.is_available(snapshot.api_version)
    held = () if has_download_paths else tuple(change for change in changes if change.field == DOWNLOAD_PATH)
    free = tuple(change for change in changes if change not in held)
    actions = []
    if free or not live:
        actions.append(_build_category_action(category, live, free, followers))
    if held:
        release = versions.CATEGORY_DOWNLOAD_PATH.release
        reason = (
            f"unsupported: qBittorrent {snapshot.version} has no download_path of a category; {release} and later do"
        )
        actions.append(UpdateCategory(category.name, reason, held, category.position, Outcome.BLOCKED))
    return actions


def _build_category_action(
    category: DesiredCategory, live: LiveCategory | None, changes: tuple[Change, ...], followers: FollowerFinder
) -> AddCategory | UpdateCategory:
    if live is None:
        return AddCategory(category.name, "not on the instance", changes, category.position)
    reason = " and ".join(change.field for change in changes) + f" differ{'s' if len(changes) == 1 else ''}"
    blast = followers.find_category_followers(category.name)
    if blast:
        reason += f"; {follower_text(blast)}"
    return UpdateCategory(category.name, reason, changes, category.position, blast=blast)


def _diff_category(category: DesiredCategory, live: LiveCategory | None) -> tuple[Change, ...]:
    changes = []
    if category.save_path is not None:
        before, after = normalize_path(live.save_path) if live else None, normalize_path(category.save_path)
        if before != after and (live or after):
            changes.append(Change(SAVE_PATH, before, after))
    if category.download_path is not None:
        path = category.download_path
        wanted = normalize_path(path) if isinstance(path, str) else path
        if live is None or live.download_path != wanted:
            changes.append(Change(DOWNLOAD_PATH, live.download_path if live else None, wanted))
    return tuple(changes)
