"""What is known of qBittorrent's preferences (app/preferences), whatever the version: which are secret, which hold
paths, which go together, and in which form values are compared. Measured on 4.2.5, 4.5.2, 5.1.0 and 5.3.0.
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

# Passwords and keys, announce URLs (passkeys), and who gets in without a login.
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

# These are reported without a trailing separator (or, by 4.2, with one), whatever was set.
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

# Lists of addresses that the server sorts or writes in another way.
ADDRESS_LIST_PREFERENCES: Final = frozenset({"banned_IPs", "bypass_auth_subnet_whitelist"})

# Folders that are watched, by their path; the value says where downloads go: 0, 1, or a path.
WATCHED_FOLDERS: Final = "scan_dirs"

# The path of downloads that neither an entry nor a category gives one.
DEFAULT_SAVE_PATH: Final = "save_path"

# One of them alone is ignored, until 5.1 or always.
LINKED_PREFERENCES: Final = (
    frozenset({"schedule_from_hour", "schedule_from_min"}),
    frozenset({"schedule_to_hour", "schedule_to_min"}),
    frozenset({"max_ratio_enabled", "max_ratio"}),
    frozenset({"max_seeding_time_enabled", "max_seeding_time"}),
    frozenset({"max_inactive_seeding_time_enabled", "max_inactive_seeding_time"}),
)


def canonicalize_preference(name: str, value: object) -> PreferenceValue:
    """A value in the form in which it is compared, shown and kept; secret ones as `Secret`. Anything odd as JSON."""
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
    """A canonical value as app/setPreferences takes it."""
    bare = reveal_value(value)
    return json.loads(str(bare)) if name == WATCHED_FOLDERS else bare


def reveal_value(value: PreferenceValue) -> bool | int | float | str:
    """The value itself, for comparing and sending, never for showing."""
    return value.reveal() if isinstance(value, Secret) else value


def value_type_text(value: PreferenceValue) -> str:
    """What a value is, in the words of messages. Numbers are of one kind: JSON does not tell 2 from 2.0."""
    bare = reveal_value(value)
    return "true or false" if isinstance(bare, bool) else "text" if isinstance(bare, str) else "a number"


def find_linked_preferences(names: set[str]) -> set[str]:
    """The other preferences whose present values must go with a change of these."""
    return {partner for group in LINKED_PREFERENCES if group & names for partner in group} - names


def _canonicalize_text(name: str, text: str) -> str:
    if name in ADDRESS_LIST_PREFERENCES:
        return "\n".join(sorted({_canonicalize_address(part) for part in re.split(r"[\s,]+", text) if part}))
    if name.endswith("_password"):
        return text
    return normalize_path(text.strip()) if name in PATH_PREFERENCES else text.strip()


def _canonicalize_address(text: str) -> str:
    """An address or network as qBittorrent writes it: that of one machine without its length."""
    try:
        return str(ipaddress.ip_network(text, strict=False)).removesuffix("/32").removesuffix("/128")
    except ValueError:
        return text
