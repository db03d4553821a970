"""Decides what of a line of a desired-state file may be shown: the values of keys that cannot hold a secret.

Everything is masked that is not known to be harmless: a secret may stand below a misspelt key, in the place of a
variable, or in the query of a URL.

See docs/decisions/0130-a-shown-line-masks-what-is-not-known-to-be-harmless.md.
"""

from __future__ import annotations

import re
from typing import Final

from reconciler.desired.builders.preferences import PREFERENCE_CHOICES, load_known_preferences
from reconciler.desired.messages import find_schema_section
from reconciler.desired.schema.common import ENVIRONMENT_NAME
from reconciler.desired.schema.document import KNOWN_KEYS
from reconciler.desired.yaml.document import (
    EXTENSION_PREFIX,
    HEADERS_KEY,
    REFERENCE_KEYS,
    SCALAR_WORDS,
    SECRET_KEYS,
    Loc,
)
from reconciler.model.links import redact_api_url, redact_path, redact_url
from reconciler.model.preferences import PATH_PREFERENCES, SECRET_PREFERENCES

MASK: Final = "***"
_SECRETS: Final = SECRET_KEYS | SECRET_PREFERENCES | {"username"}
_LINK_KEYS: Final = frozenset({"magnet", "torrent", "trackers", "web_seeds", "url", "http", "gluetun"})
_REFERENCE_WORDS: Final = frozenset({"env", "file", "for"})
_HEADER_NAME: Final = re.compile(r"[A-Za-z]+(?:-[A-Za-z]+)*")
_MAGNET_PARAMETER: Final = re.compile(r"([?&])(?!(?:xt|dn)(?:\.[0-9]*)?=)[^&]*?(?=&|[\"']?\Z)", re.IGNORECASE)
_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,30}://\S*?)(?=[\"']?(?:\s|\Z))")
_HASH: Final = re.compile(r"(?:[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64}|[A-Za-z2-7]{32})")
_HOST: Final = re.compile(r"(?:[A-Za-z0-9-]+\.)+[A-Za-z0-9-]+(?::[0-9]+)?/?|[A-Za-z0-9-]+:[0-9]+/?")
_SPACE: Final = re.compile(r"\s")
_LINK_LIKE: Final = re.compile(r"magnet:|://|@|\?", re.IGNORECASE)


def mask_value(loc: Loc, written: str, value: str) -> str:
    """Return a scalar at `loc` as it may be shown. `written`: as it stands in the file, with its quotes."""
    keys = _drop_extension(loc)
    while keys and (isinstance(keys[-1], int) or keys[-1] == "only"):
        keys = keys[:-1]
    if not keys or written.startswith("&"):  # what has an anchor may be used as a secret
        return MASK
    *parent, key = keys
    section = find_schema_section(tuple(parent))
    if HEADERS_KEY in parent or section in REFERENCE_KEYS or (section == "preferences" and len(parent) > 3):
        return _mask_reference(str(key), written, value)
    if key in _SECRETS:
        return MASK
    if section == "preferences":
        return written if _is_harmless_preference(str(key), value) else MASK
    if key not in KNOWN_KEYS.get(section, ()):
        return written if value in SCALAR_WORDS else MASK
    return _mask_link(str(key), section, written, value) if key in _LINK_KEYS else mask_links(written)


def mask_key(parent: Loc, written: str) -> str:
    """Return a key as it may be shown. In the place of a secret, only the keys of a reference are."""
    section = find_schema_section(parent) if parent else ""
    if HEADERS_KEY in parent[:-1] or section in REFERENCE_KEYS or (section == "preferences" and len(parent) > 3):
        return written if written in _REFERENCE_WORDS else MASK
    if parent[-1:] == (HEADERS_KEY,):
        return written if _HEADER_NAME.fullmatch(written.strip("\"'")) else MASK
    return mask_links(written)


def mask_links(text: str) -> str:
    """Return a text with `***` for whatever could be a passkey or a password in its links."""
    if "magnet:" in text.lower():
        return _MAGNET_PARAMETER.sub(rf"\1{MASK}", text)
    return _URL.sub(lambda match: redact_url(match[0]), text)


def _drop_extension(loc: Loc) -> Loc:
    """Return the location of a value in a top-level key that holds anchors as if it were in a torrent."""
    is_extension = len(loc) > 1 and str(loc[0]).startswith(EXTENSION_PREFIX)
    return ("torrents", 0, *loc[1:]) if is_extension else loc


def _mask_reference(key: str, written: str, value: str) -> str:
    is_name = key == "env" and ENVIRONMENT_NAME.match(value)
    is_path = key == "file" and value.startswith(("/", "./", "../"))
    return written if is_name or is_path or key == "for" else MASK


def _is_harmless_preference(name: str, value: str) -> bool:
    kinds = load_known_preferences().get(name, {})
    return bool(kinds) and (
        value in SCALAR_WORDS or "text" not in kinds or name in PREFERENCE_CHOICES or name in PATH_PREFERENCES
    )


