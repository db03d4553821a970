"""The shape of one YAML document, as types that pydantic checks. What is not named here is an unknown key.

Typed dicts, not models: a key that is absent stays absent (not managed) and differs from an explicit `null`
(undo the default), and ten thousand entries are checked in milliseconds.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Required

from pydantic import AfterValidator, Discriminator, Field, Tag, TypeAdapter, with_config
from typing_extensions import TypedDict  # pydantic cannot read the one of `typing` before Python 3.12

from reconciler.desired.context import Invalid
from reconciler.desired.schema import common, content
from reconciler.desired.schema.common import STRICT, Duration, SecretSource
from reconciler.desired.schema.content import ContentEntry, ContentSource
from reconciler.desired.schema.groups import GroupEntry, GroupName, MemberEntry
from reconciler.desired.schema.options import KEYS as OPTION_KEYS
from reconciler.desired.schema.options import OptionKeys, OwnOptionKeys
from reconciler.desired.schema.probes import PROBE_KEYS, ProbeEntry
from reconciler.model.magnet import Magnet, MagnetError, parse_magnet

SOURCES: Final = ("magnet", "torrent", "infohash", "content", "content_of")  # of which each torrent has one
BRANCHES: Final = frozenset(
    {"#list", "#only", "#text", "#from", "#name", "#member", "#path", "#made"}
)  # union branches: in pydantic's locs, not in the YAML


def _magnet(text: str) -> Magnet:
    try:
        return parse_magnet(text)
    except MagnetError as error:
        raise Invalid(f"this magnet link cannot be used: {error}") from None


def _tags_branch(value: Any) -> str | None:
    return "#list" if isinstance(value, list) else "#only" if isinstance(value, dict) else None


TagName = Annotated[str, AfterValidator(common.tag_name)]
CategoryName = Annotated[str, AfterValidator(common.category_name)]
InstanceName = Annotated[str, AfterValidator(common.instance_name)]
SavePath = Annotated[str, AfterValidator(common.save_path)]
Count = Annotated[int, Field(ge=0)]


@with_config(STRICT)
class TagsOnly(TypedDict):
    """`tags: {only: […]}`."""

    only: list[TagName]


Tags = Annotated[
    Annotated[list[TagName], Tag("#list")] | Annotated[TagsOnly, Tag("#only")],
    Discriminator(_tags_branch),
]


@with_config(STRICT)
class Managed(OptionKeys, total=False):
    """The keys of a torrent that `defaults` may hold too. `null`: not managed, whatever the defaults say."""

    instance: str | None
    category: Annotated[str, AfterValidator(common.category_or_none)] | None
    tags: Tags | None
    save_path: SavePath | None
    paused: bool | None
    protect: bool | None


@with_config(STRICT)
class TorrentEntry(Managed, OwnOptionKeys, total=False):
    """One item of `torrents`. That it has exactly one source is checked when it is resolved."""

    magnet: Annotated[str, AfterValidator(_magnet)]
    torrent: Annotated[str, AfterValidator(common.torrent_place)]
    infohash: Annotated[str, AfterValidator(common.infohash)]
    content: ContentSource
    content_of: Annotated[str, AfterValidator(common.torrent_name)]
    export: Annotated[str, AfterValidator(content.export_place)]
    name: Annotated[str, AfterValidator(common.torrent_name)] | None
    state: Literal["present", "absent"]


@with_config(STRICT)
class CategoryEntry(TypedDict, total=False):
    """One category; with `save_path` absent or `null` its path is not managed, and so with `download_path`."""

    save_path: SavePath | None
    download_path: Annotated[Any, AfterValidator(common.download_path)]


Categories = dict[CategoryName, CategoryEntry | None]


@with_config(STRICT)
class TlsEntry(TypedDict, total=False):
    """How the certificate of an https instance is checked."""

    verify: bool
    ca_file: str | None


@with_config(STRICT)
class TimeoutEntry(TypedDict, total=False):
    """How long to wait: for a connection, and for an answer."""

    connect: Duration
    read: Duration


@with_config(STRICT)
class InstanceEntry(TypedDict, total=False):
    """One qBittorrent Web API."""

    url: Required[Annotated[str, AfterValidator(common.url)]]
    username: str | None
    password: SecretSource | None
    api_key: SecretSource | None
    tls: TlsEntry
    timeout: TimeoutEntry
    pool_size: Annotated[int, Field(ge=1, le=16)]
    categories: Categories
    preferences: dict[str, Any]  # see `preferences.py`
    suspend: bool
    health: list[ProbeEntry]
    when_unhealthy: Literal["leave", "pause"]


@with_config(STRICT)
class GuardEntry(TypedDict, total=False):
    """The limits on deletions; a percentage of what we own on an instance."""

    max_delete: Count
    max_delete_percent: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
    max_delete_files: Count | None


@with_config(STRICT)
class DocumentEntry(TypedDict, total=False):
    """A whole document."""

    version: Required[Annotated[int, AfterValidator(common.version)]]
    owner: Annotated[str, AfterValidator(common.owner_name)]
    policy: Literal["create-only", "upsert", "sync"]
    delete_files: bool
    quarantine: Annotated[Any, AfterValidator(common.quarantine)]
    prune_categories: bool
    guard: GuardEntry
    suspend: bool
    accept_plan: Annotated[str, AfterValidator(common.plan_hash)]
    instances: dict[InstanceName, InstanceEntry]
    groups: dict[GroupName, GroupEntry]
    categories: Categories
    defaults: Managed
    torrents: list[TorrentEntry]


DOCUMENT: Final[TypeAdapter[DocumentEntry]] = TypeAdapter(DocumentEntry)


def _known(entry: type) -> tuple[str, ...]:
    """The keys of a torrent, the usual ones first."""
    return tuple(sorted(entry.__annotations__, key=lambda key: key in OwnOptionKeys.__annotations__))


# the known keys of each place, for suggestions
KEYS: Final[dict[str, tuple[str, ...]]] = {
    "": tuple(DocumentEntry.__annotations__),
    "instances": tuple(InstanceEntry.__annotations__),
    "groups": tuple(GroupEntry.__annotations__),
    "members": tuple(MemberEntry.__annotations__),
    "tls": tuple(TlsEntry.__annotations__),
    "timeout": tuple(TimeoutEntry.__annotations__),
    "guard": tuple(GuardEntry.__annotations__),
    "categories": tuple(CategoryEntry.__annotations__),
    "defaults": _known(Managed),
    "torrents": (*SOURCES, *(key for key in _known(TorrentEntry) if key not in SOURCES)),
    "tags": ("only",),
    "content": tuple(ContentEntry.__annotations__),
    **OPTION_KEYS,
    "password": ("env", "file"),
    "api_key": ("env", "file"),
    **PROBE_KEYS,
}
