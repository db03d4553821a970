"""The effects of requests on the torrents and categories of a server, as each version shows them afterwards.

Measured on real servers by the conformance tests. The in-memory qBittorrent of tests and the projection of plans
(`plan.projection`) share this code, so that both know the same server.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from reconciler.model.files import Priority
from reconciler.model.links import TRACKERS, WEB_SEEDS, append_links, parse_link_urls
from reconciler.model.paths import normalize_path
from reconciler.model.snapshot import (
    CategoryDownloadPath,
    LiveCategory,
    LiveOptions,
    LiveTorrent,
    ShareLimits,
)
from reconciler.model.units import GLOBAL_LIMIT
from reconciler.model.versions import (
    CATEGORY_DOWNLOAD_PATH,
    CATEGORY_EDIT_KEEPS_DATA,
    CATEGORY_EDIT_MOVES_DATA,
    DOWNLOAD_PATH,
    INACTIVE_SEEDING_TIME,
    SAVE_PATH_AS_DOWNLOAD_PATH,
    SHARE_LIMIT_ACTION,
    SHARE_LIMITS_MODE,
    STOPPED_STATE_NAMES,
    SUBCATEGORIES,
    ApiVersion,
)


def trim_tags(tags: Collection[str]) -> frozenset[str]:
    """Return the tags as the server stores them."""
    return frozenset(tag.strip() for tag in tags) - {""}


def trim_name(name: str) -> str:
    """Return the name of a torrent as the server stores it: on one line. An empty one is refused."""
    return " ".join(name.splitlines()).strip()


def replace_options(torrent: LiveTorrent, **options: Any) -> LiveTorrent:
    """Return the torrent with other values of these options."""
    return replace(torrent, options=replace(torrent.options, **options))


def move_torrent(torrent: LiveTorrent, path: str) -> LiveTorrent:
    """Return the torrent and its content at another save path."""
    prefix, content_path = f"{torrent.save_path}/", torrent.content_path
    if torrent.has_metadata and content_path.startswith(prefix):
        content_path = f"{path}/{content_path.removeprefix(prefix)}"
    return replace(torrent, save_path=path, content_path=content_path)


def begin_management(torrent: LiveTorrent, path: str) -> LiveTorrent:
    """Return the torrent under automatic management, at the path of its category."""
    if torrent.auto_tmm:
        return torrent
    moved = move_torrent(replace(torrent, auto_tmm=True), path)
    return moved if torrent.options.download_path is None else replace_options(moved, download_path="")


def ends_management(before: LiveCategory, after: LiveCategory, api: ApiVersion) -> bool:
    """True if an edit of a category makes its automatic torrents manual, with the settings of a new server.

    From 4.4 on, an edit of its download path does so too.
    """
    if CATEGORY_DOWNLOAD_PATH.is_available(api):
        return before != after
    return normalize_path(before.save_path) != after.save_path


def end_management(torrent: LiveTorrent, path: str, api: ApiVersion) -> LiveTorrent:
    """Return a torrent that becomes manual because its category got another path, with the settings of a new server.

    `path`: the new path of the category. Some versions move the data there, and all others leave it where it is.
    """
    moves = CATEGORY_EDIT_MOVES_DATA.is_available(api) and not CATEGORY_EDIT_KEEPS_DATA.is_available(api)
    manual = replace(torrent, auto_tmm=False)
    return move_torrent(manual, path) if moves else manual


def set_download_path(torrent: LiveTorrent, path: str, api: ApiVersion) -> LiveTorrent:
    """Return the torrent with that download path, "" for none. Automatic management ignores the request."""
    if torrent.auto_tmm:
        return torrent
    removed = torrent.save_path if SAVE_PATH_AS_DOWNLOAD_PATH.is_available(api) else ""
    return replace_options(torrent, download_path=normalize_path(path) if path else removed)


def set_stopped(torrent: LiveTorrent, stopped: bool, api: ApiVersion) -> LiveTorrent:
    """Return the torrent stopped or started, either of which ends a forced start."""
    state = name_state(api, stopped, torrent.has_metadata, torrent.progress)
    return replace_options(replace(torrent, stopped=stopped, state=state), force_start=False)


def set_force_start(torrent: LiveTorrent, force: bool, api: ApiVersion) -> LiveTorrent:
    """Return the torrent with or without a forced start. A stopped torrent starts with either value."""
    state = name_state(api, False, torrent.has_metadata, torrent.progress)
    return replace_options(replace(torrent, stopped=False, state=state), force_start=force)


def name_state(api: ApiVersion, stopped: bool, has_metadata: bool = False, progress: float = 0.0) -> str:
    """Return the state of a torrent without peers."""
    suffix = "UP" if progress >= 1 else "DL"
    if not stopped:
        return f"stalled{suffix}" if has_metadata or suffix == "UP" else "metaDL"
    return f"{'stopped' if STOPPED_STATE_NAMES.is_available(api) else 'paused'}{suffix}"


def set_share_limits(torrent: LiveTorrent, limits: ShareLimits) -> LiveTorrent:
    """Return the torrent with all these share limits, as far as the version has them."""
    share = torrent.options.share
    newer_limits = {
        name: getattr(limits, name)
        for name in ("inactive_seeding_time", "action", "mode")
        if getattr(share, name) is not None
    }
    share = replace(share, ratio=limits.ratio, seeding_time=limits.seeding_time, **newer_limits)
    return replace_options(torrent, share=share)


def add_urls(torrent: LiveTorrent, field: str, urls: Sequence[str]) -> LiveTorrent:
    """Return the torrent with these trackers or web seeds too, each spelling once."""
    present = parse_link_urls(torrent.links, field)
    key = {TRACKERS: "tr", WEB_SEEDS: "ws"}[field]
    new = "".join(f"&{key}={quote(url, safe='')}" for url in urls if url not in present)
    return replace(torrent, links=torrent.links + new)


def remove_trackers(torrent: LiveTorrent, urls: Collection[str]) -> LiveTorrent:
    """Return the torrent without the trackers of the same spelling."""
    remaining = [url for url in parse_link_urls(torrent.links, TRACKERS) if url not in urls]
    return replace(torrent, links=append_links("", remaining, parse_link_urls(torrent.links, WEB_SEEDS)))


def set_file_priority(torrent: LiveTorrent, indexes: Collection[int], priority: Priority) -> LiveTorrent:
    """Return the torrent with that priority of some of its files."""
    files = torrent.files or ()
    changed = (replace(file, priority=priority) if file.index in indexes else file for file in files)
    return replace(torrent, files=tuple(changed))


@lru_cache(1024)  # many torrents are added alike
def build_added_options(
    extra_options: tuple[tuple[str, str | bool | int | float], ...], stopped: bool, auto_tmm: bool, api: ApiVersion
) -> LiveOptions:
    """Return the options of a torrent after an add with these `extra_options` (of `AddOptions`)."""
    values = dict(extra_options)
    share = ShareLimits(
        inactive_seeding_time=GLOBAL_LIMIT if INACTIVE_SEEDING_TIME.is_available(api) else None,
        action="default" if SHARE_LIMIT_ACTION.is_available(api) else None,
        mode="Default" if SHARE_LIMITS_MODE.is_available(api) else None,
    )
    limits: dict[str, Any] = {
        field.partition(".")[2]: value for field, value in values.items() if field.startswith("share_limits.")
    }
    path = normalize_path(str(values.get("download_path") or "")) if DOWNLOAD_PATH.is_available(api) else None
    return LiveOptions(
        force_start=values.get("force_start") is True and not stopped,
        sequential=values.get("sequential") is True,
        first_last_piece_first=values.get("first_last_piece_first") is True,
        download_limit=int(values.get("download_limit", 0)),
        upload_limit=int(values.get("upload_limit", 0)),
        share=replace(share, **limits) if limits else share,
        download_path="" if auto_tmm and path else path,
    )


def normalize_category_path(download_path: CategoryDownloadPath, api: ApiVersion) -> CategoryDownloadPath:
    """Return the download path of a category in its normal form; None before 4.4, which has none."""
    if not CATEGORY_DOWNLOAD_PATH.is_available(api):
        return None
    return normalize_path(download_path) if isinstance(download_path, str) else download_path


def list_missing_parents(name: str, existing: Collection[str], api: ApiVersion) -> list[str]:
    """Return the categories that the server creates with a category, outermost first: from 5.2 on, its parents."""
    if not SUBCATEGORIES.is_available(api):
        return []
    parents = [name[:end] for end, sign in enumerate(name) if sign == "/"]
    return [parent for parent in parents if parent not in existing]


def list_removed_categories(name: str, existing: Collection[str], api: ApiVersion) -> list[str]:
    """Return the categories that go with a category: itself, and from 5.2 on all within it."""
    nested = SUBCATEGORIES.is_available(api)
    return [other for other in existing if other == name or (nested and other.startswith(f"{name}/"))]


def find_category_path(
    category: str, categories: Mapping[str, LiveCategory], default_save_path: str | None
) -> str | None:
    """Return the save path of a category under automatic management; None if it depends on an unknown default path."""
    live_category = categories.get(category) if category else None
    if live_category and live_category.save_path:
        return live_category.save_path
    if default_save_path is None:
        return None
    return f"{default_save_path}/{category}" if category else default_save_path
