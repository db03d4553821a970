"""One entry of `torrent_files` as text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, cast

from pydantic import TypeAdapter, ValidationError

from reconciler.desired.context import InvalidValue
from reconciler.desired.schema.torrents import ManagedKeys
from reconciler.model.fields import CATEGORY, DOWNLOAD_PATH, SAVE_PATH, iter_importable_values
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.versions import ApiVersion

YamlValue = str | bool | int | float | None | Sequence["YamlValue"] | Mapping[str, "YamlValue"]

_SAFE_WORDS = re.compile(r"[A-Za-z_/][A-Za-z0-9_./+@-]*(?: [A-Za-z0-9_./+@-]+)*")
_LINK = re.compile(r"(?:magnet:\?|https?://)[A-Za-z0-9%&=:?+._/!~*'(),;@$\[\]-]*[A-Za-z0-9%&=+._/!~*'(),;@$\[\]-]")
_AMBIGUOUS_WORD = re.compile(r"(?i)null|true|false|yes|no|on|off|y|n")  # in YAML 1.1 or 1.2
_SPECIAL = re.compile(r'[\\"]')
_ESCAPES: Final = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}


def render_scalar(text: str, *, flow: bool = False) -> str:
    """A text as a scalar: bare where that is safe, else in quotes. `flow`: it stands inside of brackets."""
    if _SAFE_WORDS.fullmatch(text) and not _AMBIGUOUS_WORD.fullmatch(text) and not (flow and " " in text):
        return text
    if not flow and _LINK.fullmatch(text):
        return text
    if "\\" in text and text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return '"' + "".join(map(_escape_character, _SPECIAL.sub(r"\\\g<0>", text))) + '"'


def render_value(data: YamlValue, *, flow: bool = False) -> str:
    """Any value on one line; lists and mappings in brackets."""
    if data is None:
        return "null"
    if isinstance(data, bool):
        return "true" if data else "false"
    if isinstance(data, (int, float)):
        return repr(data)
    if isinstance(data, str):
        return render_scalar(data, flow=flow)
    if isinstance(data, Mapping):
        return (
            "{"
            + ", ".join(
                f"{render_scalar(key, flow=True)}: {render_value(item, flow=True)}" for key, item in data.items()
            )
            + "}"
        )
    return "[" + ", ".join(render_value(item, flow=True) for item in data) + "]"


def sanitize_comment(text: str) -> str:
    """A text for a comment: on one line, and nothing in it that could drive a terminal or hide what is there."""
    return "".join(sign if sign.isprintable() else "?" for sign in text).rstrip()


def _escape_character(sign: str) -> str:
    if sign.isprintable():
        return sign
    if sign in _ESCAPES:
        return _ESCAPES[sign]
    code = ord(sign)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


@dataclass(frozen=True, slots=True)
class EntrySource:
    """What an entry names its torrent by: the key (`magnet`, `torrent`, …) and its value. It may hold a passkey."""

    key: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class YamlEntry:
    """One entry: its source, its other keys in order, and what is said of it in comments, a line each."""

    source: EntrySource
    keys: Mapping[str, YamlValue] = field(default_factory=dict)
    comments: tuple[str, ...] = ()

    @property
    def data(self) -> dict[str, YamlValue]:
        """The entry as plain data."""
        return {self.source.key: self.source.text, **self.keys}


def render_block_entry(entry: YamlEntry, indent: str) -> list[str]:
    """Its lines in a block list. The remarks stand inside of the entry, so that they go where it goes."""
    lines = [f"# {sanitize_comment(text)}" for text in entry.comments]
    lines += [f"{key}: {render_value(one)}" for key, one in entry.data.items()]
    return [f"{indent}{'- ' if number == 0 else '  '}{text}" for number, text in enumerate(lines)]


def render_flow_entry(entry: YamlEntry) -> str:
    """The entry inside of brackets; there is no room for remarks."""
    return render_value(entry.data, flow=True)


_MANAGED_ADAPTER: Final[TypeAdapter[ManagedKeys]] = TypeAdapter(ManagedKeys)


def read_managed_values(live: LiveTorrent, api: ApiVersion) -> tuple[dict[str, YamlValue], tuple[str, ...]]:
    """Its keys, and why one was left out: whatever the schema refuses, since one such value would spoil the file."""
    keys: dict[str, YamlValue] = {}
    left: list[str] = []
    for key, found in iter_importable_values(live, api):
        outer, _, inner = key.partition(".")
        if isinstance(found, tuple):
            reasons = [(item, _refusal_reason(key, (item,))) for item in found]
            left += [f"{key} without {render_scalar(str(item))}: {why}" for item, why in reasons if why]
            if kept := [item for item, why in reasons if not why]:
                keys[key] = kept
        elif why := _refusal_reason(key, found):
            left.append(f"{key} {render_scalar(str(found))} is left out: {why}")
        elif inner:
            keys[outer] = {**cast("Mapping[str, YamlValue]", keys.get(outer, {})), inner: found}
        else:
            keys[key] = found
    if live.is_moving:
        left.append("save_path is left out: its data is being moved")
    if SAVE_PATH not in keys and keys.pop(DOWNLOAD_PATH, None):
        left.append("download_path is left out: without a save_path it cannot be declared")
    return keys, tuple(left)


def can_declare_category(name: str, save_path: str) -> bool:
    """Can a category with this path be declared?"""
    return (
        bool(name and save_path) and not _refusal_reason(CATEGORY, name) and not _refusal_reason(SAVE_PATH, save_path)
    )


@lru_cache(maxsize=4096)
def _refusal_reason(key: str, found: Any) -> str:
    """Why the schema does not take this value, or ""."""
    outer, _, inner = key.partition(".")
    value = list(found) if isinstance(found, tuple) else found
    given = {outer: {inner: value} if inner else value}
    try:
        _MANAGED_ADAPTER.validate_python(given)
    except ValidationError as error:
        cause = error.errors(include_url=False)[0].get("ctx", {}).get("error")
        return cause.message if isinstance(cause, InvalidValue) else "its form is not allowed"
    return ""
