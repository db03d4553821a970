"""Preferences of the application: those that are declared against those of the very instance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from reconciler.model.desired import DesiredPreference, Policy
from reconciler.model.plan import Action, Blast, Change, Kind, Outcome, Spared, Value, Verb
from reconciler.model.preferences import HIDDEN, PreferenceValue, bare_value, kind_of
from reconciler.model.secret import Secret
from reconciler.model.snapshot import LiveTorrent, Snapshot
from reconciler.plan.blast import moved

# What one version calls in another way than the next, and no spelling tells.
_OTHER_NAMES: Final = (
    ("start_paused_enabled", "add_stopped_enabled"),
    ("create_subfolder_enabled", "torrent_content_layout"),
    ("export_dir", "torrent_files_backup_dir"),
    ("export_dir_fin", "torrent_files_finished_backup_dir"),
    ("mail_notification_ssl_enabled", "mail_notification_encryption_type"),
)


def plan_preferences(
    declared: Mapping[str, DesiredPreference], snapshot: Snapshot, policy: Policy
) -> Sequence[Action | Spared]:
    """What brings the preferences to what is declared. Raises `ValueError` where they were not read."""
    if not declared:
        return ()
    if snapshot.preferences is None:
        raise ValueError("preferences are declared and were not read")
    return [
        decision
        for wish in declared.values()
        if (decision := _decide(wish, snapshot.preferences, snapshot, policy)) is not None
    ]


def _decide(
    wish: DesiredPreference, present: Mapping[str, PreferenceValue], snapshot: Snapshot, policy: Policy
) -> Action | Spared | None:
    live = present.get(wish.name)
    if live is None:
        other = _other_name(wish.name, present)
        mend = f'; it has "{other}"' if other else ""
        return _action(wish, None, f"unsupported: qBittorrent {snapshot.version} has no such preference{mend}", True)
    if kind_of(live) != kind_of(wish.value):
        kinds = f"{kind_of(live)}, and {kind_of(wish.value)} is declared"
        return _action(wish, live, f"qBittorrent {snapshot.version} wants {kinds}", True)
    if bare_value(live) == bare_value(wish.value):
        return None
    if policy is Policy.CREATE_ONLY:
        return Spared("", f"preference {wish.name}", "policy create-only does not change what is there")
    blast = _moved(snapshot) if wish.name == "save_path" else None
    reason = "value differs"
    if blast:
        reason += f"; {moved(blast)}"
    return _action(wish, live, reason, blast=blast)


def _action(
    wish: DesiredPreference,
    live: PreferenceValue | None,
    reason: str,
    blocked: bool = False,
    blast: Blast | None = None,
) -> Action:
    hidden = isinstance(wish.value, Secret) or isinstance(live, Secret)
    return Action(
        Verb.UPDATE,
        Kind.PREFERENCE,
        wish.name,
        reason,
        (Change("value", _shown(live, hidden), _shown(wish.value, hidden)),),
        source=wish.at,
        disruptive=blast is not None,
        hold=Outcome.BLOCKED if blocked else None,
        value=wish.value,
        blast=blast,
    )


def _shown(value: PreferenceValue | None, hidden: bool) -> Value:
    """A value for the plan: of what is secret, only whether there is one."""
    if value is None:
        return None
    return HIDDEN if hidden and bare_value(value) != "" else bare_value(value)


def _other_name(name: str, present: Iterable[str]) -> str:
    """What the instance has in its place, or something that is spelt nearly so; "" for nothing."""
    known = set(present)
    for pair in _OTHER_NAMES:
        if name in pair and (found := known.intersection(pair)):
            return found.pop()
    from difflib import get_close_matches  # only for what is wrong

    return next(iter(get_close_matches(name, sorted(known), 1, 0.8)), "")


def _moved(snapshot: Snapshot) -> Blast | None:
    """The torrents that follow the default path: automatic ones whose category has no path of its own."""

    def follows(torrent: LiveTorrent) -> bool:
        category = snapshot.categories.get(torrent.category)
        return torrent.auto_tmm and not (category and category.save_path)

    followers = [torrent for torrent in snapshot.torrents if follows(torrent)]
    return Blast(len(followers), sum(torrent.on_disk for torrent in followers)) if followers else None