def _mask_link(key: str, section: str, written: str, value: str) -> str:
    """Return the link of a torrent, a tracker or an instance without what could be a passkey or a password."""
    if value in SCALAR_WORDS or (key == "magnet" and _HASH.fullmatch(value)):
        return written
    if value.lower().startswith("magnet:"):
        return mask_links(written)
    if "://" in value and not _SPACE.search(value):
        redact = _redact_instance_url if section == "instances" else redact_url
        return _URL.sub(lambda match: redact(match[0]), written)
    is_path = key == "torrent" and not _LINK_LIKE.search(value)
    return redact_path(written) if is_path or (key == "url" and _HOST.fullmatch(value)) else MASK


def _redact_instance_url(url: str) -> str:
    try:
        return redact_api_url(url)
    except ValueError:
        return MASK


# --- a file that is not YAML, of which only single lines can be read

_BROKEN_KEY: Final = re.compile(
    r"(?:(?<=[\s{\[,])|\A)([A-Za-z0-9_.-]{1,60}|\"[\w. -]{1,60}\"|'[\w. -]{1,60}')[ \t]*:(?=[\s]|\Z)"
)
_STRUCTURE: Final = re.compile(r"[\s\[\]{},\"'|>?:-]*")
_OPENING: Final = re.compile(r"[\s\[{]*")
_QUOTED: Final = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:''|[^'])*'")
_OPEN_QUOTE: Final = re.compile(r"(?:\A|[\s\[{,:-])[\"']")
_BRACKET: Final = re.compile(r"[\[{]")
_ALL_KEYS: Final = frozenset(key for keys in KNOWN_KEYS.values() for key in keys) | _SECRETS
_COMMENT: Final = re.compile(r"(?:\A|(?<=\s))#.*")
_SHOWN_KEYS: Final = (
    frozenset(
        key
        for section in ("", "torrents", "categories", "guard", "groups", "members", "files", "share_limits")
        for key in KNOWN_KEYS[section]
    )
    - _SECRETS
    - _LINK_KEYS
    - {"content", "instances", HEADERS_KEY}
)


def mask_broken_line(lines: list[str], number: int) -> str:
    """Return a line, by its index, of a text that is not YAML, with `***` for all that is not surely harmless."""
    line = _COMMENT.sub("", lines[number]).rstrip()
    if _STRUCTURE.fullmatch(line):
        return line
    indent = line[: len(line) - len(line.lstrip())]
    if any(map(_opens_something, lines[:number])) or not _has_plain_parents(lines, number):
        return indent + MASK
    return _mask_broken_pairs(line, indent)


def _opens_something(line: str) -> bool:
    """True for a line that begins a quoted text or a bracket, and does not end it."""
    rest = _COMMENT.sub("", _QUOTED.sub("x", line))
    return bool(_OPEN_QUOTE.search(rest)) or sum(map(rest.count, "[{")) > sum(map(rest.count, "]}"))


def _has_plain_parents(lines: list[str], number: int) -> bool:
    """True if the line is below keys alone, none of which holds a secret or a text of several lines."""
    width = len(lines[number]) - len(lines[number].lstrip())
    for line in reversed(lines[:number]):
        text = _COMMENT.sub("", line).rstrip()
        own_width = len(text) - len(text.lstrip())
        if not text or own_width >= width:
            continue
        keys = list(_BROKEN_KEY.finditer(text))
        names = {match[1].strip("\"'") for match in keys}
        if not keys or names & (_SECRETS | {HEADERS_KEY}) or any(name.startswith(EXTENSION_PREFIX) for name in names):
            return False
        value = text[keys[-1].end() :].strip()
        is_item = text.lstrip().startswith("- ")
        if value and not (is_item and width > own_width + 1):
            return False
        width = own_width
    return True


def _mask_broken_pairs(line: str, indent: str) -> str:
    """Return a line of keys and values up to the first value that may not be shown."""
    keys = list(_BROKEN_KEY.finditer(line))
    if not keys or not _STRUCTURE.fullmatch(line[: keys[0].start()]):
        return indent + MASK
    shown = line[: keys[0].start()]
    for match, following in zip(keys, [*keys[1:], None], strict=True):
        name = match[1].strip("\"'")
        shown += line[match.start() : match.end()]
        value = line[match.end() : following.start() if following else len(line)]
        is_empty = _OPENING.fullmatch(value) and (following is None or _BRACKET.search(value))
        if is_empty and name not in _SECRETS | {HEADERS_KEY}:
            shown += value
            continue
        is_last = following is None or not _BRACKET.search(shown)  # without brackets, a value ends with its line
        value = line[match.end() :] if is_last else value
        is_link = name in _LINK_KEYS and "magnet:" in value.lower()
        if (
            not (name in _SHOWN_KEYS or is_link)
            or "&" in mask_links(value).replace("&***", "")
            or _has_known_key(value)
        ):
            return f"{shown} {MASK}"
        shown += mask_links(value)
        if is_last:
            break
    return shown


def _has_known_key(value: str) -> bool:
    """True for a text that contains another key of a desired state: the lines of both may have been joined."""
    return any(match[1].strip("\"'") in _ALL_KEYS for match in _BROKEN_KEY.finditer(value))
