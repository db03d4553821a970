"""Turns pydantic's errors into problems for the user: the position, one plain sentence, and a hint.

Values are quoted only where they cannot contain a secret: never below `instances`, and never a magnet link or the URL
of a torrent.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from pydantic_core import ErrorDetails

from reconciler.desired.context import InvalidValue
from reconciler.desired.schema.document import CHOICES, KNOWN_KEYS, NUMBER_TEXTS, UNION_BRANCHES
from reconciler.desired.schema.torrents import SOURCE_KEYS
from reconciler.desired.words import quote_word, suggestion_text
from reconciler.desired.yaml.document import EXTENSION_PREFIX, REFERENCE_KEYS, SECRET_KEYS, Loc, YamlDocument
from reconciler.model.codes import Code
from reconciler.model.position import Problem

MessageAndHint = tuple[str, str]
Description = tuple[str, str, str]
"""The code, the message and the hint of a problem."""

_KEYS_WITHOUT_DEFAULT: Final = (*SOURCE_KEYS, "export", "name", "state", "web_seeds", "delete_files", "labels")
_REQUIRED_EXAMPLES: Final[dict[str | int, str]] = {  # of keys of `intake` and `gateway`
    "file": "/state/intake.yaml",
    "url": "http://core:8000",
    "host": "sidecar",
    "port": "9470",
    "instance": "home",
}
_REQUIRED_KEYS: Final = ("version", "policy", "url", "strategy", "members", "name", *SOURCE_KEYS)
_SHAPE_MESSAGES: Final[dict[str, MessageAndHint]] = {
    "include": ('"include" must be a list', 'Write "include: [torrents.yaml, sets/*.yaml]"'),
    "instances": (
        '"instances" must contain each instance under its name',
        'Write "home:" and below it "url: http://…"',
    ),
    "groups": (
        '"groups" must contain each group under its name',
        'Write "resilient: {strategy: failover, members: [home, seedbox]}"',
    ),
    "members": ('"members" must be a list', 'Write "members: [home, seedbox]"'),
    "categories": (
        '"categories" must contain each category under its name',
        'Write "linux: {save_path: /data/linux}"',
    ),
    "defaults": ('"defaults" must be keys and values, like a torrent', 'Write "paused: true" below it'),
    "guard": ('"guard" must be keys and values', 'Write "max_delete: 10" below it'),
    "preferences": ('"preferences" must be keys and values', 'Write "queueing_enabled: true" below it'),
    "basic_auth": ('"basic_auth" must be keys and values', 'Write "basic_auth: {username: me, password: {env: NAME}}"'),
    "headers": ('"headers" must be keys and values', 'Write "headers: {X-Token: {env: NAME}}"'),
    "tls": ('"tls" must be keys and values', 'Write "tls: {ca_file: ca.pem}"'),
    "timeout": ('"timeout" must be keys and values', 'Write "timeout: {connect: 5s, read: 60s}"'),
    "health": ('"health" must be a list of probes', 'Begin each with "- ", like "- interface: wg0"'),
    "http": ("an http probe must be a url, or keys and values", 'Write "http: {url: http://…, status: 204}"'),
    "gluetun": ("a gluetun probe must be a url, or keys and values", 'Write "gluetun: {url: http://…, api_key: …}"'),
    "external_ip": ('"external_ip" must be keys and values', 'Write "external_ip: {must_not_be: 203.0.113.7}"'),
    "torrents": ('"torrents" must be a list', 'Begin each torrent with "- magnet: …"'),
    "tags": ('"tags" must be a list', 'Write "tags: [iso]", or "tags: {only: [iso]}" to allow no others'),
    "only": ('"only" must be a list', 'Write it like "only: [a, b]"'),
    "content": (
        '"content" must be a path, or keys and values',
        'Write "content: /data/film", or "content: {path: /data/film, private: true}"',
    ),
    "share_limits": ('"share_limits" must be keys and values', 'Write "share_limits: {ratio: 2, seeding_time: 14d}"'),
    "files": ('"files" must be a list', "Write 'files: [{match: \"*.nfo\", priority: skip}]'"),
    "trackers": (
        '"trackers" must be a list',
        'Begin each tracker with "- https://…", or write "trackers: {only: [https://…]}" to allow no others',
    ),
    "web_seeds": ('"web_seeds" must be a list', 'Begin each web seed with "- https://…"'),
    "ignore_changes": ('"ignore_changes" must be a list', 'Write "ignore_changes: [save_path]"'),
    "labels": ('"labels" must be keys and values', 'Write "labels: {movie_id: 12}"'),
    "path_map": (
        '"path_map" must contain the paths that clients see, by those of the instance',
        'Write "path_map: {/data: /mnt/seedbox}"',
    ),
    "intake": ('"intake" must be keys and values', 'Write "intake: {file: /state/intake.yaml}"'),
    "gateway": (
        '"gateway" must be keys and values',
        'Write "gateway: {username: arr, password: {file: /run/secrets/gateway}}"',
    ),
    "services": ('"services" must contain each adapter under its name', 'Write "services: {router: {}}"'),
    "downloader": ('"downloader" must be keys and values', 'Write "downloader: {}"'),
    "register": (
        '"register" must be keys and values',
        'Write "register: {url: http://core:8000, host: sidecar, port: 9470}"',
    ),
    "router": ('"router" must be keys and values', 'Write "router: {}"'),
    "radarr": ('"radarr" must be keys and values', 'Write "radarr: {}"'),
    "creator": ('"creator" must be keys and values', 'Write "creator: {instance: home}"'),
}
_PLAIN_WORD: Final = r"[A-Za-z_][A-Za-z0-9_.-]*(?: [A-Za-z0-9_.-]+)*"
_WORD_LISTS: Final = {  # lists that people write as text with commas, and the hint with their own words
    "tags": 'Write "tags: [{0}]", or "tags: {{only: [{0}]}}" to allow no others',
    "only": 'Write "tags: {{only: [{}]}}"',
    "members": 'Write "members: [{}]"',
    "ignore_changes": 'Write "ignore_changes: [{}]"',
}
_ITEM_NAMES: Final = {
    "include": "a file to include",
    "tags": "a tag",
    "trackers": "a tracker",
    "web_seeds": "a web seed",
    "ignore_changes": "a key",
    "members": "a member",
}
_SECRET_MESSAGE: Final[MessageAndHint] = (
    "this must be {env: NAME}, {file: PATH}, or text in quotes",
    "Check the indentation, and put text in quotes",
)


def problem_from_error(document: YamlDocument, error: ErrorDetails) -> Problem:
    """Convert an error of pydantic, at the position of the value, an unknown key, or the parent of a missing key."""
    loc: Loc = tuple(key for key in error["loc"] if key not in UNION_BRANCHES)
    error_type = error["type"]
    if loc and loc[-1] == "[key]":
        invalid = error["ctx"]["error"]
        return Problem(document.find_key_position(*loc[:-1]), invalid.code, invalid.message, invalid.hint)
    if error_type == "extra_forbidden":
        return Problem(document.find_key_position(*loc), *_describe_unknown_key(loc))
    if error_type == "missing":
        return Problem(document.find_position(*loc[:-1]), *_describe_missing_key(loc))
    return Problem(document.find_position(*loc), *_describe_wrong_value(document, loc, error))


def find_schema_section(loc: Loc) -> str:
    """Return the section of the schema that `loc` is in: a key of `KNOWN_KEYS`."""
    match loc:
        case ("instances", _, str(), *_):
            return _find_instance_section(loc[2:])
        case ("groups", _, "members", *_):
            return "members"
        case ("gateway", "services", "downloader", "register", *_):
            return "register"
        case ("gateway", "services", str() as key, *_):
            return key
        case ("gateway", "username" | "password" | "api_key" | "services" as key, *_):
            return key
        case ("torrents", _, "labels", *_):
            return "labels"
        case ("torrents", _, "tags" | "share_limits" | "files" | "trackers" | "content" as key, *_):
            return str(key)
        case ("defaults", "tags" | "share_limits" | "files" | "trackers" as key, *_):
            return str(key)
        case (str(head), *_):
            return head
    return ""


def _find_instance_section(loc: Loc) -> str:
    match loc:
        case ("health", _, "gluetun", "password" | "api_key" as key, *_):
            return key
        case ("health", _, "http" | "gluetun" | "external_ip" as key, *_):
            return key
        case ("basic_auth", "username" | "password" as key, *_):
            return key
        case ("headers", _, *_):
            return "password"
    return str(loc[0])


def _describe_unknown_key(loc: Loc) -> Description:
    *parent, key = loc
    section = find_schema_section(tuple(parent))
    if section in REFERENCE_KEYS:
        return Code.SECRET, *_SECRET_MESSAGE
    if section == "defaults" and key in _KEYS_WITHOUT_DEFAULT:
        return Code.MISPLACED_KEY, f'"{key}" cannot have a default: each torrent has its own', "Move it to a torrent"
    if section == "content" and key in KNOWN_KEYS["torrents"]:
        return Code.MISPLACED_KEY, f'"{key}" does not belong inside "content"', 'Write it next to "content"'
    if section == "torrents" and key in KNOWN_KEYS["content"] and key != "path":
        return (
            Code.MISPLACED_KEY,
            f'"{key}" belongs inside "content"',
            f'Write "content: {{path: /data/film, {key}: …}}"',
        )
    if not parent and str(key).startswith((".", "x", "_")):
        name = str(key).lstrip("._x-") or "name"
        hint = f'If it holds anchors, begin its name with "{EXTENSION_PREFIX}": {quote_word(EXTENSION_PREFIX + name)}'
        return Code.UNKNOWN_KEY, f"unknown key {quote_word(str(key))}", hint
    known_keys = KNOWN_KEYS.get(section, ())
    hint = suggestion_text(str(key), known_keys) or "Valid keys: " + ", ".join(known_keys)
    return Code.UNKNOWN_KEY, f"unknown key {quote_word(str(key))}", hint


def _describe_missing_key(loc: Loc) -> Description:
    match loc:
        case ("version",):
            return Code.MISSING_KEY, "this document has no version", 'Begin it with "version: 1"'
        case ("instances", _, "health", _, "http" | "gluetun" as kind, "url"):
            return Code.MISSING_KEY, f"this {kind} probe has no url", 'Add "url: http://…"'
        case ("instances", _, "basic_auth", "username" | "password" as key):
            return Code.MISSING_KEY, f'"basic_auth" has no {key}', f'Add "{key}: {{env: NAME}}"'
        case ("groups", _, "strategy"):
            return Code.MISSING_KEY, "this group has no strategy", 'Add "strategy: failover", "replicate" or "spread"'
        case ("groups", _, "members"):
            return Code.MISSING_KEY, "this group has no members", 'Add "members: [home, seedbox]"'
        case ("groups", _, "members", _, "name"):
            return Code.MISSING_KEY, "this member does not name its instance", 'Add "name: home"'
        case (*_, "files", int(), "match" | "priority" as key):
            hint = 'Add "priority: skip"' if key == "priority" else "Add 'match: \"*.nfo\"'"
            return Code.MISSING_KEY, f"this rule for files has no {key}", hint
        case (*_, "content", "path"):
            return Code.MISSING_KEY, "this content has no path", 'Add "path: /data/film", as qBittorrent sees it'
    if example := _REQUIRED_EXAMPLES.get(loc[-1]):
        return Code.MISSING_KEY, f'"{loc[-2]}" has no {loc[-1]}', f'Add "{loc[-1]}: {example}"'
    return Code.MISSING_KEY, f'"{loc[-1]}" is missing', _SHAPE_MESSAGES.get(str(loc[-1]), ("", ""))[1]


def _describe_wrong_value(document: YamlDocument, loc: Loc, error: ErrorDetails) -> Description:
    error_type, value = error["type"], error["input"]
    if not loc:
        return _describe_wrong_document(value)
    if error_type == "value_error":
        invalid = error["ctx"]["error"]
        if isinstance(invalid, InvalidValue):
            return invalid.code, invalid.message, invalid.hint
        return Code.WRONG_SHAPE, str(invalid), ""
    if find_schema_section(loc) in SECRET_KEYS and loc[-1] in SECRET_KEYS:
        return Code.SECRET, *_SECRET_MESSAGE
    is_item = isinstance(loc[-1], int)  # of `only` too, which is named by the key above it
    field = str(next((key for key in reversed(loc) if isinstance(key, str) and not (is_item and key == "only")), ""))
    if error_type == "dict_type" and (item := _describe_wrong_item(loc)):
        return item
    if value is None:
        return _describe_missing_value(loc, field)
    describe = _DESCRIBERS.get(error_type, _describe_other_error)
    return describe(document, loc, field, value)


def _describe_wrong_document(value: Any) -> Description:
    if value is None:
        return Code.MISSING_VALUE, "this document is empty", 'Begin it with "version: 1"'
    return Code.WRONG_SHAPE, "a desired state must be keys and values", 'Begin it with "version: 1"'


def _describe_missing_value(loc: Loc, field: str) -> Description:
    if isinstance(loc[-1], int):
        return (
            Code.MISSING_VALUE,
            f"{_ITEM_NAMES.get(field, 'this item')} has no value",
            "Write the value, or remove the item",
        )
    if field in _REQUIRED_KEYS:
        return Code.MISSING_VALUE, f'"{field}" has no value', "Add a value"
    is_list = field in ("torrents", "only", *_ITEM_NAMES)
    hint = f'Write "{field}: []" if there are none' if is_list else "Add a value"
    return Code.MISSING_VALUE, f'"{field}" has no value', f"{hint}, or remove the key"


def _describe_wrong_item(loc: Loc) -> Description | None:
    """Describe a value that is not a mapping where a torrent, an instance or another mapping is expected."""
    match loc:
        case ("torrents", int()):
            return Code.WRONG_SHAPE, "a torrent must be keys and values", 'Write "- magnet: magnet:?xt=urn:btih:…"'
        case ("instances", _):
            return (
                Code.WRONG_SHAPE,
                "an instance must be keys and values",
                'Write "url: http://127.0.0.1:8080" below its name',
            )
        case ("groups", _):
            return (
                Code.WRONG_SHAPE,
                "a group must be keys and values",
                'Write "strategy: failover" and "members: […]" below its name',
            )
        case ("instances", _, "health", int()):
            return Code.WRONG_SHAPE, "a probe must be keys and values", 'Write it like "- interface: wg0"'
        case ("categories", _) | ("instances", _, "categories", _):
            return Code.WRONG_SHAPE, "a category must be keys and values", 'Write "linux: {save_path: /data/linux}"'
        case (*_, "files", int()):
            return (
                Code.WRONG_SHAPE,
                "a rule for files must be keys and values",
                "Write '- {match: \"*.nfo\", priority: skip}'",
            )
    return None


def _describe_wrong_text(document: YamlDocument, loc: Loc, field: str, value: Any) -> Description:
    subject = _ITEM_NAMES.get(field, f'"{field}"') if isinstance(loc[-1], int) else f'"{field}"'
    if isinstance(value, (list, dict)):
        return Code.NOT_TEXT, f"{subject} must be text, not a {'list' if isinstance(value, list) else 'mapping'}", ""
    meaning = "true or false" if isinstance(value, bool) else "a number"
    quoted = "" if loc[0] == "instances" else ": " + quote_word(document.get_text(*loc))
    return Code.NOT_TEXT, f"{subject} must be text, and this means {meaning}", f"Put it in quotes{quoted}"


def _describe_wrong_flag(_document: YamlDocument, _loc: Loc, field: str, value: Any) -> Description:
    meanings = {"yes": "true", "on": "true", "true": "true", "no": "false", "off": "false", "false": "false"}
    word = meanings.get(value.lower()) if isinstance(value, str) else None
    return (
        Code.NOT_A_FLAG,
        f'"{field}" must be true or false',
        f'Write "{field}: {word}"' if word else "Write true or false",
    )


def _describe_wrong_choice(_document: YamlDocument, _loc: Loc, field: str, value: Any) -> Description:
    *others, last = choices = CHOICES[field]
    suggestion = suggestion_text(value.replace("_", "-"), choices) if isinstance(value, str) else ""
    return Code.NOT_A_CHOICE, f'"{field}" must be {", ".join(others)} or {last}', suggestion


def _describe_wrong_number(_document: YamlDocument, _loc: Loc, field: str, value: Any) -> Description:
    hint = "Write it without quotes" if isinstance(value, str) and value.isdecimal() else ""
    return Code.NOT_A_NUMBER, f'"{field}" must be {NUMBER_TEXTS[field]}', hint


def _describe_wrong_shape(_document: YamlDocument, loc: Loc, field: str, value: Any) -> Description:
    message, hint = _SHAPE_MESSAGES[field]
    may_be_quoted = field in _WORD_LISTS and (field != "only" or "tags" in loc)  # a tracker may contain a passkey
    if isinstance(value, str) and may_be_quoted and (words := _split_words(value)):
        hint = _WORD_LISTS[field].format(", ".join(words))
    return Code.WRONG_SHAPE, message, hint


def _split_words(text: str) -> list[str]:
    """Return the words of a text with commas, as items of a list in brackets."""
    words = [word.strip() for word in text.split(",")]
    return [word if re.fullmatch(_PLAIN_WORD, word) else f"'{quote_word(word)[1:-1]}'" for word in words if word]


def _describe_other_error(_document: YamlDocument, _loc: Loc, field: str, _value: Any) -> Description:
    return Code.WRONG_SHAPE, f'the value of "{field}" cannot be used', ""


_DESCRIBERS: Final[dict[str, Callable[[YamlDocument, Loc, str, Any], Description]]] = {
    "string_type": _describe_wrong_text,
    "bool_type": _describe_wrong_flag,
    "literal_error": _describe_wrong_choice,
    **dict.fromkeys(
        (
            *("int_type", "float_type", "finite_number"),
            *("greater_than", "greater_than_equal", "less_than", "less_than_equal"),
        ),
        _describe_wrong_number,
    ),
    **dict.fromkeys(("dict_type", "list_type", "union_tag_not_found"), _describe_wrong_shape),
}
