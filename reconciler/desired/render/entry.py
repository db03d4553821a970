"""Renders one entry of `torrents`, and reads the values of a live torrent that an entry can declare."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from functools import lru_cache
from typing import Any, Final, cast

from pydantic import TypeAdapter, ValidationError

from reconciler.desired.context import InvalidValue
from reconciler.desired.schema.torrents import ManagedKeys
from reconciler.desired.yaml.placeholders import find_placeholder
from reconciler.model.fields.entry_values import iter_importable_values
from reconciler.model.fields.names import CATEGORY, DOWNLOAD_PATH, SAVE_PATH
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.versions import ApiVersion

YamlValue = str | bool | int | float | None | Sequence["YamlValue"] | Mapping[str, "YamlValue"]

_SAFE_WORDS = re.compile(r"[A-Za-z_/][A-Za-z0-9_./+@-]*(?: [A-Za-z0-9_./+@-]+)*")
_LINK = re.compile(r"(?:magnet:\?|https?://)[A-Za-z0-9%&=:?+._/!~*'(),;@$\[\]-]*[A-Za-z0-9%&=+._/!~*'(),;@$\[\]-]")
_AMBIGUOUS_WORD = re.compile(r"(?i)null|true|false|yes|no|on|off|y|n")  # in YAML 1.1 or 1.2
_SPECIAL = re.compile(r'[\\"]')
_RUNNER_COMMAND: Final = "##["  # begins a command of GitHub's runner, anywhere in a line of output
_ESCAPES: Final = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}


def render_scalar(text: str, *, flow: bool = False) -> str:
    """Render a text as a scalar: plain where that is safe, else in quotes. `flow`: it is inside brackets.

    Text that looks like a placeholder gets the tag that makes it literal.
    """
    if find_placeholder(text):
        return "!!str " + _quote(text)
    return _render_text(text, flow=flow)


def _render_text(text: str, *, flow: bool) -> str:
    if _SAFE_WORDS.fullmatch(text) and not _AMBIGUOUS_WORD.fullmatch(text) and not (flow and " " in text):
        return text
    if not flow and _LINK.fullmatch(text):
        return text
    return _quote(text)


def _quote(text: str) -> str:
    if "\\" in text and text.isprintable() and _RUNNER_COMMAND not in text:
        return "'" + text.replace("'", "''") + "'"
    escaped = "".join(map(_escape_character, _SPECIAL.sub(r"\\\g<0>", text)))
    return f'"{_escape_runner_commands(escaped)}"'


def render_value(data: YamlValue, *, flow: bool = False) -> str:
    """Render any value on one line, with lists and mappings in brackets."""
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
                f"{_render_text(key, flow=True)}: {render_value(item, flow=True)}" for key, item in data.items()
            )
            + "}"
        )
    return "[" + ", ".join(render_value(item, flow=True) for item in data) + "]"


def sanitize_comment(text: str) -> str:
    """Return a text for a comment: on one line, without control characters."""
    printable = "".join(character if character.isprintable() else "?" for character in text)
    return _escape_runner_commands(printable).rstrip()


def _escape_runner_commands(text: str) -> str:
    return text.replace(_RUNNER_COMMAND, r"##\x5b")


def _escape_character(character: str) -> str:
    if character.isprintable():
        return character
    if character in _ESCAPES:
        return _ESCAPES[character]
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


@dataclass(frozen=True, slots=True)
class EntrySource:
    """The key that names the torrent of an entry (`magnet`, `torrent`, …) and its value, perhaps with a passkey."""

    key: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class YamlEntry:
    """One entry: its source, its other keys in order, and its comments, one line each."""

    source: EntrySource
    keys: Mapping[str, YamlValue] = field(default_factory=dict)
    comments: tuple[str, ...] = ()

    @property
    def data(self) -> dict[str, YamlValue]:
        """The entry as plain data."""
        return {self.source.key: self.source.text, **self.keys}


def render_block_entry(entry: YamlEntry, indent: str) -> list[str]:
    """Return the lines of an entry in a block list, with its comments inside it."""
    lines = [f"# {sanitize_comment(text)}" for text in entry.comments]
    lines += [f"{key}: {render_value(value)}" for key, value in entry.data.items()]
    return [f"{indent}{'- ' if number == 0 else '  '}{text}" for number, text in enumerate(lines)]


def render_flow_entry(entry: YamlEntry) -> str:
    """Return the entry in brackets, without its comments."""
    return render_value(entry.data, flow=True)


_MANAGED_ADAPTER: Final[TypeAdapter[ManagedKeys]] = TypeAdapter(ManagedKeys)


def read_managed_values(live: LiveTorrent, api: ApiVersion) -> tuple[dict[str, YamlValue], tuple[str, ...]]:
    """Return the keys that declare a live torrent as it is, and a sentence for each value that cannot be declared.

    Those are the values that the schema refuses: one of them would make the whole file invalid.
    """
    keys: dict[str, YamlValue] = {}
    omissions: list[str] = []
    for key, value in iter_importable_values(live, api):
        outer, _, inner = key.partition(".")
        if isinstance(value, tuple):
            reasons = [(item, _refusal_reason(key, (item,))) for item in value]
            omissions += [f"{key} without {render_scalar(str(item))}: {reason}" for item, reason in reasons if reason]
            if kept := [item for item, reason in reasons if not reason]:
                keys[key] = kept
        elif reason := _refusal_reason(key, value):
            omissions.append(f"{key} {render_scalar(str(value))} is left out: {reason}")
        elif inner:
            keys[outer] = {**cast("Mapping[str, YamlValue]", keys.get(outer, {})), inner: value}
        else:
            keys[key] = value
    if live.is_moving:
        omissions.append("save_path is left out: its data is being moved")
    if SAVE_PATH not in keys and keys.pop(DOWNLOAD_PATH, None):
        omissions.append("download_path is left out: it cannot be declared without a save_path")
    return keys, tuple(omissions)


def can_declare_category(name: str, save_path: str) -> bool:
    """True if a category with this name and path can be declared."""
    return (
        bool(name and save_path)
        and not find_placeholder(name)
        and not _refusal_reason(CATEGORY, name)
        and not _refusal_reason(SAVE_PATH, save_path)
    )


@lru_cache(maxsize=4096)
def _refusal_reason(key: str, live_value: Any) -> str:
    """Return why the schema refuses this value, or ""."""
    outer, _, inner = key.partition(".")
    value = list(live_value) if isinstance(live_value, tuple) else live_value
    entry = {outer: {inner: value} if inner else value}
    try:
        _MANAGED_ADAPTER.validate_python(entry)
    except ValidationError as error:
        cause = error.errors(include_url=False)[0].get("ctx", {}).get("error")
        return cause.message if isinstance(cause, InvalidValue) else "its form is not allowed"
    return ""
