"""Categories: those that are declared, and those that a torrent needs and the instance lacks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from reconciler.model.desired import DesiredCategory, Policy
from reconciler.model.fields import normal_path
from reconciler.model.plan import Action, Change, Kind, Outcome, Spared, Verb
from reconciler.model.snapshot import LiveCategory, Snapshot


def plan_categories(
    declared: Mapping[str, DesiredCategory], snapshot: Snapshot, policy: Policy, torrents: Iterable[Action]
) -> Sequence[Action | Spared]:
    """Ensure what is declared; and make what `torrents` need, since qBittorrent would make it up unseen."""
    decisions: list[Action | Spared] = []
    for category in declared.values():
        live = snapshot.categories.get(category.name)
        if live is None:
            decisions.append(_add(category.name, category.save_path or "", "not on the instance", category))
        elif category.save_path is not None and normal_path(category.save_path) != normal_path(live.save_path):
            decisions.append(_edit(category, category.save_path, live, snapshot, policy))
    for name, users in _missing(torrents, {*declared, *snapshot.categories}).items():
        reason = f"used by {users} torrent{'s' if users > 1 else ''}, not on the instance and not declared"
        decisions.append(_add(name, "", reason))
    return decisions


def _missing(torrents: Iterable[Action], known: set[str]) -> Counter[str]:
    wanted = (action.wanted("category") for action in torrents if action.hold is not Outcome.BLOCKED)
    return Counter(str(name) for name in wanted if name and name not in known)


def _add(name: str, path: str, reason: str, declared: DesiredCategory | None = None) -> Action:
    changes = (Change("save_path", None, normal_path(path)),) if path else ()
    return Action(Verb.ADD, Kind.CATEGORY, name, reason, changes, source=declared.at if declared else None)


def _edit(
    category: DesiredCategory, path: str, live: LiveCategory, snapshot: Snapshot, policy: Policy
) -> Action | Spared:
    if policy is Policy.CREATE_ONLY:
        return Spared("", f"category {category.name}", "policy create-only does not change what is there")
    followers = sum(_follows(torrent.category, category.name, torrent.auto_tmm) for torrent in snapshot.torrents)
    reason = "save_path differs"
    if followers:
        reason += f"; {followers} torrent{'s' if followers > 1 else ''} under automatic management may move with it"
    change = Change("save_path", normal_path(live.save_path), normal_path(path))
    return Action(
        Verb.UPDATE,
        Kind.CATEGORY,
        category.name,
        reason,
        (change,),
        source=category.at,
        disruptive=followers > 0,
    )


def _follows(category: str, edited: str, auto_tmm: bool) -> bool:
    return auto_tmm and (category == edited or category.startswith(edited + "/"))
