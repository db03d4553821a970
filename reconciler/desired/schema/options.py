"""The schema of the options of a torrent: limits, files, trackers and what goes with an add."""

import re
from difflib import get_close_matches
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, Required, get_args

from pydantic import AfterValidator, BeforeValidator, Discriminator, Tag, with_config
from typing_extensions import TypedDict  # before Python 3.12 pydantic cannot read the TypedDict of `typing`

from reconciler.desired.context import InvalidValue
from reconciler.desired.schema.common import (
    DEFERRED,
    STRICT_CONFIG,
    check_one_line,
    check_save_path,
    has_host,
    malformed_url_error,
    parse_seconds,
    select_list_branch,
    split_url,
)
from reconciler.model.codes import Code
from reconciler.model.fields.options import CREATE_ONLY_OPTIONS
from reconciler.model.fields.registry import list_ignorable_keys
from reconciler.model.units import LIMIT_WORDS, RATE_UNITS

# --- rates

MAX_RATE: Final = 2**31 - 2  # bytes per second: qBittorrent counts in 32 bits, and takes the last number for "none"
_RATE: Final = r"([0-9]{1,12}(?:\.[0-9]{1,6})?) *([A-Za-z]+(?:/[A-Za-z]+)?)"


def parse_rate(value: object) -> object:
    """`5 MiB/s` -> bytes per second; `unlimited` -> 0. Anything but text and numbers is left to the schema."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise InvalidValue(
            Code.RATE, "a rate needs a unit: B/s, kB/s, KiB/s, MB/s, MiB/s, GB/s or GiB/s", _suggest_rate(value)
        )
    return _parse_rate_text(value) if isinstance(value, str) else value


def _suggest_rate(number: float) -> str:
    """Return what a number without a unit may mean: what programs show (KiB/s) or store (B/s), if it is valid."""
    if number <= 0:
        return "Write unlimited"
    rates = [rate for unit in ("KiB/s", "B/s") if _is_rate(rate := f"{number} {unit}")]
    return f"Write {', or '.join(rates)}" if rates else "Write unlimited: qBittorrent takes less than 2 GiB/s"


def _is_rate(text: str) -> bool:
    try:
        return bool(_parse_rate_text(text))
    except InvalidValue:
        return False


@lru_cache(maxsize=256)
def _parse_rate_text(text: str) -> int:
    if text == "unlimited":
        return 0
    hint = "Write it like 500 KiB/s or 1.5 MiB/s, or unlimited"
    match = re.fullmatch(_RATE, text)
    if not match:
        raise InvalidValue(Code.RATE, "a rate must be a number with a unit, or unlimited", hint)
    unit = match[2]
    if unit not in RATE_UNITS:
        near = [word for word in RATE_UNITS if word.lower().removesuffix("/s") == unit.lower().removesuffix("/s")]
        if unit == "KB/s":
            raise InvalidValue(Code.RATE, '"KB" is ambiguous', "Write kB/s for 1000 or KiB/s for 1024 bytes per second")
        raise InvalidValue(
            Code.RATE, f'"{unit}" is not a unit for a rate', f"Did you mean {near[0]}?" if near else hint
        )
    rate = round(float(match[1]) * RATE_UNITS[unit])
    if not 0 < rate <= MAX_RATE:
        raise InvalidValue(
            Code.RATE, "a rate must be more than 0 and less than 2 GiB/s", "Write unlimited for no limit"
        )
    return rate


Rate = Annotated[int, BeforeValidator(parse_rate)]
_RATE_TEXT: Final = "a rate like 5 MiB/s, or unlimited"

# --- share limits

_LIMITS_BY_WORD: Final = {word: limit for limit, word in LIMIT_WORDS.items()}
MAX_MINUTES: Final = 365 * 1440
MAX_RATIO: Final = 9999


def parse_minutes(value: object) -> object:
    """`14d` -> minutes; `global` -> -2, `unlimited` -> -1. Anything but text and numbers is left to the schema."""
    hint = "Write it like 90m, 12h or 14d, or global or unlimited"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        is_usable = isinstance(value, int) and 0 <= value <= MAX_MINUTES
        raise InvalidValue(
            Code.SHARE_LIMIT,
            "a time limit needs a unit: d, h or m",
            f"Write {value}m for minutes" if is_usable else hint,
        )
    if not isinstance(value, str):
        return value
    if value in _LIMITS_BY_WORD:
        return _LIMITS_BY_WORD[value]
    seconds = parse_seconds(value)
    if seconds is None:
        raise InvalidValue(
            Code.SHARE_LIMIT, "a time limit must be a whole number with a unit (d, h or m), global or unlimited", hint
        )
    if seconds % 60:
        raise InvalidValue(Code.SHARE_LIMIT, "qBittorrent counts this time in whole minutes", hint)
    if seconds // 60 > MAX_MINUTES:
        raise InvalidValue(Code.SHARE_LIMIT, "a time limit must be at most 365d", "Write unlimited for no limit")
    return seconds // 60


def parse_ratio(value: object) -> object:
    """A number, or `global` -> -2, `unlimited` -> -1. qBittorrent keeps three decimals."""
    hint = "Write it like 2 or 1.5, or global or unlimited"
    if isinstance(value, str):
        if value in _LIMITS_BY_WORD:
            return _LIMITS_BY_WORD[value]
        raise InvalidValue(Code.SHARE_LIMIT, "a ratio must be a number without quotes, global or unlimited", hint)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    if not 0 <= value <= MAX_RATIO:
        raise InvalidValue(Code.SHARE_LIMIT, f"a ratio must be a number from 0 to {MAX_RATIO}", hint)
    if round(value, 3) != value:
        raise InvalidValue(Code.SHARE_LIMIT, "qBittorrent keeps three decimals of a ratio", f"Write {round(value, 3)}")
    return value


Minutes = Annotated[int, BeforeValidator(parse_minutes)]
Ratio = Annotated[float, BeforeValidator(parse_ratio)]
ShareLimitAction = Literal["default", "stop", "remove", "remove-with-content", "enable-super-seeding"]
_TIME_TEXT: Final = "a time like 90m or 14d, or global or unlimited"


@with_config(STRICT_CONFIG)
class ShareLimitsEntry(TypedDict, total=False):
    """The limits of sharing, and the action when a torrent reaches one."""

    ratio: Ratio
    seeding_time: Minutes
    inactive_seeding_time: Minutes
    action: ShareLimitAction


def check_share_limits(limits: dict[str, Any]) -> dict[str, Any]:
    """Share limits with at least one limit."""
    if not limits:
        raise InvalidValue(Code.SHARE_LIMIT, "no share limit is given", 'Write "share_limits: {ratio: 2}"')
    return limits


ShareLimitsValue = Annotated[ShareLimitsEntry, AfterValidator(check_share_limits)]

# --- files


def check_glob(text: str) -> str:
    """A pattern for the paths of files in a torrent."""
    check_one_line("the glob", text)
    parts = text.removeprefix("/").split("/")
    if "\\" in text:
        raise InvalidValue(
            Code.GLOB, 'the path separator in a torrent is "/"', 'Write "/" instead of "\\", and [*] for a literal "*"'
        )
    if "" in parts or "." in parts or ".." in parts:
        raise InvalidValue(
            Code.GLOB, 'this glob contains ".", ".." or an empty part', 'Write it like "*.nfo" or "Sample/**"'
        )
    if any("**" in segment and segment != "**" for segment in parts):
        raise InvalidValue(
            Code.GLOB,
            '"**" stands for any number of folders and must be a part of its own',
            'Write it like "Sample/**"',
        )
    return text


FilePriority = Literal["skip", "normal", "high", "maximal"]


@with_config(STRICT_CONFIG)
class FileRuleEntry(TypedDict):
    """One rule for the files of a torrent."""

    match: Required[Annotated[str, AfterValidator(check_glob)]]
    priority: Required[FilePriority]


# --- trackers and web seeds

_FORBIDDEN_IN_URLS: Final = r"[\x00-\x20\x7f-\x9f\u2028\u2029\"<>\\^`{|}]"  # qBittorrent refuses them in web seeds
TRACKER_SCHEMES: Final = ("http", "https", "udp", "ws", "wss")
WEB_SEED_SCHEMES: Final = ("http", "https")


@lru_cache(maxsize=4096)
def check_tracker(text: str) -> str:
    """The URL of a tracker. No message quotes it: it may contain a passkey."""
    return _check_link("the URL of a tracker", text, TRACKER_SCHEMES)


@lru_cache(maxsize=4096)
def check_web_seed(text: str) -> str:
    """The URL of a web seed."""
    return _check_link("the URL of a web seed", text, WEB_SEED_SCHEMES)


def _check_link(subject: str, text: str, schemes: tuple[str, ...]) -> str:
    hint = "Write it in full, like https://host.example/…"
    if not text:
        raise InvalidValue(Code.URL, f"{subject} is empty", hint)
    if re.search(_FORBIDDEN_IN_URLS, text):
        raise InvalidValue(
            Code.URL, f"{subject} contains a character that is not allowed in a URL", "Percent-encode it"
        )
    parts = split_url(text, hint, subject)
    if parts.scheme not in schemes or "://" not in text:
        *others, last = (f"{scheme}://" for scheme in schemes)
        raise InvalidValue(Code.URL, f"{subject} must begin with {', '.join(others)} or {last}", hint)
    if not has_host(parts):
        raise malformed_url_error(hint, subject)
    return text


TrackerUrl = Annotated[str, AfterValidator(check_tracker)]


@with_config(STRICT_CONFIG)
class ExactTrackersEntry(TypedDict):
    """`trackers: {only: […]}`."""

    only: list[TrackerUrl]


TrackersValue = Annotated[
    Annotated[list[TrackerUrl], Tag("#list")] | Annotated[ExactTrackersEntry, Tag("#only")],
    Discriminator(select_list_branch),
]
WebSeedUrl = Annotated[str, AfterValidator(check_web_seed)]

# --- the other options

_COMMENT_CONTROL_CHARACTER: Final = r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]"  # tabs and line breaks are text
ContentLayout = Literal["original", "subfolder", "no-subfolder"]
StopCondition = Literal["none", "metadata-received", "files-checked"]
IGNORABLE_KEYS: Final = list_ignorable_keys()


def check_torrent_download_path(text: str) -> str:
    """An absolute path, or "" for none."""
    return text and check_save_path(text)


def normalize_comment(text: str) -> str:
    """Text of any number of lines; qBittorrent removes the space around it."""
    if re.search(_COMMENT_CONTROL_CHARACTER, text):
        raise InvalidValue(Code.COMMENT, "the comment contains a control character", "Remove it")
    return text.strip()


def check_ignorable_key(text: str) -> str:
    """A key whose later changes are left alone."""
    if text in CREATE_ONLY_OPTIONS:
        raise InvalidValue(
            Code.IGNORED_KEY,
            f'"{text}" applies only when a torrent is added, so there are no changes to ignore',
            "Remove it",
        )
    if text not in IGNORABLE_KEYS:
        near = get_close_matches(text.lower(), IGNORABLE_KEYS, 1, 0.6)
        hint = f'Did you mean "{near[0]}"?' if near else "Valid keys: " + ", ".join(IGNORABLE_KEYS)
        raise InvalidValue(Code.IGNORED_KEY, "changes to this key cannot be ignored", hint)
    return text


@with_config(STRICT_CONFIG)
class OptionKeys(TypedDict, total=False):
    """The options that `defaults` may contain too."""

    download_path: Annotated[str, AfterValidator(check_torrent_download_path)] | None
    auto_tmm: bool | None
    force_start: bool | None
    sequential: bool | None
    first_last_piece_first: bool | None
    super_seeding: bool | None
    download_limit: Rate | None
    upload_limit: Rate | None
    share_limits: Annotated[ShareLimitsValue | None, DEFERRED]
    files: Annotated[list[FileRuleEntry] | None, DEFERRED]
    trackers: Annotated[TrackersValue | None, DEFERRED]
    comment: Annotated[str, AfterValidator(normalize_comment)] | None
    content_layout: ContentLayout | None
    skip_checking: bool | None
    stop_condition: StopCondition | None
    ignore_changes: Annotated[list[Annotated[str, AfterValidator(check_ignorable_key)]] | None, DEFERRED]


@with_config(STRICT_CONFIG)
class AllOptionKeys(OptionKeys, total=False):
    """All options, also options without a default."""

    web_seeds: Annotated[list[WebSeedUrl] | None, DEFERRED]
    delete_files: bool


OPTION_CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "action": get_args(ShareLimitAction),
    "content_layout": get_args(ContentLayout),
    "stop_condition": get_args(StopCondition),
    "priority": get_args(FilePriority),
}
OPTION_NUMBER_TEXTS: Final = {
    "download_limit": _RATE_TEXT,
    "upload_limit": _RATE_TEXT,
    "ratio": "a number like 1.5, or global or unlimited",
    "seeding_time": _TIME_TEXT,
    "inactive_seeding_time": _TIME_TEXT,
}
OPTION_SUBKEYS: Final[dict[str, tuple[str, ...]]] = {
    "share_limits": tuple(ShareLimitsEntry.__annotations__),
    "files": tuple(FileRuleEntry.__annotations__),
    "trackers": tuple(ExactTrackersEntry.__annotations__),
}
