"""The shape of the options of a torrent, as types that pydantic checks: a part of `schema`."""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, Required
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, with_config
from typing_extensions import TypedDict  # pydantic cannot read the one of `typing` before Python 3.12

from reconciler.desired.context import InvalidValue
from reconciler.desired.schema import common
from reconciler.desired.schema.common import STRICT_CONFIG
from reconciler.model.fields import CREATE_ONLY_OPTIONS, OPTIONS, entry_key_of, list_ignorable_keys
from reconciler.model.units import GLOBAL_LIMIT, RATE_UNITS, UNLIMITED

MAX_RATE: Final = 2**31 - 2  # bytes per second: qBittorrent counts in 32 bits, and takes the last number for "none"
MAX_MINUTES: Final = 365 * 1440
MAX_RATIO: Final = 9999
OPTION_GROUPS: Final = tuple(dict.fromkeys(map(entry_key_of, OPTIONS)))
IGNORABLE_KEYS: Final = list_ignorable_keys()

_RATE = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?) *([A-Za-z]+(?:/[A-Za-z]+)?)\Z")
_SPECIAL_LIMITS: Final = {"global": GLOBAL_LIMIT, "unlimited": UNLIMITED}
_FORBIDDEN_IN_URLS = re.compile(
    r"[\x00-\x20\x7f-\x9f\u2028\u2029\"<>\\^`{|}]"
)  # qBittorrent refuses web seeds with them
_CONTROL_CHARACTER = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_TRACKER_SCHEMES: Final = ("http", "https", "udp", "ws", "wss")
_WEB_SEED_SCHEMES: Final = ("http", "https")


