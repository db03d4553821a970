"""Builds the preferences of instances: known keys with values of the right type, and none that would lock us out.

Keys and types are checked offline against a table of the keys of real servers (`preferences.json`, which names its
source). The plan checks them against the instance itself.

See docs/decisions/0040-check-preferences-against-a-table-and-the-instance.md.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final, cast

from reconciler.desired.context import InvalidValue, LoadContext
from reconciler.desired.schema.common import (
    SecretReference,
    check_environment_name,
    check_profile_path,
    check_save_path,
    parse_secret_hosts,
)
from reconciler.desired.secrets import resolve_secret
from reconciler.desired.words import quote_word, suggestion_text
from reconciler.desired.yaml.document import YamlDocument
from reconciler.model.codes import Code
from reconciler.model.desired import DesiredPreference
from reconciler.model.position import Position
from reconciler.model.preferences import (
    DEFAULT_SAVE_PATH,
    PATH_PREFERENCES,
    PROFILE_PATH_PREFERENCES,
    REMOVING_SHARE_LIMIT_ACTIONS,
    SECRET_PREFERENCES,
    WATCHED_FOLDERS,
    canonicalize_preference,
)
from reconciler.model.secret import Secret

_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "flag": (bool,),
    "integer": (int,),
    "number": (int, float),
    "text": (str,),
    "mapping": (dict,),
}
_TYPE_TEXTS: Final = {
    "flag": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "text": "text",
    "mapping": "keys and values",
}
_LOCKOUT_REASON: Final = "reconcile connects through it, and could lock itself out"
_IN_QBITTORRENT_HINT: Final = "Change it in qBittorrent, then update this instance"
REFUSED_PREFERENCES: Final = dict.fromkeys(
    (
        "use_https",
        "web_ui_address",
        "web_ui_domain_list",
        "web_ui_host_header_validation_enabled",
        "web_ui_https_cert_path",
        "web_ui_https_key_path",
        "web_ui_password",
        "web_ui_port",
        "web_ui_username",
    ),
    (_LOCKOUT_REASON, _IN_QBITTORRENT_HINT),
) | {
    "web_ui_api_key": ("qBittorrent generates it", "Remove the key"),
    "add_trackers_url_list": ("qBittorrent fetches it from add_trackers_url", "Remove the key"),
    "current_interface_name": ("qBittorrent derives it", "Set current_network_interface"),
}
_LOGIN_BYPASS_KEYS: Final = (
    "bypass_local_auth",
    "bypass_auth_subnet_whitelist",
    "bypass_auth_subnet_whitelist_enabled",
)
KIB_PREFERENCES: Final = (
    "dl_limit",
    "up_limit",
    "alt_dl_limit",
    "alt_up_limit",
)  # bytes per second, stored in whole KiB
PREFERENCE_CHOICES: Final = {  # qBittorrent silently replaces any other value with its default
    "mail_notification_encryption_type": ("None", "SMTPS", "STARTTLS"),
    "proxy_type": ("None", "HTTP", "SOCKS4", "SOCKS5"),
    "resume_data_storage_type": ("Legacy", "SQLite"),
    "share_limits_mode": ("MatchAny", "MatchAll"),
    "torrent_content_layout": ("Original", "Subfolder", "NoSubfolder"),
    "torrent_content_remove_option": ("Delete", "MoveToTrash"),
    "torrent_stop_condition": ("None", "MetadataReceived", "FilesChecked"),
}
LIMIT_PREFERENCES: Final = ("max_ratio", "max_seeding_time", "max_inactive_seeding_time")
_KEYS_HINT: Final = "The keys are those of app/preferences in qBittorrent's Web API"


@lru_cache(maxsize=1)
def load_known_preferences() -> Mapping[str, Mapping[str, list[str]]]:
    """Return every known key with the types of its value, and for each type the versions that have it."""
    table = json.loads(files(__package__).joinpath("preferences.json").read_text("utf-8"))
    keys: Mapping[str, Mapping[str, list[str]]] = table["keys"]
    return keys


def build_preferences(
    document: YamlDocument,
    loc: tuple[str, ...],
    entries: Mapping[str, Any],
    context: LoadContext,
    *,
    receiver: str,
    has_login: bool,
) -> dict[str, DesiredPreference]:
    """Build the preferences of the section at `loc`.

    `receiver`: the URL of the instance. `has_login`: the instance has credentials.
    """
    if not entries:
        return {}
    key_positions, preferences = document.find_key_positions(*loc), {}
    for name, given in entries.items():
        try:
            _check_key(name, given, has_login)
            value = _resolve_value(document, (*loc, name), given, receiver, context)
        except InvalidValue as invalid:
            position = document.find_position(*loc, name) if name in load_known_preferences() else key_positions[name]
            context.add_problem(position, invalid.code, invalid.message, invalid.hint)
            continue
        if value is not None:
            preferences[name] = DesiredPreference(name, key_positions[name], value)
    _check_dependencies(entries, key_positions, context)
    if entries.get("max_ratio_act") in REMOVING_SHARE_LIMIT_ACTIONS:
        context.add_warning(
            key_positions["max_ratio_act"],
            Code.REMOVING_LIMIT,
            "with this setting qBittorrent removes torrents itself, and reconcile adds declared ones again",
            "Use 0 (stop) or 2 (super seeding)",
        )
    return preferences


def _check_key(name: str, value: object, has_login: bool) -> None:
    known_keys = load_known_preferences()
    if name not in known_keys:
        hint = suggestion_text(name, tuple(known_keys)) or _KEYS_HINT
        raise InvalidValue(Code.UNKNOWN_PREFERENCE, f"unknown preference {quote_word(name)}", hint)
    if name in REFUSED_PREFERENCES:
        reason, hint = REFUSED_PREFERENCES[name]
        raise InvalidValue(Code.REFUSED_PREFERENCE, f'"{name}" cannot be set here: {reason}', hint)
    if name in _LOGIN_BYPASS_KEYS and value is not True and not has_login:
        raise InvalidValue(
            Code.REFUSED_PREFERENCE,
            f'this instance has no credentials, so reconcile may depend on "{name}" for access',
            "Add a username and password, or an api_key",
        )


def _resolve_value(
    document: YamlDocument, loc: tuple[str, ...], given: Any, receiver: str, context: LoadContext
) -> Any:
    """Return the canonical value; None, with a problem, where a secret is missing."""
    name = loc[-1]
    if given is None:
        raise InvalidValue(
            Code.MISSING_VALUE, f'"{name}" has no value', "Add a value, or remove the key to leave it unmanaged"
        )
    kinds = load_known_preferences()[name]
    if isinstance(given, dict) and name != WATCHED_FOLDERS:
        if "text" not in kinds:
            raise InvalidValue(
                Code.PREFERENCE_VALUE, f'"{name}" cannot come from a variable or a file', "Write its value"
            )
        return _resolve_reference(document, loc, given, receiver, context)
    if type(given) not in {type_ for kind in kinds for type_ in _TYPES[kind]}:
        words = " or ".join(_TYPE_TEXTS[kind] for kind in kinds)
        raise InvalidValue(Code.PREFERENCE_VALUE, f'"{name}" must be {words}', _type_hint_text(given, kinds))
    if name in SECRET_PREFERENCES and given:
        secret = resolve_secret(document, loc, given, context, receiver=receiver, one_line=False)
        return canonicalize_preference(name, secret)
    _check_value(name, given)
    return canonicalize_preference(name, given)


def _type_hint_text(given: object, kinds: Iterable[str]) -> str:
    if "text" in kinds and isinstance(given, (bool, int, float)):
        return "Put it in quotes"
    if isinstance(given, str) and "flag" in kinds:
        return "Write true or false"
    return "Write it without quotes" if isinstance(given, str) and given.strip("-").isdecimal() else ""


def _resolve_reference(
    document: YamlDocument, loc: tuple[str, ...], given: dict[str, Any], receiver: str, context: LoadContext
) -> Any:
    """Resolve {env: NAME} or {file: PATH}. The value is a secret from then on, and no message quotes it."""
    hosts = {"for": parse_secret_hosts(given["for"])} if "for" in given else {}
    reference = {key: value for key, value in given.items() if key != "for"}
    if not reference.keys() <= {"env", "file"} or not all(isinstance(value, str) for value in reference.values()):
        raise InvalidValue(
            Code.SECRET, "this must be {env: NAME}, {file: PATH}, or text in quotes", "Check the indentation"
        )
    if "env" in given:
        check_environment_name(given["env"])
    source = cast("SecretReference", {**reference, **hosts})
    secret = resolve_secret(document, loc, source, context, receiver=receiver, one_line=False)
    if secret is None:
        if not context.contacts_instances:
            message = f'"{loc[-1]}" is not compared: its value is not available here'
            context.add_warning(document.find_position(*loc), Code.NOT_COMPARED, message)
        return None
    if loc[-1] not in SECRET_PREFERENCES and not context.keeps_references:
        _check_value(loc[-1], secret.reveal())
    return canonicalize_preference(loc[-1], Secret(secret.reveal()))


def _check_value(name: str, value: Any) -> None:
    """Refuse a value that qBittorrent would silently change."""
    if name in PREFERENCE_CHOICES and isinstance(value, str) and value not in PREFERENCE_CHOICES[name]:
        *others, last = choices = PREFERENCE_CHOICES[name]
        is_near = bool(suggestion_text(value, tuple(word.lower() for word in choices)))
        raise InvalidValue(
            Code.PREFERENCE_VALUE,
            f'"{name}" must be {", ".join(others)} or {last}',
            "Check the capitals" if is_near else "",
        )
    if name in KIB_PREFERENCES and (value < 0 or value % 1024):
        raise InvalidValue(
            Code.PREFERENCE_VALUE,
            f'"{name}" must be a multiple of 1024 bytes per second, or 0 for no limit: qBittorrent stores whole KiB',
            f"Write {max(value, 0) // 1024 * 1024}",
        )
    if name in PROFILE_PATH_PREFERENCES and value:
        check_profile_path(value)
    elif name in PATH_PREFERENCES and (value or name in (DEFAULT_SAVE_PATH, "temp_path")):
        check_save_path(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidValue(Code.PREFERENCE_VALUE, f'"{name}" must be a number', "")
    if name == WATCHED_FOLDERS:
        _check_folders(value)


def _check_folders(folders: Mapping[str, Any]) -> None:
    for folder, target in folders.items():
        check_save_path(folder)
        if isinstance(target, str):
            check_save_path(target)
        elif target not in (0, 1) or isinstance(target, bool):
            raise InvalidValue(
                Code.PREFERENCE_VALUE,
                f'each folder of "{WATCHED_FOLDERS}" needs a destination for its downloads',
                "Write 0 (the folder itself), 1 (the default path) or a path",
            )


def _check_dependencies(entries: Mapping[str, Any], positions: Mapping[str, Position], context: LoadContext) -> None:
    """Report preferences that have an effect only together with another one."""
    for name in LIMIT_PREFERENCES:
        flag = f"{name}_enabled"
        limit, enabled = entries.get(name), entries.get(flag)
        if limit is not None and enabled is None:
            context.add_problem(
                positions[name],
                Code.LINKED_PREFERENCES,
                f'"{name}" has an effect only with "{flag}"',
                f'Add "{flag}: true"',
            )
        elif enabled is True and (limit is None or (isinstance(limit, (int, float)) and limit < 0)):
            context.add_problem(
                positions[flag],
                Code.LINKED_PREFERENCES,
                f'"{flag}: true" needs a limit',
                f'Add "{name}:" and 0 or more',
            )
        elif enabled is False and limit not in (None, -1):
            context.add_problem(
                positions[name],
                Code.LINKED_PREFERENCES,
                f'"{name}" has no effect with "{flag}: false"',
                "Remove one of the two",
            )
    if entries.get("random_port") is True and "listen_port" in entries:
        context.add_problem(
            positions["listen_port"],
            Code.LINKED_PREFERENCES,
            '"listen_port" has no effect with "random_port: true"',
            "Remove one of the two",
        )
    if entries.get("random_port") is False and not entries.get("listen_port"):
        context.add_problem(
            positions["random_port"],
            Code.LINKED_PREFERENCES,
            '"random_port: false" needs a "listen_port"',
            'Add "listen_port: 6881"',
        )
