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

from reconciler.model.plan import Value
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.units import GLOBAL, minutes_text, rate_text, ratio_text

Version = tuple[int, ...]

SHARE_LIMITS: Final = "share_limits"
STOP_CONDITION: Final = "stop_condition"
METADATA_RECEIVED: Final = "metadata-received"  # a stop condition
RATIO_TOLERANCE: Final = 0.0015  # qBittorrent keeps thousandths, truncated: 4.02 is 4.019 after a restart
_ALWAYS: Final[Version] = ()


def _as_it_is(value: Value) -> Value:
    return value


def _equal(one: Value, other: Value) -> bool:
    return one == other


@dataclass(frozen=True, slots=True)
class Option:
    """A field that an entry can declare and that can be changed at any time.

    `read` gives the live value, None where the server does not tell it. `since` is the Web API version from which it
    can be changed, `release` the qBittorrent that brought it, `at_add` the version from which an add carries it (None:
    it follows the add). `written` turns a value into what a desired state would say. `default` is what it is with
    qBittorrent where nobody sets it.
    """

    field: str
    read: Callable[[LiveTorrent], Value]
    default: Value = False
    since: Version = _ALWAYS
    release: str = ""
    at_add: Version | None = None
    written: Callable[[Value], Value] = _as_it_is
    same: Callable[[Value, Value], bool] = _equal


@dataclass(frozen=True, slots=True)
class CreateOnly:
    """A field that goes with an add and can neither be changed nor read afterwards."""

    field: str
    since: Version = _ALWAYS
    release: str = ""


def _download_path(torrent: LiveTorrent) -> Value:
    """Where it is kept while incomplete; "" for no such place. Where it was taken away, newer versions (seen: 5.1, 5.3)
    give the save path instead, which means the same.
    """
    path = torrent.options.download_path
    return "" if path == torrent.save_path else path


def _same_ratio(one: Value, other: Value) -> bool:
    numbers = isinstance(one, (int, float)) and isinstance(other, (int, float))
    return numbers and isclose(one, other, rel_tol=0, abs_tol=RATIO_TOLERANCE)  # type: ignore[arg-type]


def _rate(value: Value) -> Value:
    return rate_text(value) if isinstance(value, int) else value


def _minutes(value: Value) -> Value:
    return minutes_text(value) if isinstance(value, int) else value


def _ratio(value: Value) -> Value:
    return ratio_text(value) if isinstance(value, (int, float)) else value


OPTIONS: Final = {
    option.field: option
    for option in (
        Option("auto_tmm", lambda live: live.auto_tmm, at_add=_ALWAYS),
        Option("download_path", _download_path, "", (2, 8, 4), "4.4", (2, 8, 4)),
        Option("force_start", lambda live: live.options.force_start and not live.stopped, at_add=(2, 11, 4)),
        Option("sequential", lambda live: live.options.sequential, at_add=_ALWAYS),
        Option("first_last_piece_first", lambda live: live.options.first_last_piece_first, at_add=_ALWAYS),
        Option("super_seeding", lambda live: live.options.super_seeding),
        Option("download_limit", lambda live: live.options.download_limit, 0, at_add=_ALWAYS, written=_rate),
        Option("upload_limit", lambda live: live.options.upload_limit, 0, at_add=_ALWAYS, written=_rate),
        Option(
            "share_limits.ratio",
            lambda live: live.options.share.ratio,
            GLOBAL,
            at_add=(2, 8, 1),
            written=_ratio,
            same=_same_ratio,
        ),
        Option(
            "share_limits.seeding_time",
            lambda live: live.options.share.seeding_time,
            GLOBAL,
            at_add=(2, 8, 1),
            written=_minutes,
        ),
        Option(
            "share_limits.inactive_seeding_time",
            lambda live: live.options.share.inactive_seeding_time,
            GLOBAL,
            (2, 9, 2),
            "4.6",
            (2, 9, 2),
            written=_minutes,
        ),
        Option("share_limits.action", lambda live: live.options.share.action, "default", (2, 12), "5.2", (2, 12)),
        Option("comment", lambda live: live.comment, "", (2, 12, 1), "5.2"),
    )
}

CREATE_ONLY: Final = {
    option.field: option
    for option in (
        CreateOnly("content_layout"),
        CreateOnly("skip_checking"),
        CreateOnly(STOP_CONDITION, (2, 8, 18), "4.5"),
    )
}
SUBFOLDER_SINCE: Final[Version] = (2, 7)  # before, an add could only say whether to keep the torrent's own folder
WEB_SEEDS_SINCE: Final[Version] = (2, 11, 4)
WEB_SEEDS_RELEASE: Final = "5.1"


def group(field: str) -> str:
    """The key of an entry that a field belongs to: `share_limits` for `share_limits.ratio`."""
    return field.partition(".")[0]


def unsupported(field: str, value: Value, api: Version) -> str | None:
    """The first qBittorrent that can set this to a live torrent, or at an add, where this one cannot."""
    if field == "web_seeds":
        return None if api >= WEB_SEEDS_SINCE else WEB_SEEDS_RELEASE
    if field == "content_layout":
        return "4.3.2" if value == "subfolder" and api < SUBFOLDER_SINCE else None
    option = OPTIONS.get(field) or CREATE_ONLY.get(field)
    return option.release if option and api < option.since else None


def goes_with_add(field: str, api: Version) -> bool:
    """Does an add carry this field on a server of that Web API version?"""
    option = OPTIONS.get(field)
    if option is None:
        return True
    return option.at_add is not None and api >= option.at_add


def written(field: str, value: Value) -> Value:
    """A value as a desired state would say it: `5 MiB/s` for 5242880."""
    option = OPTIONS.get(field)
    return option.written(value) if option and value is not None else value


def declarable(live: LiveTorrent, api: Version) -> Iterator[tuple[str, Value]]:
    """Every option that an entry could declare for this torrent as it is, with its value as the desired state says it.

    Those that the server does not have are left out, and those that are as qBittorrent has them by itself.
    """
    for option in OPTIONS.values():
        value = option.read(live)
        if value is not None and api >= option.since and not option.same(value, option.default):
            yield option.field, option.written(value)
