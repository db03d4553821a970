"""The shape of the options of a torrent, as types that pydantic checks: a part of `schema`."""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, Required
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, with_config
from typing_extensions import TypedDict  # pydantic cannot read the one of `typing` before Python 3.12

from reconciler.desired.context import Invalid
from reconciler.desired.schema import common
from reconciler.desired.schema.common import STRICT
from reconciler.model.links import TRACKERS, WEB_SEEDS
from reconciler.model.options import CREATE_ONLY, OPTIONS, group
from reconciler.model.units import GLOBAL, RATE_UNITS, UNLIMITED

MOST_RATE: Final = 2**31 - 2  # bytes per second: qBittorrent counts in 32 bits, and takes the last number for "none"
MOST_MINUTES: Final = 365 * 1440
MOST_RATIO: Final = 9999
GROUPS: Final = tuple(dict.fromkeys(map(group, OPTIONS)))
IGNORABLE: Final = ("name", "category", "tags", "save_path", "paused", *GROUPS, TRACKERS, WEB_SEEDS, "files")

_RATE = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?) *([A-Za-z]+(?:/[A-Za-z]+)?)\Z")
_WORDS: Final = {"global": GLOBAL, "unlimited": UNLIMITED}
_NOT_IN_URLS = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029\"<>\\^`{|}]")  # qBittorrent refuses web seeds with them
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_TRACKER_SCHEMES: Final = ("http", "https", "udp", "ws", "wss")
_WEB_SEED_SCHEMES: Final = ("http", "https")


