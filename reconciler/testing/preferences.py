"""The preferences of a new server in memory: a few of every kind."""

from __future__ import annotations

from reconciler.model.preferences import PreferenceValue
from reconciler.model.secret import Secret
from reconciler.model.versions import STOPPED_STATE_NAMES, TORRENT_FILES_BACKUP


def build_default_preferences(web_api: str, save_path: str) -> dict[str, PreferenceValue]:
    """Return the preferences of a new server."""
    api = tuple(int(number) for number in web_api.split("."))
    return {
        "queueing_enabled": True,
        "add_stopped_enabled" if STOPPED_STATE_NAMES.is_available(api) else "start_paused_enabled": False,
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
        **({"torrent_files_backup_dir": "backup"} if TORRENT_FILES_BACKUP.is_available(api) else {"export_dir": ""}),
        "banned_IPs": "",
        "scan_dirs": "{}",
        "proxy_password": Secret(""),
        "mail_notification_password": Secret(""),
    }
