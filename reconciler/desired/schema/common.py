"""What single values must look like. Each function returns its value or raises `InvalidValue`.

The rules for categories, tags and names are qBittorrent's own (what its Web API refuses or silently changes);
a value that an instance would store differently would be drift for ever.
"""

from __future__ import annotations

import re
from base64 import b32decode
from functools import lru_cache
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Discriminator, Tag, with_config
from typing_extensions import TypedDict  # pydantic cannot read the one of `typing` before Python 3.12

from reconciler.desired.context import InvalidValue
from reconciler.model.infohash import InfoHashes
from reconciler.model.tags import RESERVED_OWNERS, TAG_PREFIX, is_reserved_tag

_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9._-]+\Z")
_DURATION = re.compile(r"(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?\Z")
_DAYS = re.compile(r"([0-9]{1,4})d\Z")
_PLAN_HASH = re.compile(r"sha256:[0-9a-f]{64}\Z")
_PATH_ROOT = re.compile(r"/|[A-Za-z]:[\\/]|\\\\[^\\/]+[\\/](?=[^\\/])")  # /, C:\, \\server\share
_URL_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*\Z")
_HEX40 = re.compile(r"[0-9a-f]{40}\Z")
_HEX64 = re.compile(r"[0-9a-f]{64}\Z")
_BASE32 = re.compile(r"[a-z2-7]{32}\Z")
_TORRENT_LOCATION_HINT: Final = "Give the path of a file, or a url like https://example.org/file.torrent"
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_UNIT_SECONDS: Final = (86_400, 3_600, 60, 1)
_SECONDS_PER_DAY: Final = 86_400.0
_MAX_QUARANTINE_DAYS: Final = 3650


def check_version(number: int) -> int:
    """The version of the format; there is one so far."""
    if number != 1:
        raise InvalidValue(f"this program reads version 1 of the format, not {number}", 'Write "version: 1"')
    return number


def check_one_line(subject: str, text: str) -> str:
    """Text that qBittorrent keeps as it is: not empty, on one line, no space around it."""
    if not text:
        raise InvalidValue(f"{subject} is empty", "Fill it in, or leave it out")
    if _CONTROL_CHARACTER.search(text):
        raise InvalidValue(f"{subject} has a line break or control character in it", "Write it on one line")
    if text != text.strip():
        raise InvalidValue(f"{subject} has a space around it, which qBittorrent removes", "Remove the space")
    return text


@lru_cache(maxsize=4096)
def check_torrent_name(text: str) -> str:
    """The display name of a torrent."""
    return check_one_line("the name", text)


@lru_cache(maxsize=4096)
def check_category_name(text: str) -> str:
    """A category, `/` between sub-categories; the name rules are those of qBittorrent's Session."""
    check_one_line("the category", text)
    if "\\" in text:
        raise InvalidValue('a category cannot hold "\\"', 'Sub-categories are separated by "/"')
    if text.startswith("/") or text.endswith("/") or "//" in text:
        raise InvalidValue('a category cannot begin or end with "/", nor hold "//"', 'Write it like "linux/iso"')
    return text


def check_optional_category(text: str) -> str:
    """A category, or "" for none."""
    return text and check_category_name(text)


@lru_cache(maxsize=4096)
def check_tag_name(text: str) -> str:
    """A tag of people's; `reconcile:*` are ours."""
    check_one_line("the tag", text)
    if "," in text:
        raise InvalidValue("a tag cannot hold a comma", "Write each tag as an item of its own")
    if is_reserved_tag(text):
        mend = "For reconcile:protect write protect: true" if text.startswith(TAG_PREFIX + "protect") else "Remove it"
        raise InvalidValue(f'tags that begin with "{TAG_PREFIX}" are set by reconcile alone', mend)
    return text


@lru_cache(maxsize=4096)
def check_save_path(text: str) -> str:
    """An absolute path as qBittorrent sees it, on Linux or on Windows, in the form that it reports back."""
    check_one_line("the path", text)
    root = _PATH_ROOT.match(text)
    if not root:
        raise InvalidValue(
            'this path is not absolute, and "~", variables and relative paths are not resolved',
            "Write it in full, as qBittorrent sees it: /data/linux or C:\\data",
        )
    parts = text[root.end() :].split("/") if text[0] == "/" else re.split(r"[\\/]", text[root.end() :])
    if "." in parts or ".." in parts or "" in parts[:-1]:
        raise InvalidValue(
            'this path holds "." or ".." or an empty part, which qBittorrent would report in another way',
            "Write the shortest form of it",
        )
    return text


def check_category_download_path(value: object) -> object:
    """Where a category's incomplete downloads are: a path, False for none, None for not managed."""
    if isinstance(value, str):
        return check_save_path(value)
    if value is None or value is False:
        return value
    raise InvalidValue("a download_path is a path, or false for none", "Write it like /data/incomplete")


def parse_quarantine(value: object) -> object:
    """`7d` -> 7. Days, since what is kept for days should not depend on the hour."""
    found = _DAYS.match(value) if isinstance(value, str) else None
    days = int(found[1]) if found else 0
    if not 1 <= days <= _MAX_QUARANTINE_DAYS:
        raise InvalidValue(f"a quarantine is whole days, from 1d to {_MAX_QUARANTINE_DAYS}d", "Write it like 7d")
    return days


def check_plain_name(subject: str, text: str) -> str:
    """The name of an instance or an owner: it becomes part of tags, labels and file names."""
    if not _PLAIN_NAME.match(text):
        raise InvalidValue(f"{subject} is made of letters, digits and . _ - only", "Choose another name")
    return text


def check_instance_name(text: str) -> str:
    """The name of an instance."""
    return check_plain_name("the name of an instance", text)


