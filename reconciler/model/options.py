"""The options of a torrent, one declaration each: how it shows, since when it can be set, how people write it.

The planner compares with these, apply knows from them what goes with an add, the report shows values by them, and
whatever turns a live torrent into an entry finds here every key with its value. Web API versions are as measured, or
as qBittorrent's history tells (its `WebAPI_Changelog.md`, and the tags before that).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isclose
from typing import Final

from reconciler.model.plan import FieldValue
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.units import GLOBAL_LIMIT, minutes_text, rate_text, ratio_text

ApiVersion = tuple[int, ...]

SHARE_LIMITS: Final = "share_limits"
STOP_CONDITION: Final = "stop_condition"
METADATA_RECEIVED: Final = "metadata-received"  # a stop condition
RATIO_TOLERANCE: Final = 0.0015  # qBittorrent keeps thousandths, truncated: 4.02 is 4.019 after a restart
_ALL_VERSIONS: Final[ApiVersion] = ()


def _return_unchanged(value: FieldValue) -> FieldValue:
    return value


def _is_equal(one: FieldValue, other: FieldValue) -> bool:
    return one == other


@dataclass(frozen=True, slots=True)
class TorrentOption:
    """A field that an entry can declare and that can be changed at any time.

    `read` gives the live value, None where the server does not tell it. `min_api` is the Web API version from which it
    can be changed, `min_release` the qBittorrent that brought it, `add_min_api` the version from which an add carries it (None:
    it follows the add). `to_declared_value` turns a value into what a desired state would say. `default` is what it is with
    qBittorrent where nobody sets it.
    """

    field: str
    read: Callable[[LiveTorrent], FieldValue]
    default: FieldValue = False
    min_api: ApiVersion = _ALL_VERSIONS
    min_release: str = ""
    add_min_api: ApiVersion | None = None
    to_declared: Callable[[FieldValue], FieldValue] = _return_unchanged
    is_same: Callable[[FieldValue, FieldValue], bool] = _is_equal


@dataclass(frozen=True, slots=True)
class CreateOnlyOption:
    """A field that goes with an add and can neither be changed nor read afterwards."""

    field: str
    min_api: ApiVersion = _ALL_VERSIONS
    min_release: str = ""


def _read_download_path(torrent: LiveTorrent) -> FieldValue:
    """Where it is kept while incomplete; "" for no such place. Where it was taken away, newer versions (seen: 5.1, 5.3)
    give the save path instead, which means the same.
    """
    path = torrent.options.download_path
    return "" if path == torrent.save_path else path


def _is_same_ratio(one: FieldValue, other: FieldValue) -> bool:
    numbers = isinstance(one, (int, float)) and isinstance(other, (int, float))
    return numbers and isclose(one, other, rel_tol=0, abs_tol=RATIO_TOLERANCE)  # type: ignore[arg-type]


def _format_rate(value: FieldValue) -> FieldValue:
    return rate_text(value) if isinstance(value, int) else value


def _format_minutes(value: FieldValue) -> FieldValue:
    return minutes_text(value) if isinstance(value, int) else value


def _format_ratio(value: FieldValue) -> FieldValue:
    return ratio_text(value) if isinstance(value, (int, float)) else value


OPTIONS: Final = {
    option.field: option
    for option in (
        TorrentOption("auto_tmm", lambda live: live.auto_tmm, add_min_api=_ALL_VERSIONS),
        TorrentOption("download_path", _read_download_path, "", (2, 8, 4), "4.4", (2, 8, 4)),
        TorrentOption(
            "force_start", lambda live: live.options.force_start and not live.stopped, add_min_api=(2, 11, 4)
        ),
        TorrentOption("sequential", lambda live: live.options.sequential, add_min_api=_ALL_VERSIONS),
        TorrentOption(
            "first_last_piece_first", lambda live: live.options.first_last_piece_first, add_min_api=_ALL_VERSIONS
        ),
        TorrentOption("super_seeding", lambda live: live.options.super_seeding),
        TorrentOption(
            "download_limit",
            lambda live: live.options.download_limit,
            0,
            add_min_api=_ALL_VERSIONS,
            to_declared=_format_rate,
        ),
        TorrentOption(
            "upload_limit",
            lambda live: live.options.upload_limit,
            0,
            add_min_api=_ALL_VERSIONS,
            to_declared=_format_rate,
        ),
        TorrentOption(
            "share_limits.ratio",
            lambda live: live.options.share.ratio,
            GLOBAL_LIMIT,
            add_min_api=(2, 8, 1),
            to_declared=_format_ratio,
            is_same=_is_same_ratio,
        ),
        TorrentOption(
            "share_limits.seeding_time",
            lambda live: live.options.share.seeding_time,
            GLOBAL_LIMIT,
            add_min_api=(2, 8, 1),
            to_declared=_format_minutes,
        ),
        TorrentOption(
            "share_limits.inactive_seeding_time",
            lambda live: live.options.share.inactive_seeding_time,
            GLOBAL_LIMIT,
            (2, 9, 2),
            "4.6",
            (2, 9, 2),
            to_declared=_format_minutes,
        ),
        TorrentOption(
            "share_limits.action", lambda live: live.options.share.action, "default", (2, 12), "5.2", (2, 12)
        ),
        TorrentOption("comment", lambda live: live.comment, "", (2, 12, 1), "5.2"),
    )
}

CREATE_ONLY_OPTIONS: Final = {
    option.field: option
    for option in (
        CreateOnlyOption("content_layout"),
        CreateOnlyOption("skip_checking"),
        CreateOnlyOption(STOP_CONDITION, (2, 8, 18), "4.5"),
    )
}
SUBFOLDER_MIN_API: Final[ApiVersion] = (2, 7)  # before, an add could only say whether to keep the torrent's own folder
WEB_SEEDS_MIN_API: Final[ApiVersion] = (2, 11, 4)
WEB_SEEDS_MIN_RELEASE: Final = "5.1"


def entry_key_of(field: str) -> str:
    """The key of an entry that a field belongs to: `share_limits` for `share_limits.ratio`."""
    return field.partition(".")[0]


def find_required_release(field: str, value: FieldValue, api_version: ApiVersion) -> str | None:
    """The first qBittorrent that can set this to a live torrent, or at an add, where this one cannot."""
    if field == "web_seeds":
        return None if api_version >= WEB_SEEDS_MIN_API else WEB_SEEDS_MIN_RELEASE
    if field == "content_layout":
        return "4.3.2" if value == "subfolder" and api_version < SUBFOLDER_MIN_API else None
    option = OPTIONS.get(field) or CREATE_ONLY_OPTIONS.get(field)
    return option.min_release if option and api_version < option.min_api else None


def can_set_at_add(field: str, api_version: ApiVersion) -> bool:
    """Does an add carry this field on a server of that Web API version?"""
    option = OPTIONS.get(field)
    if option is None:
        return True
    return option.add_min_api is not None and api_version >= option.add_min_api


def to_declared_value(field: str, value: FieldValue) -> FieldValue:
    """A value as a desired state would say it: `5 MiB/s` for 5242880."""
    option = OPTIONS.get(field)
    return option.to_declared(value) if option and value is not None else value


def iter_declarable_options(torrent: LiveTorrent, api_version: ApiVersion) -> Iterator[tuple[str, FieldValue]]:
    """Every option that an entry could declare for this torrent as it is, with its value as the desired state says it.

    Those that the server does not have are left out, and those that are as qBittorrent has them by itself.
    """
    for option in OPTIONS.values():
        value = option.read(torrent)
        if value is not None and api_version >= option.min_api and not option.is_same(value, option.default):
            yield option.field, option.to_declared(value)
