"""Checked entries -> preferences of the application: known keys of the right type, and none that would lock us out.

Offline there is no server to ask, so keys are held to a table of those that real servers have (`preferences.json`,
which names its source). Whether the very instance has a key, and of which type, is for the plan to say.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

from reconciler.desired import secrets
from reconciler.desired.context import InvalidValue, LoadContext
from reconciler.desired.messages import quote_word, suggestion_text
from reconciler.desired.schema import common
from reconciler.desired.yaml.document import YamlDocument
from reconciler.model.desired import DesiredPreference
from reconciler.model.position import Position
from reconciler.model.preferences import (
    DEFAULT_SAVE_PATH,
    PATH_PREFERENCES,
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
_LOCKOUT_REASON: Final = "reconcile itself comes in by it, and could lock itself out"
_IN_QBITTORRENT_HINT: Final = "Change it in qBittorrent, then the keys of this instance"
_REFUSED_KEYS: Final = dict.fromkeys(
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
    "web_ui_api_key": ("qBittorrent makes it itself", "Remove the key"),
    "add_trackers_url_list": ("qBittorrent fetches it from add_trackers_url", "Remove the key"),
    "current_interface_name": ("qBittorrent derives it", "Set current_network_interface"),
}
_LOGIN_BYPASS_KEYS: Final = (
    "bypass_local_auth",
    "bypass_auth_subnet_whitelist",
    "bypass_auth_subnet_whitelist_enabled",
)
_KIB_KEYS: Final = ("dl_limit", "up_limit", "alt_dl_limit", "alt_up_limit")  # bytes a second, kept in whole KiB
_CHOICES: Final = {
    "mail_notification_encryption_type": ("None", "SMTPS", "STARTTLS"),
    "proxy_type": ("None", "HTTP", "SOCKS4", "SOCKS5"),
    "resume_data_storage_type": ("Legacy", "SQLite"),
    "share_limits_mode": ("MatchAny", "MatchAll"),
    "torrent_content_layout": ("Original", "Subfolder", "NoSubfolder"),
    "torrent_content_remove_option": ("Delete", "MoveToTrash"),
    "torrent_stop_condition": ("None", "MetadataReceived", "FilesChecked"),
}  # what is none of these becomes the server's default, unseen
_LIMIT_KEYS: Final = ("max_ratio", "max_seeding_time", "max_inactive_seeding_time")
_REMOVING_ACTIONS: Final = (1, 3)  # max_ratio_act


@lru_cache(maxsize=1)
def load_known_preferences() -> Mapping[str, Mapping[str, list[str]]]:
    """Every known key: the types of its value, each with the versions in which it has that type."""
    table = json.loads(files(__package__).joinpath("preferences.json").read_text("utf-8"))
    keys: Mapping[str, Mapping[str, list[str]]] = table["keys"]
    return keys


def build_preferences(
    document: YamlDocument, loc: tuple[str, ...], entries: Mapping[str, Any], has_login: bool, context: LoadContext
) -> dict[str, DesiredPreference]:
    """The preferences that stand at `loc`. `has_login`: does the instance have credentials?"""
    if not entries:
        return {}
    at, found = document.find_key_positions(*loc), {}
    for name, given in entries.items():
        try:
            _check_key(name, given, has_login)
            value = _resolve_value(document, (*loc, name), given, context)
        except InvalidValue as invalid:
            where = document.find_position(*loc, name) if name in load_known_preferences() else at[name]
            context.add_problem(where, invalid.message, invalid.hint)
            continue
        if value is not None:
            found[name] = DesiredPreference(name, at[name], value)
    _check_dependencies(entries, at, context)
    if entries.get("max_ratio_act") in _REMOVING_ACTIONS:
        context.add_warning(
            at["max_ratio_act"],
            "with this qBittorrent removes torrents by itself, and what is declared is then added again",
            "Use 0 (stop) or 2 (super seeding)",
        )
    return found


def _check_key(name: str, value: object, has_login: bool) -> None:
    known = load_known_preferences()
    if name not in known:
        raise InvalidValue(f"unknown preference {quote_word(name)}", suggestion_text(name, tuple(known)) or _KEYS_HINT)
    if name in _REFUSED_KEYS:
        why, mend = _REFUSED_KEYS[name]
        raise InvalidValue(f'"{name}" cannot be set here: {why}', mend)
    if name in _LOGIN_BYPASS_KEYS and value is not True and not has_login:
        raise InvalidValue(
            f'"{name}" may be what lets reconcile in, for this instance has no credentials',
            "Give it a username and password, or an api_key",
        )


_KEYS_HINT: Final = "The keys are those of app/preferences in qBittorrent's Web API"


def _resolve_value(document: YamlDocument, loc: tuple[str, ...], given: Any, context: LoadContext) -> Any:
    """The canonical value; None where a secret is missing, which is then noted."""
    name = loc[-1]
    if given is None:
        raise InvalidValue(f'"{name}" has no value', "Give it one, or remove the key: then it is not managed")
    kinds = load_known_preferences()[name]
    if isinstance(given, dict) and name != WATCHED_FOLDERS:
        return _resolve_reference(document, loc, given, "text" in kinds, context)
    if type(given) not in {one for kind in kinds for one in _TYPES[kind]}:
        words = " or ".join(_TYPE_TEXTS[kind] for kind in kinds)
        raise InvalidValue(f'"{name}" must be {words}', _type_hint_text(given, kinds))
    if name in SECRET_PREFERENCES and given:
        secret = secrets.resolve_secret(document, loc, given, context)
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
    document: YamlDocument, loc: tuple[str, ...], given: dict[str, Any], is_text: bool, context: LoadContext
) -> Any:
    """A value by {env: NAME} or {file: PATH}: secret from then on, whatever it is. Nothing of it is quoted."""
    if not is_text:
        raise InvalidValue(f'"{loc[-1]}" cannot come from a variable or a file', "Write its value")
    if not given.keys() <= {"env", "file"} or not all(isinstance(one, str) for one in given.values()):
        raise InvalidValue("this must be {env: NAME}, {file: PATH}, or text in quotes", "Check the indentation")
    if "env" in given:
        common.check_environment_name(given["env"])
    secret = secrets.resolve_secret(document, loc, given, context)  # type: ignore[arg-type]
    if secret is None:
        return None
    if loc[-1] not in SECRET_PREFERENCES:
        _check_value(loc[-1], secret.reveal())
    return canonicalize_preference(loc[-1], Secret(secret.reveal()))


def _check_value(name: str, value: Any) -> None:
    """What qBittorrent would change unseen is refused before it is sent."""
    if name in _CHOICES and isinstance(value, str) and value not in _CHOICES[name]:
        *others, last = _CHOICES[name]
        mend = suggestion_text(value, tuple(word.lower() for word in _CHOICES[name]))
        raise InvalidValue(f'"{name}" must be {", ".join(others)} or {last}', "Mind the capitals" if mend else "")
    if name in _KIB_KEYS and (value < 0 or value % 1024):
        raise InvalidValue(
            f'"{name}" is in bytes a second, and qBittorrent keeps whole KiB: 1024 times a whole number, 0 for none',
            f"Write {max(value, 0) // 1024 * 1024}",
        )
    if name in PATH_PREFERENCES and (value or name in (DEFAULT_SAVE_PATH, "temp_path")):
        common.check_save_path(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidValue(f'"{name}" must be a number', "")
    if name == WATCHED_FOLDERS:
        _check_folders(value)


def _check_folders(folders: Mapping[str, Any]) -> None:
    for folder, target in folders.items():
        common.check_save_path(folder)
        if isinstance(target, str):
            common.check_save_path(target)
        elif target not in (0, 1) or isinstance(target, bool):
            raise InvalidValue(
                f'each folder of "{WATCHED_FOLDERS}" says where its downloads go',
                "Write 0 (into the folder itself), 1 (to the default path) or a path",
            )


def _check_dependencies(entries: Mapping[str, Any], positions: Mapping[str, Position], context: LoadContext) -> None:
    """Preferences that mean something only with another one."""
    for name in _LIMIT_KEYS:
        flag = f"{name}_enabled"
        limit, enabled = entries.get(name), entries.get(flag)
        if limit is not None and enabled is None:
            context.add_problem(positions[name], f'"{name}" holds only with "{flag}"', f'Add "{flag}: true"')
        elif enabled is True and (limit is None or (isinstance(limit, (int, float)) and limit < 0)):
            context.add_problem(positions[flag], f'"{flag}: true" needs a limit', f'Add "{name}:" and 0 or more')
        elif enabled is False and limit not in (None, -1):
            context.add_problem(
                positions[name], f'"{name}" means nothing next to "{flag}: false"', "Remove one of the two"
            )
    if entries.get("random_port") is True and "listen_port" in entries:
        context.add_problem(
            positions["listen_port"], '"listen_port" means nothing next to "random_port: true"', "Remove one"
        )
    if entries.get("random_port") is False and not entries.get("listen_port"):
        context.add_problem(
            positions["random_port"], '"random_port: false" needs a "listen_port"', 'Add "listen_port: 6881"'
        )
