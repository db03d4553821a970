"""The options of a torrent, one declaration each: how it shows, since when it can be set, how people write it.

The planner compares with these, apply knows from them what goes with an add, the report shows values by them, and
whatever turns a live torrent into an entry finds here every key with its value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isclose
from typing import Final

from reconciler.model.plan import FieldValue
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.units import GLOBAL_LIMIT, minutes_text, rate_text, ratio_text
from reconciler.model.versions import (
    ADD_WEB_SEEDS,
    DOWNLOAD_PATH,
    EVERY_VERSION,
    FORCE_START_AT_ADD,
    INACTIVE_SEEDING_TIME,
    SET_COMMENT,
    SHARE_LIMIT_ACTION,
    SHARE_LIMITS_AT_ADD,
    STOP_CONDITION_AT_ADD,
    SUBFOLDER_LAYOUT,
    ApiVersion,
    Capability,
)

SHARE_LIMITS: Final = "share_limits"
STOP_CONDITION: Final = "stop_condition"
METADATA_RECEIVED: Final = "metadata-received"  # a stop condition
RATIO_TOLERANCE: Final = 0.0015  # qBittorrent keeps thousandths, truncated: 4.02 is 4.019 after a restart


def _return_unchanged(value: FieldValue) -> FieldValue:
    return value


def _is_equal(one: FieldValue, other: FieldValue) -> bool:
    return one == other


@dataclass(frozen=True, slots=True)
class TorrentOption:
    """A field that an entry can declare and that can be changed at any time.

    `read` returns the live value, None where the server does not report it. It can be changed on servers that have
    `capability`, and an add carries it where the server has `at_add` (None: it is sent after the add). `to_declared`
    turns a value into what a desired state would say. `default` is the value that qBittorrent gives it by itself.
    """

    field: str
    read: Callable[[LiveTorrent], FieldValue]
    default: FieldValue = False
    capability: Capability = EVERY_VERSION
    at_add: Capability | None = None
    to_declared: Callable[[FieldValue], FieldValue] = _return_unchanged
    is_same: Callable[[FieldValue, FieldValue], bool] = _is_equal


@dataclass(frozen=True, slots=True)
class CreateOnlyOption:
    """A field that goes with an add and can neither be changed nor read afterwards."""

    field: str
    capability: Capability = EVERY_VERSION


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
        TorrentOption("auto_tmm", lambda live: live.auto_tmm, at_add=EVERY_VERSION),
        TorrentOption("download_path", _read_download_path, "", DOWNLOAD_PATH, DOWNLOAD_PATH),
        TorrentOption(
            "force_start", lambda live: live.options.force_start and not live.stopped, at_add=FORCE_START_AT_ADD
        ),
        TorrentOption("sequential", lambda live: live.options.sequential, at_add=EVERY_VERSION),
        TorrentOption("first_last_piece_first", lambda live: live.options.first_last_piece_first, at_add=EVERY_VERSION),
        TorrentOption("super_seeding", lambda live: live.options.super_seeding),
        TorrentOption(
            "download_limit",
            lambda live: live.options.download_limit,
            0,
            at_add=EVERY_VERSION,
            to_declared=_format_rate,
        ),
        TorrentOption(
            "upload_limit",
            lambda live: live.options.upload_limit,
            0,
            at_add=EVERY_VERSION,
            to_declared=_format_rate,
        ),
        TorrentOption(
            "share_limits.ratio",
            lambda live: live.options.share.ratio,
            GLOBAL_LIMIT,
            at_add=SHARE_LIMITS_AT_ADD,
            to_declared=_format_ratio,
            is_same=_is_same_ratio,
        ),
        TorrentOption(
            "share_limits.seeding_time",
            lambda live: live.options.share.seeding_time,
            GLOBAL_LIMIT,
            at_add=SHARE_LIMITS_AT_ADD,
            to_declared=_format_minutes,
        ),
        TorrentOption(
            "share_limits.inactive_seeding_time",
            lambda live: live.options.share.inactive_seeding_time,
            GLOBAL_LIMIT,
            INACTIVE_SEEDING_TIME,
            INACTIVE_SEEDING_TIME,
            to_declared=_format_minutes,
        ),
        TorrentOption(
            "share_limits.action",
            lambda live: live.options.share.action,
            "default",
            SHARE_LIMIT_ACTION,
            SHARE_LIMIT_ACTION,
        ),
        TorrentOption("comment", lambda live: live.comment, "", SET_COMMENT),
    )
}

CREATE_ONLY_OPTIONS: Final = {
    option.field: option
    for option in (
        CreateOnlyOption("content_layout"),
        CreateOnlyOption("skip_checking"),
        CreateOnlyOption(STOP_CONDITION, STOP_CONDITION_AT_ADD),
    )
}


def entry_key_of(field: str) -> str:
    """The key of an entry that a field belongs to: `share_limits` for `share_limits.ratio`."""
    return field.partition(".")[0]


def find_required_release(field: str, value: FieldValue, api_version: ApiVersion) -> str | None:
    """Return the first qBittorrent that can set a field to this value; None if a server of `api_version` can."""
    capability = _required_capability(field, value)
    return None if capability.is_available(api_version) else capability.release


def _required_capability(field: str, value: FieldValue) -> Capability:
    if field == "web_seeds":
        return ADD_WEB_SEEDS
    if field == "content_layout":  # before, an add could only say whether to keep the torrent's own folder
        return SUBFOLDER_LAYOUT if value == "subfolder" else EVERY_VERSION
    option = OPTIONS.get(field) or CREATE_ONLY_OPTIONS.get(field)
    return option.capability if option else EVERY_VERSION


def can_set_at_add(field: str, api_version: ApiVersion) -> bool:
    """True if an add carries this field on a server of that Web API version."""
    option = OPTIONS.get(field)
    if option is None:
        return True
    return option.at_add is not None and option.at_add.is_available(api_version)


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
        settable = option.capability.is_available(api_version)
        if value is not None and settable and not option.is_same(value, option.default):
            yield option.field, option.to_declared(value)
