"""Torrents that a build of qBittorrent cannot have: without libtorrent 2 there are v1 torrents only.

See docs/decisions/0023-a-format-that-is-declared-is-the-format-of-the-torrent.md.
"""

from __future__ import annotations

from reconciler.model.content import V1_FORMAT, Content
from reconciler.model.infohash import InfoHashes
from reconciler.model.snapshot import Snapshot
from reconciler.model.versions import TORRENT_CREATOR, V2_TORRENTS


def no_v2_reason(infohashes: InfoHashes | None, snapshot: Snapshot) -> str | None:
    """Return why an instance cannot have this torrent, which has only a v2 infohash; None if it can, or has another."""
    if infohashes is None or infohashes.v1 or snapshot.supports_v2 is not False:
        return None
    is_new = V2_TORRENTS.is_available(snapshot.api_version)
    remedy = "a build on libtorrent 2 has them" if is_new else f"{V2_TORRENTS.release} and later do"
    return f"unsupported: {_build_text(snapshot)} has no v2 torrents; {remedy}"


def becomes_v1_text(infohashes: InfoHashes | None, snapshot: Snapshot) -> str:
    """Return a clause for a hybrid torrent that is a v1 torrent on the instance, to be appended; "" for others."""
    if infohashes is None or not (infohashes.v1 and infohashes.v2) or snapshot.supports_v2 is not False:
        return ""
    return f"; it is hybrid, and becomes a v1 torrent: {_build_text(snapshot)} has no others"


def created_as_v1_text(content: object, snapshot: Snapshot) -> str:
    """Return a clause for content without a declared format that becomes a v1 torrent; "" for other content."""
    if not isinstance(content, Content) or content.format or snapshot.supports_v2 is not False:
        return ""
    return f", as a v1 torrent: {_build_text(snapshot)} makes no others"


def uncreatable_reason(content: object, snapshot: Snapshot) -> str | None:
    """Return why an instance cannot create a torrent from this content, in the declared format; None if it can."""
    if not isinstance(content, Content):
        return None
    if not TORRENT_CREATOR.is_available(snapshot.api_version):
        return f"unsupported: qBittorrent {snapshot.version} makes no torrents; {TORRENT_CREATOR.release} and later do"
    if content.format in ("", V1_FORMAT) or snapshot.supports_v2 is not False:
        return None
    return (
        f'unsupported: "format: {content.format}" is declared, and {_build_text(snapshot)} makes only v1 torrents; '
        'declare "format: v1", or use a build on libtorrent 2'
    )


def other_format_reason(content: object, infohashes: InfoHashes | None) -> str | None:
    """Return why the torrent that was created is not the declared one: its format is another; None if it may be."""
    if not isinstance(content, Content) or not content.format or infohashes is None:
        return None
    if content.format == (actual := _name_format(infohashes)):
        return None
    return (
        f'"format: {content.format}" is declared, and the torrent that was made from it is {actual}; '
        f'declare "format: {actual}", or remove that torrent in qBittorrent to have it made again'
    )


def _name_format(infohashes: InfoHashes) -> str:
    if infohashes.v1 and infohashes.v2:
        return "hybrid"
    return V1_FORMAT if infohashes.v1 else "v2"


def _build_text(snapshot: Snapshot) -> str:
    if not V2_TORRENTS.is_available(snapshot.api_version):
        return f"qBittorrent {snapshot.version}"
    return f"this qBittorrent {snapshot.version}, built on libtorrent {snapshot.libtorrent},"