def rate(value: object) -> object:
    """`5 MiB/s` -> bytes per second; `unlimited` -> 0. Anything but text and numbers is left to the schema."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        mend = "Write unlimited" if value <= 0 else f"Write {value} KiB/s, or {value} B/s"
        raise Invalid("a rate needs a unit: B/s, kB/s, KiB/s, MB/s, MiB/s, GB/s or GiB/s", mend)
    return _rate(value) if isinstance(value, str) else value


@lru_cache(maxsize=256)
def _rate(text: str) -> int:
    if text == "unlimited":
        return 0
    mend = "Write it like 500 KiB/s or 1.5 MiB/s, or unlimited"
    found = _RATE.match(text)
    if not found:
        raise Invalid("a rate is a number and its unit, or unlimited", mend)
    unit = found[2]
    if unit not in RATE_UNITS:
        near = [known for known in RATE_UNITS if known.lower().removesuffix("/s") == unit.lower().removesuffix("/s")]
        if unit == "KB/s":
            raise Invalid('"KB" can mean two things', "Write kB/s for 1000 or KiB/s for 1024 bytes per second")
        raise Invalid(f'"{unit}" is no unit of a rate', f"Did you mean {near[0]}?" if near else mend)
    amount = round(float(found[1]) * RATE_UNITS[unit])
    if not 0 < amount <= MOST_RATE:
        raise Invalid("a rate is more than 0 and less than 2 GiB/s", "Write unlimited for no limit")
    return amount


def minutes(value: object) -> object:
    """`14d` -> minutes; `global` -> -2, `unlimited` -> -1. Anything but text and numbers is left to the schema."""
    mend = "Write it like 90m, 12h or 14d, or global or unlimited"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise Invalid("a time limit needs a unit: d, h or m", f"Write {value}m for minutes" if value >= 0 else mend)
    if not isinstance(value, str):
        return value
    if value in _WORDS:
        return _WORDS[value]
    seconds = common.seconds(value)
    if seconds is None:
        raise Invalid("a time limit is a whole number and its unit (d, h or m), global or unlimited", mend)
    if seconds % 60:
        raise Invalid("qBittorrent counts this time in whole minutes", mend)
    if seconds // 60 > MOST_MINUTES:
        raise Invalid("a time limit is at most 365d", "Write unlimited for no limit")
    return seconds // 60


def ratio(value: object) -> object:
    """A number, or `global` -> -2, `unlimited` -> -1. qBittorrent keeps three decimals."""
    mend = "Write it like 2 or 1.5, or global or unlimited"
    if isinstance(value, str):
        if value in _WORDS:
            return _WORDS[value]
        raise Invalid("a ratio is a number without quotes, global or unlimited", mend)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    if not 0 <= value <= MOST_RATIO:
        raise Invalid(f"a ratio is a number from 0 to {MOST_RATIO}", mend)
    if round(value, 3) != value:
        raise Invalid("qBittorrent keeps three decimals of a ratio", f"Write {round(value, 3)}")
    return value


def some_limit(limits: dict[str, Any]) -> dict[str, Any]:
    """Share limits name at least one."""
    if not limits:
        raise Invalid("no share limit is given", 'Write "share_limits: {ratio: 2}"')
    return limits


def download_path(text: str) -> str:
    """An absolute path, or "" for none."""
    return text and common.save_path(text)


def comment(text: str) -> str:
    """Text of any number of lines; qBittorrent removes the space around it."""
    if _CONTROL.search(text):
        raise Invalid("the comment has a control character in it", "Remove it")
    return text.strip()


@lru_cache(maxsize=4096)
def tracker(text: str) -> str:
    """The URL of a tracker. It is never quoted in a message: a passkey may be in it."""
    return _url("a tracker", text, _TRACKER_SCHEMES)


@lru_cache(maxsize=4096)
def web_seed(text: str) -> str:
    """The URL of a web seed."""
    return _url("a web seed", text, _WEB_SEED_SCHEMES)


def glob(text: str) -> str:
    """Which files of a torrent are meant."""
    common.one_line("the glob", text)
    parts = text.removeprefix("/").split("/")
    if "\\" in text:
        raise Invalid('the files of a torrent are parted by "/"', 'Write "/" for "\\", and [*] for a "*" that is meant')
    if "" in parts or "." in parts or ".." in parts:
        raise Invalid('this glob holds "." or ".." or an empty part', 'Write it like "*.nfo" or "Sample/**"')
    if any("**" in part and part != "**" for part in parts):
        raise Invalid('"**" stands for any number of folders, so it stands by itself', 'Write it like "Sample/**"')
    return text


def ignored(text: str) -> str:
    """A key whose later changes are left alone."""
    if text in CREATE_ONLY:
        raise Invalid(f'"{text}" goes with an add and is never compared', "Remove it")
    if text not in IGNORABLE:
        near = get_close_matches(text.lower(), IGNORABLE, 1, 0.6)
        mend = f'Did you mean "{near[0]}"?' if near else "Known here: " + ", ".join(IGNORABLE)
        raise Invalid("this is no key whose changes can be ignored", mend)
    return text


def _url(what: str, text: str, schemes: tuple[str, ...]) -> str:
    mend = f"Write it in full, like {schemes[-1] if len(schemes) == 2 else 'https'}://host.example/…"
    if not text:
        raise Invalid(f"the URL of {what} is empty", mend)
    if _NOT_IN_URLS.search(text):
        raise Invalid(
            f"the URL of {what} has a character in it that no URL can hold", "Write it as % and two hex digits"
        )
    try:
        parts = urlsplit(text)
        port, host = parts.port, parts.hostname
    except ValueError:
        raise Invalid(f"the URL of {what} is not usable: its host or port is malformed", mend) from None
    if parts.scheme not in schemes or "://" not in text:
        raise Invalid(f"the URL of {what} begins with {', '.join(f'{scheme}://' for scheme in schemes)}", mend)
    if not host or port == 0:
        raise Invalid(f"the URL of {what} is not usable: its host or port is malformed", mend)
    return text


Rate = Annotated[int, BeforeValidator(rate)]
Minutes = Annotated[int, BeforeValidator(minutes)]
Ratio = Annotated[float, BeforeValidator(ratio)]

Action = Literal["default", "stop", "remove", "remove-with-content", "enable-super-seeding"]
Layout = Literal["original", "subfolder", "no-subfolder"]
StopCondition = Literal["none", "metadata-received", "files-checked"]
Priority = Literal["skip", "normal", "high", "maximal"]


@with_config(STRICT)
class ShareLimitsEntry(TypedDict, total=False):
    """When a torrent has shared enough, and what happens then."""

    ratio: Ratio
    seeding_time: Minutes
    inactive_seeding_time: Minutes
    action: Action


@with_config(STRICT)
class FileEntry(TypedDict):
    """One rule for the files of a torrent."""

    match: Required[Annotated[str, AfterValidator(glob)]]
    priority: Required[Priority]


@with_config(STRICT)
class OptionKeys(TypedDict, total=False):
    """The options that `defaults` may hold too."""

    download_path: Annotated[str, AfterValidator(download_path)] | None
    auto_tmm: bool | None
    force_start: bool | None
    sequential: bool | None
    first_last_piece_first: bool | None
    super_seeding: bool | None
    download_limit: Rate | None
    upload_limit: Rate | None
    share_limits: Annotated[ShareLimitsEntry, AfterValidator(some_limit)] | None
    files: list[FileEntry] | None
    trackers: list[Annotated[str, AfterValidator(tracker)]] | None
    comment: Annotated[str, AfterValidator(comment)] | None
    content_layout: Layout | None
    skip_checking: bool | None
    stop_condition: StopCondition | None
    ignore_changes: list[Annotated[str, AfterValidator(ignored)]] | None


@with_config(STRICT)
class OwnOptionKeys(OptionKeys, total=False):
    """All options; some say something of one torrent only."""

    web_seeds: list[Annotated[str, AfterValidator(web_seed)]] | None
    delete_files: bool


CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "action": Action.__args__,  # type: ignore[attr-defined]
    "content_layout": Layout.__args__,  # type: ignore[attr-defined]
    "stop_condition": StopCondition.__args__,  # type: ignore[attr-defined]
    "priority": Priority.__args__,  # type: ignore[attr-defined]
}
KEYS: Final[dict[str, tuple[str, ...]]] = {
    "share_limits": tuple(ShareLimitsEntry.__annotations__),
    "files": tuple(FileEntry.__annotations__),
}
