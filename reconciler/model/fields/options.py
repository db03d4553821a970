"""The options of a torrent, and the options that only an add can set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import isclose
from types import MappingProxyType
from typing import Final

from reconciler.model import versions
from reconciler.model.desired import DesiredTorrent
from reconciler.model.fields.field import ChangeRequest, Field, FieldKind, make_presence_check
from reconciler.model.fields.names import (
    AUTO_TMM,
    COMMENT,
    CONTENT_LAYOUT,
    DOWNLOAD_PATH,
    FIRST_LAST_PIECE_FIRST,
    FORCE_START,
    SHARE_LIMITS,
    SKIP_CHECKING,
    STOP_CONDITION,
)
from reconciler.model.plan import FieldValue
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.units import GLOBAL_LIMIT, RATIO_TOLERANCE, minutes_text, rate_text, ratio_text
from reconciler.model.versions import EVERY_VERSION, Capability

METADATA_RECEIVED: Final = "metadata-received"  # a stop condition


def has_reached_declared_limit(entry: DesiredTorrent, torrent: LiveTorrent) -> bool:
    """Return True if a share limit that the entry declares explains why the torrent is stopped.

    What a declared limit did is the declared state. How long a torrent was inactive before it stopped is unknown.
    """
    if not torrent.shared or SHARE_LIMITS in entry.ignore_changes:
        return False
    ratio, time, inactive = (
        value if isinstance(value := entry.options.get(f"{SHARE_LIMITS}.{key}"), (int, float)) else None
        for key in ("ratio", "seeding_time", "inactive_seeding_time")
    )
    is_inactive = inactive is not None and inactive >= 0
    return is_inactive or torrent.shared.has_reached(ratio, None if time is None else int(time))


def _want_force_start(entry: DesiredTorrent, torrent: LiveTorrent) -> FieldValue:
    value = entry.options.get(FORCE_START)
    return None if value and has_reached_declared_limit(entry, torrent) else value


def _read_download_path(torrent: LiveTorrent) -> FieldValue:
    """Return the path of incomplete data, "" for none.

    Once it was removed, newer versions (seen: 5.1, 5.3) report the save path instead, which means the same.
    """
    path = torrent.options.download_path
    return "" if path == torrent.save_path else path


def _resolve_download_path(wanted: FieldValue, torrent: LiveTorrent) -> FieldValue:
    """Return "" for the save path: qBittorrent keeps no separate path then."""
    return "" if wanted == torrent.save_path else wanted


def _import_download_path(torrent: LiveTorrent) -> FieldValue:
    """Return None under automatic management: the path belongs to the category."""
    return None if torrent.auto_tmm else _read_download_path(torrent) or None


def _is_same_if_shown(value: FieldValue, other: FieldValue) -> bool:
    """Return True if they are equal, or if the server does not show the value: then nothing can be waited for."""
    return value is None or value == other


def _is_same_ratio(value: FieldValue, other: FieldValue) -> bool:
    numbers = isinstance(value, (int, float)) and isinstance(other, (int, float))
    return numbers and isclose(value, other, rel_tol=0, abs_tol=RATIO_TOLERANCE)  # type: ignore[arg-type]


def _format_rate(value: FieldValue) -> FieldValue:
    return rate_text(value) if isinstance(value, int) else value


def _format_minutes(value: FieldValue) -> FieldValue:
    return minutes_text(value) if isinstance(value, int) else value


def _format_ratio(value: FieldValue) -> FieldValue:
    return ratio_text(value) if isinstance(value, (int, float)) else value


def _complete_option(option: Field) -> Field:
    """Return an option with everything that all options have in common."""

    def read_unless_default(torrent: LiveTorrent) -> FieldValue:
        value = option.read(torrent)
        return None if value is None or option.is_same(value, option.default) else value

    return replace(
        option,
        import_value=option.import_value or read_unless_default,
        declare=lambda entry: entry.options.get(option.name),
        is_ignorable=True,
        sets_location=option.request is ChangeRequest.LOCATION,
    )


def _create_only(
    name: str,
    capability: Capability = EVERY_VERSION,
    capability_of: Callable[[FieldValue], Capability] | None = None,
) -> Field:
    return Field(
        name=name,
        kind=FieldKind.CREATE_ONLY,
        declare=lambda entry: entry.create_only.get(name),
        make_applied_check=make_presence_check,
        capability=capability,
        capability_of=capability_of,
    )


def _find_layout_capability(value: FieldValue) -> Capability:
    """Return the capability for a layout: before, an add could only say whether to keep the torrent's own folder."""
    return versions.SUBFOLDER_LAYOUT if value == "subfolder" else EVERY_VERSION