def parse_rate(value: object) -> object:
    """`5 MiB/s` -> bytes per second; `unlimited` -> 0. Anything but text and numbers is left to the schema."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        mend = "Write unlimited" if value <= 0 else f"Write {value} KiB/s, or {value} B/s"
        raise InvalidValue("a rate needs a unit: B/s, kB/s, KiB/s, MB/s, MiB/s, GB/s or GiB/s", mend)
    return _parse_rate_text(value) if isinstance(value, str) else value


@lru_cache(maxsize=256)
def _parse_rate_text(text: str) -> int:
    if text == "unlimited":
        return 0
    mend = "Write it like 500 KiB/s or 1.5 MiB/s, or unlimited"
    found = _RATE.match(text)
    if not found:
        raise InvalidValue("a rate is a number and its unit, or unlimited", mend)
    unit = found[2]
    if unit not in RATE_UNITS:
        near = [known for known in RATE_UNITS if known.lower().removesuffix("/s") == unit.lower().removesuffix("/s")]
        if unit == "KB/s":
            raise InvalidValue('"KB" can mean two things', "Write kB/s for 1000 or KiB/s for 1024 bytes per second")
        raise InvalidValue(f'"{unit}" is no unit of a rate', f"Did you mean {near[0]}?" if near else mend)
    amount = round(float(found[1]) * RATE_UNITS[unit])
    if not 0 < amount <= MAX_RATE:
        raise InvalidValue("a rate is more than 0 and less than 2 GiB/s", "Write unlimited for no limit")
    return amount


def parse_minutes(value: object) -> object:
    """`14d` -> minutes; `global` -> -2, `unlimited` -> -1. Anything but text and numbers is left to the schema."""
    mend = "Write it like 90m, 12h or 14d, or global or unlimited"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise InvalidValue(
            "a time limit needs a unit: d, h or m", f"Write {value}m for minutes" if value >= 0 else mend
        )
    if not isinstance(value, str):
        return value
    if value in _SPECIAL_LIMITS:
        return _SPECIAL_LIMITS[value]
    seconds = common.parse_seconds(value)
    if seconds is None:
        raise InvalidValue("a time limit is a whole number and its unit (d, h or m), global or unlimited", mend)
    if seconds % 60:
        raise InvalidValue("qBittorrent counts this time in whole minutes", mend)
    if seconds // 60 > MAX_MINUTES:
        raise InvalidValue("a time limit is at most 365d", "Write unlimited for no limit")
    return seconds // 60


def parse_ratio(value: object) -> object:
    """A number, or `global` -> -2, `unlimited` -> -1. qBittorrent keeps three decimals."""
    mend = "Write it like 2 or 1.5, or global or unlimited"
    if isinstance(value, str):
        if value in _SPECIAL_LIMITS:
            return _SPECIAL_LIMITS[value]
        raise InvalidValue("a ratio is a number without quotes, global or unlimited", mend)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    if not 0 <= value <= MAX_RATIO:
        raise InvalidValue(f"a ratio is a number from 0 to {MAX_RATIO}", mend)
    if round(value, 3) != value:
        raise InvalidValue("qBittorrent keeps three decimals of a ratio", f"Write {round(value, 3)}")
    return value


def check_share_limits(limits: dict[str, Any]) -> dict[str, Any]:
    """Share limits name at least one."""
    if not limits:
        raise InvalidValue("no share limit is given", 'Write "share_limits: {ratio: 2}"')
    return limits


def check_torrent_download_path(text: str) -> str:
    """An absolute path, or "" for none."""
    return text and common.check_save_path(text)


def normalize_comment(text: str) -> str:
    """Text of any number of lines; qBittorrent removes the space around it."""
    if _CONTROL_CHARACTER.search(text):
        raise InvalidValue("the comment has a control character in it", "Remove it")
    return text.strip()


@lru_cache(maxsize=4096)
def check_tracker(text: str) -> str:
    """The URL of a tracker. It is never quoted in a message: a passkey may be in it."""
    return _check_url("a tracker", text, _TRACKER_SCHEMES)


@lru_cache(maxsize=4096)
def check_web_seed(text: str) -> str:
    """The URL of a web seed."""
    return _check_url("a web seed", text, _WEB_SEED_SCHEMES)


def check_glob(text: str) -> str:
    """Which files of a torrent are meant."""
    common.check_one_line("the glob", text)
    parts = text.removeprefix("/").split("/")
    if "\\" in text:
        raise InvalidValue(
            'the files of a torrent are parted by "/"', 'Write "/" for "\\", and [*] for a "*" that is meant'
        )
    if "" in parts or "." in parts or ".." in parts:
        raise InvalidValue('this glob holds "." or ".." or an empty part', 'Write it like "*.nfo" or "Sample/**"')
    if any("**" in part and part != "**" for part in parts):
        raise InvalidValue('"**" stands for any number of folders, so it stands by itself', 'Write it like "Sample/**"')
    return text


def check_ignorable_key(text: str) -> str:
    """A key whose later changes are left alone."""
    if text in CREATE_ONLY_OPTIONS:
        raise InvalidValue(f'"{text}" goes with an add and is never compared', "Remove it")
    if text not in IGNORABLE_KEYS:
        near = get_close_matches(text.lower(), IGNORABLE_KEYS, 1, 0.6)
        mend = f'Did you mean "{near[0]}"?' if near else "Known here: " + ", ".join(IGNORABLE_KEYS)
        raise InvalidValue("this is no key whose changes can be ignored", mend)
    return text


def _check_url(subject: str, text: str, schemes: tuple[str, ...]) -> str:
    mend = f"Write it in full, like {schemes[-1] if len(schemes) == 2 else 'https'}://host.example/…"
    if not text:
        raise InvalidValue(f"the URL of {subject} is empty", mend)
    if _FORBIDDEN_IN_URLS.search(text):
        raise InvalidValue(
            f"the URL of {subject} has a character in it that no URL can hold", "Write it as % and two hex digits"
        )
    try:
        parts = urlsplit(text)
        port, host = parts.port, parts.hostname
    except ValueError:
        raise InvalidValue(f"the URL of {subject} is not usable: its host or port is malformed", mend) from None
    if parts.scheme not in schemes or "://" not in text:
        raise InvalidValue(f"the URL of {subject} begins with {', '.join(f'{scheme}://' for scheme in schemes)}", mend)
    if not host or port == 0:
        raise InvalidValue(f"the URL of {subject} is not usable: its host or port is malformed", mend)
    return text


Rate = Annotated[int, BeforeValidator(parse_rate)]
Minutes = Annotated[int, BeforeValidator(parse_minutes)]
Ratio = Annotated[float, BeforeValidator(parse_ratio)]

ShareLimitAction = Literal["default", "stop", "remove", "remove-with-content", "enable-super-seeding"]
ContentLayout = Literal["original", "subfolder", "no-subfolder"]
StopCondition = Literal["none", "metadata-received", "files-checked"]
FilePriority = Literal["skip", "normal", "high", "maximal"]


@with_config(STRICT_CONFIG)
class ShareLimitsEntry(TypedDict, total=False):
    """When a torrent has shared enough, and what happens then."""

    ratio: Ratio
    seeding_time: Minutes
    inactive_seeding_time: Minutes
    action: ShareLimitAction


@with_config(STRICT_CONFIG)
class FileRuleEntry(TypedDict):
    """One rule for the files of a torrent."""

    match: Required[Annotated[str, AfterValidator(check_glob)]]
    priority: Required[FilePriority]


@with_config(STRICT_CONFIG)
class OptionKeys(TypedDict, total=False):
    """The options that `defaults` may hold too."""

    download_path: Annotated[str, AfterValidator(check_torrent_download_path)] | None
    auto_tmm: bool | None
    force_start: bool | None
    sequential: bool | None
    first_last_piece_first: bool | None
    super_seeding: bool | None
    download_limit: Rate | None
    upload_limit: Rate | None
    share_limits: Annotated[ShareLimitsEntry, AfterValidator(check_share_limits)] | None
    files: list[FileRuleEntry] | None
    trackers: list[Annotated[str, AfterValidator(check_tracker)]] | None
    comment: Annotated[str, AfterValidator(normalize_comment)] | None
    content_layout: ContentLayout | None
    skip_checking: bool | None
    stop_condition: StopCondition | None
    ignore_changes: list[Annotated[str, AfterValidator(check_ignorable_key)]] | None


@with_config(STRICT_CONFIG)
class AllOptionKeys(OptionKeys, total=False):
    """All options; some say something of one torrent only."""

    web_seeds: list[Annotated[str, AfterValidator(check_web_seed)]] | None
    delete_files: bool


OPTION_CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "action": ShareLimitAction.__args__,  # type: ignore[attr-defined]
    "content_layout": ContentLayout.__args__,  # type: ignore[attr-defined]
    "stop_condition": StopCondition.__args__,  # type: ignore[attr-defined]
    "priority": FilePriority.__args__,  # type: ignore[attr-defined]
}
OPTION_SUBKEYS: Final[dict[str, tuple[str, ...]]] = {
    "share_limits": tuple(ShareLimitsEntry.__annotations__),
    "files": tuple(FileRuleEntry.__annotations__),
}