def check_owner_name(text: str) -> str:
    """Who we are on an instance; some names are taken by marks that share the tag prefix."""
    check_plain_name("an owner", text)
    if text in RESERVED_OWNERS:
        raise InvalidValue(
            f'"{text}" cannot be an owner: the tag {TAG_PREFIX}{text} has a meaning of its own', "Choose another"
        )
    return text


def check_plan_hash(text: str) -> str:
    """The hash of a plan that was approved."""
    if not _PLAN_HASH.match(text):
        raise InvalidValue(
            'a plan hash is "sha256:" and 64 hex digits',
            "Copy it from the report of the refused plan",
        )
    return text


def parse_duration(value: object) -> object:
    """`1h30m` -> seconds, over 0 and at most a day. Anything but text and numbers is left to the schema."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise InvalidValue("a duration needs a unit: d, h, m or s", f"Write {value}s for seconds")
    if not isinstance(value, str):
        return value
    found = parse_seconds(value)
    if found is None:
        raise InvalidValue("a duration is a whole number and its unit: d, h, m or s", "Write it like 5s, 90m or 1h30m")
    if not 0 < found <= _SECONDS_PER_DAY:
        raise InvalidValue("a duration is more than 0s and at most 1d", "Write it like 5s or 2m")
    return float(found)


def parse_seconds(text: str) -> int | None:
    """`1h30m` -> 5400; None for what is no whole number of days, hours, minutes and seconds."""
    found = _DURATION.match(text)
    if not text or not found:
        return None
    parts = zip(found.groups(), _UNIT_SECONDS, strict=True)
    return sum(int(digits[:9]) * unit for digits, unit in parts if digits)


def check_api_url(text: str) -> str:
    """The address of a Web API. It is never quoted in a message: a credential may be in it by mistake."""
    mend = "Write it like http://127.0.0.1:8080 or https://seedbox.example/qbittorrent/"
    if _CONTROL_CHARACTER.search(text) or any(character.isspace() for character in text):
        raise InvalidValue("this url has a space or control character in it", mend)
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise InvalidValue("this is not a usable url: its host or port is malformed", mend) from None
    if parts.scheme not in ("http", "https") or "://" not in text:
        raise InvalidValue("a url begins with http:// or https://", mend)
    if "@" in parts.netloc:
        raise InvalidValue("credentials do not belong into the url", "Use username and password, or api_key")
    if "?" in text or "#" in text:
        raise InvalidValue('a url cannot hold "?" or "#"', mend)
    if not parts.hostname or port == 0 or "\\" in text:
        raise InvalidValue("this is not a usable url: its host or port is malformed", mend)
    return text


def check_torrent_location(text: str) -> str:
    """The path or the URL of a .torrent file. Never quoted: a URL may hold a passkey."""
    if not text:
        raise InvalidValue(
            "the torrent is empty", "Give the path of a .torrent file, relative to this file, or its URL"
        )
    if _CONTROL_CHARACTER.search(text):
        raise InvalidValue("the torrent has a line break or control character in it", "Write it on one line")
    scheme, colons, _ = text.partition("://")
    if text.lower().startswith("magnet:"):
        raise InvalidValue("this is a magnet link, no .torrent file", 'Write "magnet:" in place of "torrent:"')
    if not colons or not _URL_SCHEME.match(scheme):
        return text
    if scheme.lower() not in ("http", "https"):
        raise InvalidValue("a .torrent file is fetched over http and https only", _TORRENT_LOCATION_HINT)
    return _check_torrent_url(text)


def _check_torrent_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise InvalidValue("this is not a usable url: its host or port is malformed", _TORRENT_LOCATION_HINT) from None
    if "@" in parts.netloc:
        raise InvalidValue('a url with a user name or password before an "@" is not supported', _TORRENT_LOCATION_HINT)
    if not parts.hostname or port == 0 or "\\" in text or " " in text:
        raise InvalidValue(
            "this is not a usable url: its host or port is malformed, or it has a space in it", _TORRENT_LOCATION_HINT
        )
    return text


def parse_infohash(text: str) -> InfoHashes:
    """The infohash of a torrent: v1 (or the id that qBittorrent has for a v2 torrent), or v2."""
    digits = text.lower()
    if _HEX40.match(digits):
        found = InfoHashes(v1=digits)
    elif _HEX64.match(digits):
        found = InfoHashes(v2=digits)
    elif _BASE32.match(digits):
        found = InfoHashes(v1=b32decode(digits.upper()).hex())
    else:
        mend = 'Write "magnet:" in place of "infohash:"' if digits.startswith("magnet:") else "Copy it again"
        raise InvalidValue("an infohash is 40 hex digits (v1), 64 hex digits (v2) or 32 of base32", mend)
    if not str(found).strip("0"):
        raise InvalidValue("this infohash is all zeros, which names no torrent", "Copy it again")
    return found


def check_environment_name(text: str) -> str:
    """The name of an environment variable. Never quoted: it may be the secret itself, in the wrong place."""
    if not _ENV_NAME.match(text):
        raise InvalidValue(
            "the name of an environment variable is made of letters, digits and _", "Write env: MY_PASSWORD"
        )
    return text


STRICT_CONFIG: Final = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


def _select_secret_branch(value: Any) -> str:
    return "#from" if isinstance(value, dict) else "#text"


Duration = Annotated[float, BeforeValidator(parse_duration)]


@with_config(STRICT_CONFIG)
class SecretReference(TypedDict, total=False):
    """`{env: NAME}` or `{file: PATH}`; that it is exactly one of the two is checked when it is resolved."""

    env: Annotated[str, AfterValidator(check_environment_name)]
    file: str


SecretSource = Annotated[
    Annotated[str, Tag("#text")] | Annotated[SecretReference, Tag("#from")],
    Discriminator(_select_secret_branch),
]
