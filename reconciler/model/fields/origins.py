"""The fields of where a torrent comes from: the content that it was made from, and the work that follows an add."""

from __future__ import annotations

from typing import Final

from reconciler.model.content import Content, ContentReference
from reconciler.model.data_overlap import normalize_data_path
from reconciler.model.desired import DesiredTorrent
from reconciler.model.fields.field import AppliedCheck, Field, FieldKind, make_presence_check
from reconciler.model.fields.marks import make_mark_encoder, prepare_tags_check
from reconciler.model.fields.names import CONTENT, CONTENT_OF, CREATOR_TASK, EXPORT, METADATA, PEER
from reconciler.model.plan import Change, FieldValue, SetTorrent
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.tags import CONTENT_OF_TAG, CONTENT_TAG

_encode_content_of = make_mark_encoder(CONTENT_OF_TAG)


def _declare_content(entry: DesiredTorrent) -> FieldValue:
    return entry.content.path if isinstance(entry.content, Content) else None


def _declare_content_of(entry: DesiredTorrent) -> FieldValue:
    return entry.content.name if isinstance(entry.content, ContentReference) else None


def _declare_export(entry: DesiredTorrent) -> FieldValue:
    export = entry.content.export if isinstance(entry.content, Content) else None
    return export.declared_path if export else None


def _diff_content(entry: DesiredTorrent, torrent: LiveTorrent) -> Change | None:
    path = _declare_content(entry)
    return Change(CONTENT, None, path) if path is not None and CONTENT_TAG not in torrent.tags else None


def _diff_content_of(entry: DesiredTorrent, torrent: LiveTorrent) -> Change | None:
    name = _declare_content_of(entry)
    return Change(CONTENT_OF, None, name) if name is not None and CONTENT_OF_TAG not in torrent.tags else None


def _diff_export(entry: DesiredTorrent, torrent: LiveTorrent) -> Change | None:
    export = entry.content.export if isinstance(entry.content, Content) else None
    if export is None or export.has_torrent(torrent.infohashes):
        return None
    return Change(EXPORT, None if export.infohashes is None else str(export.infohashes), export.declared_path)


def _make_metadata_check(_change: Change) -> AppliedCheck:
    return lambda torrent, _action: torrent.has_metadata


def _make_content_check(change: Change) -> AppliedCheck:
    """Return a check that the torrent has the content tag, and its data is at the content that it was made from."""
    content = normalize_data_path(str(change.after))

    def is_content_applied(torrent: LiveTorrent, _action: SetTorrent) -> bool:
        return CONTENT_TAG in torrent.tags and normalize_data_path(torrent.content_root) == content

    return is_content_applied


ORIGINS: Final = (
    Field(
        name=CONTENT,
        kind=FieldKind.ORIGIN,
        read=lambda torrent: torrent.content_root if CONTENT_TAG in torrent.tags else None,
        declare=_declare_content,
        diff=_diff_content,
        make_applied_check=_make_content_check,
        encode_tags=make_mark_encoder(CONTENT_TAG),
    ),
    Field(
        name=CONTENT_OF,
        kind=FieldKind.ORIGIN,
        read=lambda torrent: True if CONTENT_OF_TAG in torrent.tags else None,
        declare=_declare_content_of,
        diff=_diff_content_of,
        make_applied_check=prepare_tags_check(_encode_content_of),
        encode_tags=_encode_content_of,
    ),
)

FOLLOW_UPS: Final = (
    Field(
        name=EXPORT,
        kind=FieldKind.FOLLOW_UP,
        declare=_declare_export,
        diff=_diff_export,
        make_applied_check=make_presence_check,
        rank=4,
    ),
    Field(name=CREATOR_TASK, kind=FieldKind.FOLLOW_UP, make_applied_check=make_presence_check, rank=4),
    Field(name=PEER, kind=FieldKind.FOLLOW_UP, make_applied_check=make_presence_check, rank=4),
    Field(name=METADATA, kind=FieldKind.FOLLOW_UP, make_applied_check=_make_metadata_check, rank=4),
)
