"""The preferences of a qBittorrent in memory: a few of every kind, and what each version makes of what is set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from reconciler.model.preferences import PreferenceValue, canonicalize_preference, reveal_value
from reconciler.model.secret import Secret
from reconciler.model.versions import LIMIT_IMPLIES_FLAG, STOPPED_STATES, TORRENT_FILES_BACKUP, ApiVersion

_LIMIT_PREFERENCES: Final = ("max_ratio", "max_seeding_time")
_PAIRED_PREFERENCES: Final = {"schedule_from_hour": "schedule_from_min", "schedule_from_min": "schedule_from_hour"}


def build_default_preferences(web_api: str, save_path: str) -> dict[str, PreferenceValue]:
    """Those of a fresh server."""
    api = tuple(int(part) for part in web_api.split("."))
    return {
        "queueing_enabled": True,
        "add_stopped_enabled" if STOPPED_STATES.is_available(api) else "start_paused_enabled": False,
        "max_active_downloads": 3,
        "max_connec": 500,
        "dl_limit": 0,
        "max_ratio_enabled": False,
        "max_ratio": -1,
        "max_seeding_time_enabled": False,
        "max_seeding_time": -1,
        "schedule_from_hour": 8,
        "schedule_from_min": 0,
        "save_path": save_path,
        "torrent_files_backup_dir" if TORRENT_FILES_BACKUP.is_available(api) else "export_dir": "",
        "banned_IPs": "",
        "scan_dirs": "{}",
        "proxy_password": Secret(""),
        "mail_notification_password": Secret(""),
    }


def accept_preferences(
    present: Mapping[str, PreferenceValue], values: Mapping[str, PreferenceValue], api: ApiVersion
) -> dict[str, PreferenceValue]:
    """What a server keeps of what is set; what it does not know is left out."""
    kept = {name: _accept_value(name, value) for name, value in values.items() if name in present}
    for name, half in _PAIRED_PREFERENCES.items():
        if name in kept and half not in kept:
            del kept[name]
            break
    for limit in _LIMIT_PREFERENCES:
        flag = f"{limit}_enabled"
        if kept.get(flag) is False:
            kept[limit] = -1
        elif limit in kept and flag not in kept and not LIMIT_IMPLIES_FLAG.is_available(api):
            del kept[limit]
        elif limit in kept:
            kept[flag] = reveal_value(kept[limit]) != -1
        elif flag in kept and LIMIT_IMPLIES_FLAG.is_available(api):
            del kept[flag]
    return kept


def _accept_value(name: str, value: PreferenceValue) -> PreferenceValue:
    bare = reveal_value(value)
    if name == "dl_limit" and isinstance(bare, int):
        return max(bare, 0) // 1024 * 1024
    if name == "max_connec" and isinstance(bare, int) and bare <= 0:
        return -1
    return canonicalize_preference(name, bare) if name != "scan_dirs" else value