_OPTIONS: Final = tuple(
    _complete_option(option)
    for option in (
        Field(
            name=AUTO_TMM,
            kind=FieldKind.OPTION,
            read=lambda torrent: torrent.auto_tmm,
            default=False,
            request=ChangeRequest.LOCATION,
            moves_data=lambda change, _: bool(change.after),
        ),
        Field(
            name=DOWNLOAD_PATH,
            kind=FieldKind.OPTION,
            read=_read_download_path,
            default="",
            request=ChangeRequest.LOCATION,
            resolve=_resolve_download_path,
            import_value=_import_download_path,
            capability=versions.DOWNLOAD_PATH,
            at_add=versions.DOWNLOAD_PATH,
            moves_data=lambda _, torrent: torrent.progress < 1,  # only incomplete data is there
        ),
        Field(
            name=FORCE_START,
            kind=FieldKind.OPTION,
            read=lambda torrent: torrent.options.force_start and not torrent.stopped,
            default=False,
            want=_want_force_start,
            request=ChangeRequest.START,
            at_add=versions.FORCE_START_AT_ADD,
            rank=2,
        ),
        Field(
            name="sequential",
            kind=FieldKind.OPTION,
            read=lambda torrent: torrent.options.sequential,
            default=False,
            request=ChangeRequest.TOGGLE,
        ),
        Field(
            name=FIRST_LAST_PIECE_FIRST,
            kind=FieldKind.OPTION,
            read=lambda torrent: torrent.options.first_last_piece_first,
            default=False,
            request=ChangeRequest.TOGGLE,
            is_same=_is_same_if_shown,
        ),
        Field(
            name="super_seeding",
            kind=FieldKind.OPTION,
            read=lambda torrent: torrent.options.super_seeding,
            default=False,
            request=ChangeRequest.START,
            at_add=None,
        ),
        Field(
            name="download_limit",
            kind=FieldKind.OPTION,
            read=lambda torrent: torrent.options.download_limit,
            default=0,
            request=ChangeRequest.VALUE,
            to_declared=_format_rate,
        ),
        Field(
            name="upload_limit",
            kind=FieldKind.OPTION,
            read=lambda torrent: torrent.options.upload_limit,
            default=0,
            request=ChangeRequest.VALUE,
            to_declared=_format_rate,
        ),
        Field(
            name=f"{SHARE_LIMITS}.ratio",
            kind=FieldKind.OPTION,
            read=lambda torrent: torrent.options.share.ratio,
            default=GLOBAL_LIMIT,
            request=ChangeRequest.SHARE_LIMITS,
            is_same=_is_same_ratio,
            at_add=versions.SHARE_LIMITS_AT_ADD,
            to_declared=_format_ratio,
        ),
        Field(
            name=f"{SHARE_LIMITS}.seeding_time",
            kind=FieldKind.OPTION,
            read=lambda torrent: torrent.options.share.seeding_time,
            default=GLOBAL_LIMIT,
            request=ChangeRequest.SHARE_LIMITS,
            at_add=versions.SHARE_LIMITS_AT_ADD,
            to_declared=_format_minutes,
        ),
        Field(
            name=f"{SHARE_LIMITS}.inactive_seeding_time",
            kind=FieldKind.OPTION,
            read=lambda torrent: torrent.options.share.inactive_seeding_time,
            default=GLOBAL_LIMIT,
            request=ChangeRequest.SHARE_LIMITS,
            capability=versions.INACTIVE_SEEDING_TIME,
            at_add=versions.INACTIVE_SEEDING_TIME,
            to_declared=_format_minutes,
        ),
        Field(
            name=f"{SHARE_LIMITS}.action",
            kind=FieldKind.OPTION,
            read=lambda torrent: torrent.options.share.action,
            default="default",
            request=ChangeRequest.SHARE_LIMITS,
            capability=versions.SHARE_LIMIT_ACTION,
            at_add=versions.SHARE_LIMIT_ACTION,
        ),
        Field(
            name=COMMENT,
            kind=FieldKind.OPTION,
            read=lambda torrent: torrent.comment,
            default="",
            request=ChangeRequest.VALUE,
            capability=versions.SET_COMMENT,
            at_add=None,
        ),
    )
)

OPTIONS: Final = MappingProxyType({field.name: field for field in _OPTIONS})

_CREATE_ONLY: Final = (
    _create_only(CONTENT_LAYOUT, capability_of=_find_layout_capability),
    _create_only(SKIP_CHECKING),
    _create_only(STOP_CONDITION, versions.STOP_CONDITION_AT_ADD),
)

CREATE_ONLY_OPTIONS: Final = MappingProxyType({field.name: field for field in _CREATE_ONLY})
