"""Preferences of the application: the declared values against the live values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from reconciler.model.desired import DesiredPreference, Policy
from reconciler.model.paths import is_windows_path
from reconciler.model.plan import Blast, Change, FieldValue, Outcome, SetPreference, SparedTorrent
from reconciler.model.preferences import (
    PATH_PREFERENCES,
    SECRET_MASK,
    PreferenceValue,
    reveal_value,
    value_type_text,
)
from reconciler.model.secret import Secret
from reconciler.model.snapshot import Snapshot
from reconciler.model.versions import TORRENT_FILES_BACKUP
from reconciler.plan.blast import follower_text
from reconciler.plan.followers import FollowerFinder, describe_effect
from reconciler.plan.platform import foreign_path_reason

UNKNOWN_PREFERENCE_REASON: Final = (
    "its value is not in the snapshot, so this may be no change; take a new one with this desired state"
)
# Preferences that were renamed between versions, beyond recognition by spelling.
_RENAMED_PREFERENCES: Final = (
    ("start_paused_enabled", "add_stopped_enabled"),
    ("create_subfolder_enabled", "torrent_content_layout"),
    ("export_dir", "torrent_files_backup_dir"),
    ("export_dir_fin", "torrent_files_finished_backup_dir"),
    ("mail_notification_ssl_enabled", "mail_notification_encryption_type"),
)


def plan_preferences(
    declared: Mapping[str, DesiredPreference], snapshot: Snapshot, policy: Policy, followers: FollowerFinder
) -> Sequence[SetPreference | SparedTorrent]:
    """Return the actions that set declared preferences. Raises `ValueError` if the preferences were not read."""
    if not declared:
        return ()
    live_preferences = snapshot.preferences
    if live_preferences is None:
        raise ValueError("preferences are declared and were not read")
    future_preferences = {**live_preferences, **{name: preference.value for name, preference in declared.items()}}

    def find_followers(name: str) -> Blast | None:
        return followers.find_preference_followers(name, live_preferences, future_preferences)

    return [
        decision
        for preference in declared.values()
        if (decision := _plan_preference(preference, live_preferences, snapshot, policy, find_followers)) is not None
    ]


def _plan_preference(
    preference: DesiredPreference,
    live_preferences: Mapping[str, PreferenceValue],
    snapshot: Snapshot,
    policy: Policy,
    find_followers: Callable[[str], Blast | None],
) -> SetPreference | SparedTorrent | None:
    live = live_preferences.get(preference.name)
    names = live_preferences if snapshot.preference_names is None else snapshot.preference_names
    if live is None and names is not live_preferences and (not names or preference.name in names):
        return _build_preference_action(preference, None, UNKNOWN_PREFERENCE_REASON, Outcome.DEFERRED)
    if live is None:
        other = _suggest_name(preference.name, names)
        hint = f'; it has "{other}"' if other else ""
        return _build_preference_action(
            preference,
            None,
            f"unsupported: qBittorrent {snapshot.version} has no such preference{hint}",
            Outcome.BLOCKED,
        )
    if value_type_text(live) != value_type_text(preference.value):
        kinds = f"{value_type_text(live)}, and {value_type_text(preference.value)} is declared"
        return _build_preference_action(
            preference, live, f"qBittorrent {snapshot.version} wants {kinds}", Outcome.BLOCKED
        )
    if reveal_value(live) == reveal_value(preference.value):
        return None
    if policy is Policy.CREATE_ONLY:
        return SparedTorrent("", f"preference {preference.name}", "policy create-only does not change what is there")
    if preference.name in PATH_PREFERENCES and (reason := _find_path_reason(preference, snapshot)):
        return _build_preference_action(preference, live, reason, Outcome.BLOCKED)
    blast = find_followers(preference.name)
    reason = "value differs"
    if blast:
        reason += f"; {follower_text(blast, describe_effect(preference.name))}"
    return _build_preference_action(preference, live, reason, blast=blast)


def _find_path_reason(preference: DesiredPreference, snapshot: Snapshot) -> str | None:
    """Return the reason why a path cannot be set on the instance."""
    path = reveal_value(preference.value)
    is_relative = isinstance(path, str) and path != "" and is_windows_path(path) is None
    if is_relative and not TORRENT_FILES_BACKUP.is_available(snapshot.api_version):
        return (
            f"before {TORRENT_FILES_BACKUP.release}, qBittorrent takes a relative path from the folder it was started "
            "in; write it in full"
        )
    return foreign_path_reason((preference.value,), snapshot)


def _build_preference_action(
    preference: DesiredPreference,
    live: PreferenceValue | None,
    reason: str,
    hold: Outcome | None = None,
    blast: Blast | None = None,
) -> SetPreference:
    hidden = isinstance(preference.value, Secret) or isinstance(live, Secret)
    return SetPreference(
        preference.name,
        reason,
        (Change("value", _redact_value(live, hidden), _redact_value(preference.value, hidden)),),
        position=preference.position,
        hold=hold,
        value=preference.value,
        blast=blast,
    )


def _redact_value(value: PreferenceValue | None, hidden: bool) -> FieldValue:
    """Return a value for the plan; of a secret, only whether it is set."""
    if value is None:
        return None
    return SECRET_MASK if hidden and reveal_value(value) != "" else reveal_value(value)


def _suggest_name(name: str, live_names: Iterable[str]) -> str:
    """Return the instance's name for the preference, or a similar one; "" for none."""
    live_name_set = set(live_names)
    for pair in _RENAMED_PREFERENCES:
        if name in pair and (matching := live_name_set.intersection(pair)):
            return matching.pop()
    from difflib import get_close_matches  # only for what is wrong

    return next(iter(get_close_matches(name, sorted(live_name_set), 1, 0.8)), "")
