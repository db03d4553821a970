"""The preferences of qBittorrent (app/preferences) that need special treatment, and the canonical form of values.

Valid for all versions; measured on 4.2.5, 4.5.2, 5.1.0 and 5.3.0.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping
from typing import Final

from reconciler.model.paths import normalize_path
from reconciler.model.secret import Secret

PreferenceValue = bool | int | float | str | Secret
SECRET_MASK: Final = "(secret)"

# Passwords and keys, announce URLs (passkeys), and addresses that need no login.
SECRET_PREFERENCES: Final = frozenset(
    {
        "add_trackers",
        "add_trackers_url",
        "add_trackers_url_list",
        "bypass_auth_subnet_whitelist",
        "dyndns_password",
        "mail_notification_password",
        "proxy_password",
        "web_ui_api_key",
        "web_ui_password",
    }
)

# Reported without a trailing separator (or, by 4.2, with one), whatever was set.
PATH_PREFERENCES: Final = frozenset(
    {
        "alternative_webui_path",
        "export_dir",
        "export_dir_fin",
        "file_log_path",
        "ip_filter_path",
        "python_executable_path",
        "save_path",
        "temp_path",
        "torrent_files_backup_dir",
        "torrent_files_finished_backup_dir",
    }
)

# Lists of addresses that the server sorts and normalizes.
ADDRESS_LIST_PREFERENCES: Final = frozenset({"banned_IPs", "bypass_auth_subnet_whitelist"})

# Watched folders by path. The value is the destination of downloads: 0, 1, or a path.
WATCHED_FOLDERS: Final = "scan_dirs"

# The path of downloads that neither an entry nor a category gives one.
DEFAULT_SAVE_PATH: Final = "save_path"

# The limits of sharing, each with the preference that enables it, and what happens at a limit.
SHARE_LIMIT_FLAGS: Final = {
    "max_ratio": "max_ratio_enabled",
    "max_seeding_time": "max_seeding_time_enabled",
    "max_inactive_seeding_time": "max_inactive_seeding_time_enabled",
}
SHARE_LIMIT_ACTION_PREFERENCE: Final = "max_ratio_act"
REMOVING_SHARE_LIMIT_ACTIONS: Final = (1, 3)  # remove the torrent, or the torrent and its files
SHARE_LIMIT_PREFERENCES: Final = frozenset(
    {SHARE_LIMIT_ACTION_PREFERENCE, *SHARE_LIMIT_FLAGS, *SHARE_LIMIT_FLAGS.values()}
)

# From 5.3 on, these may be relative to the data folder of qBittorrent's profile, and are by default.
PROFILE_PATH_PREFERENCES: Final = frozenset(
    {"file_log_path", "torrent_files_backup_dir", "torrent_files_finished_backup_dir"}
)

# The way in which data is deleted (qBittorrent >= 5.0), and its value for moving data to the trash.
CONTENT_REMOVE_OPTION: Final = "torrent_content_remove_option"
MOVE_TO_TRASH: Final = "MoveToTrash"

# Up to 5.1, or in all versions, qBittorrent ignores one of these without the other.
LINKED_PREFERENCES: Final = (
    frozenset({"schedule_from_hour", "schedule_from_min"}),
    frozenset({"schedule_to_hour", "schedule_to_min"}),
    frozenset({"max_ratio_enabled", "max_ratio"}),
    frozenset({"max_seeding_time_enabled", "max_seeding_time"}),
    frozenset({"max_inactive_seeding_time_enabled", "max_inactive_seeding_time"}),
)


def canonicalize_preference(name: str, value: object) -> PreferenceValue:
    """Return a value as it is compared, shown and stored: secrets as `Secret`, collections as JSON."""
    if isinstance(value, Secret):
        return Secret(_canonicalize_text(name, value.reveal()))
    if isinstance(value, str):
        return (
            Secret(_canonicalize_text(name, value)) if name in SECRET_PREFERENCES else _canonicalize_text(name, value)
        )
    if isinstance(value, bool | int | float):
        return value
    if name == WATCHED_FOLDERS and isinstance(value, Mapping):
        plain = {
            normalize_path(str(key)): normalize_path(to) if isinstance(to, str) else to for key, to in value.items()
        }
        return json.dumps(plain, sort_keys=True, ensure_ascii=False)
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def to_api_value(name: str, value: PreferenceValue) -> object:
    """Return a canonical value as app/setPreferences takes it."""
    bare = reveal_value(value)
    return json.loads(str(bare)) if name == WATCHED_FOLDERS else bare


def reveal_value(value: PreferenceValue) -> bool | int | float | str:
    """Return the value itself, to compare and send it, never to show it."""
    return value.reveal() if isinstance(value, Secret) else value


def value_type_text(value: PreferenceValue) -> str:
    """Return the type of a value in words. All numbers are one type: JSON does not distinguish 2 from 2.0."""
    bare = reveal_value(value)
    return "true or false" if isinstance(bare, bool) else "text" if isinstance(bare, str) else "a number"


def find_linked_preferences(names: set[str]) -> set[str]:
    """Return the other preferences whose current values must be sent with a change of these."""
    return {partner for group in LINKED_PREFERENCES if group & names for partner in group} - names


def _canonicalize_text(name: str, text: str) -> str:
    if name in ADDRESS_LIST_PREFERENCES:
        return "\n".join(sorted({_canonicalize_address(address) for address in re.split(r"[\s,]+", text) if address}))
    if name.endswith("_password"):
        return text
    return normalize_path(text.strip()) if name in PATH_PREFERENCES else text.strip()


def _canonicalize_address(text: str) -> str:
    """Return an address or network as qBittorrent writes it: a single address without a prefix length."""
    try:
        return str(ipaddress.ip_network(text, strict=False)).removesuffix("/32").removesuffix("/128")
    except ValueError:
        return text
