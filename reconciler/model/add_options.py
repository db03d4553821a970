"""The options of the request that adds a torrent, from the changes that a plan shows for it.

See docs/decisions/0002-add-torrents-in-their-final-state.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from reconciler.model.fields.names import (
    AUTO_TMM,
    CATEGORY,
    CONTENT,
    CONTENT_LAYOUT,
    NAME,
    PAUSED,
    SAVE_PATH,
    SKIP_CHECKING,
    STOP_CONDITION,
)
from reconciler.model.fields.options import CREATE_ONLY_OPTIONS, METADATA_RECEIVED, OPTIONS
from reconciler.model.fields.registry import can_set_at_add, change_tags_to_add
from reconciler.model.plan import Change
from reconciler.model.snapshot import AddOptions
from reconciler.model.versions import ApiVersion

_OPTIONS_FOR_CREATED: Final = (
    (CONTENT_LAYOUT, "original"),
    (SKIP_CHECKING, True),
)  # for data that has just been hashed


@lru_cache(1024)  # many torrents are added alike
def build_add_options(changes: tuple[Change, ...], by_link: bool, tags_at_add: bool, api: ApiVersion) -> AddOptions:
    """Return the options of the request that adds a torrent with these changes.

    Nothing is left to the server's settings: a category alone means automatic management, so its path holds.

    A magnet link that is stopped from the beginning never gets its metadata; so the server stops it at that point.
    """
    wanted = {change.field: change.after for change in changes}
    path, category, name = wanted.get(SAVE_PATH), wanted.get(CATEGORY), wanted.get(NAME)
    metadata_first = by_link and wanted.get(STOP_CONDITION) == METADATA_RECEIVED
    return AddOptions(
        stopped=wanted.get(PAUSED) is True and not metadata_first,
        auto_tmm=wanted.get(AUTO_TMM, bool(category) and path is None) is True,
        category=str(category or ""),
        save_path=None if path is None else str(path),
        tags=tuple(sorted(_collect_tags(changes))) if tags_at_add else (),
        name=None if name is None else str(name),
        extra_options=(*_extra_options(changes, api), *(_OPTIONS_FOR_CREATED if CONTENT in wanted else ())),
    )


def _extra_options(changes: Sequence[Change], api: ApiVersion) -> tuple[tuple[str, str | bool | int | float], ...]:
    carried = (c for c in changes if c.field in OPTIONS or c.field in CREATE_ONLY_OPTIONS)
    return tuple(
        (c.field, c.after)
        for c in carried
        if c.field != AUTO_TMM and can_set_at_add(c.field, api) and isinstance(c.after, (str, bool, int, float))
    )


def _collect_tags(changes: Sequence[Change]) -> frozenset[str]:
    return frozenset(tag for change in changes for tag in change_tags_to_add(change))
