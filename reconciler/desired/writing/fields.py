"""What a live torrent would be declared as, key by key."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, cast

from pydantic import TypeAdapter, ValidationError

from reconciler.desired.errors import Invalid
from reconciler.desired.schema import Managed
from reconciler.desired.writing.scalars import Plain, scalar
from reconciler.model.options import Version, declarable
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.tags import PROTECT, free_tags

# What is as on any fresh torrent is not said, and so not managed: to declare `paused: false` would start again what a
# share limit has stopped.
_FIELDS: Final[tuple[tuple[str, Callable[[LiveTorrent], Plain]], ...]] = (
    ("category", lambda live: live.category or None),
    ("tags", lambda live: sorted(free_tags(live.tags)) or None),
    ("save_path", lambda live: None if live.auto_tmm or live.moving else live.save_path or None),
    ("paused", lambda live: live.stopped or None),
    ("protect", lambda live: PROTECT in live.tags or None),
)

_MANAGED: Final[TypeAdapter[Managed]] = TypeAdapter(Managed)


def managed_values(live: LiveTorrent, api: Version) -> tuple[dict[str, Plain], tuple[str, ...]]:
    """Its keys, and why one was left out: whatever the schema refuses, since one such value would spoil the file."""
    keys: dict[str, Plain] = {}
    left: list[str] = []
    for key, found in _said(live, api):
        outer, _, inner = key.partition(".")
        if isinstance(found, list):
            reasons = [(item, _refusal(key, (item,))) for item in found]
            left += [f"{key} without {scalar(str(item))}: {why}" for item, why in reasons if why]
            if kept := [item for item, why in reasons if not why]:
                keys[key] = kept
        elif why := _refusal(key, found):
            left.append(f"{key} {scalar(str(found))} is left out: {why}")
        elif inner:
            keys[outer] = {**cast("Mapping[str, Plain]", keys.get(outer, {})), inner: found}
        else:
            keys[key] = found
    if live.moving:
        left.append("save_path is left out: its data is being moved")
    if "save_path" not in keys and keys.pop("download_path", None):
        left.append("download_path is left out: without a save_path it cannot be declared")
    return keys, tuple(left)


def _said(live: LiveTorrent, api: Version) -> Iterator[tuple[str, Plain]]:
    """Every key that has something to say; `share_limits.ratio` for one inside of another."""
    for key, read in _FIELDS:
        if (found := read(live)) is not None:
            yield key, found
    for key, value in declarable(live, api):
        if not (key == "download_path" and live.auto_tmm):  # it is its category's
            yield key, cast("Plain", value)


def is_category(name: str, save_path: str) -> bool:
    """Can a category with this path be declared?"""
    return bool(name and save_path) and not _refusal("category", name) and not _refusal("save_path", save_path)


@lru_cache(maxsize=4096)
def _refusal(key: str, found: Any) -> str:
    """Why the schema does not take this value, or ""."""
    outer, _, inner = key.partition(".")
    value = list(found) if isinstance(found, tuple) else found
    given = {outer: {inner: value} if inner else value}
    try:
        _MANAGED.validate_python(given)
    except ValidationError as error:
        cause = error.errors(include_url=False)[0].get("ctx", {}).get("error")
        return cause.message if isinstance(cause, Invalid) else "its form is not allowed"
    return ""
