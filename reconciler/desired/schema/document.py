"""The shape of one YAML document, as types that pydantic checks. What is not named here is an unknown key.

Typed dicts, not models: a key that is absent stays absent (not managed) and differs from an explicit `null`
(undo the default), and ten thousand entries are checked in milliseconds.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Required

from pydantic import AfterValidator, Discriminator, Field, Tag, TypeAdapter, with_config
from typing_extensions import TypedDict  # pydantic cannot read the one of `typing` before Python 3.12

from reconciler.desired.context import InvalidValue
from reconciler.desired.schema import common, content
from reconciler.desired.schema.common import STRICT_CONFIG, Duration, SecretSource
from reconciler.desired.schema.content import ContentEntry, ContentValue
from reconciler.desired.schema.groups import GroupEntry, GroupName, MemberEntry
from reconciler.desired.schema.options import OPTION_SUBKEYS as OPTION_KEYS
from reconciler.desired.schema.options import AllOptionKeys, OptionKeys
from reconciler.desired.schema.probes import PROBE_KEYS, ProbeEntry
from reconciler.model.magnet import Magnet, MagnetError, parse_magnet

SOURCE_KEYS: Final = ("magnet", "torrent", "infohash", "content", "content_of")  # of which each torrent has one
UNION_BRANCHES: Final = frozenset(
    {"#list", "#only", "#text", "#from", "#name", "#member", "#path", "#made"}
)  # union branches: in pydantic's locs, not in the YAML


def _parse_magnet(text: str) -> Magnet:
    try:
        return parse_magnet(text)
    except MagnetError as error:
        raise InvalidValue(f"this magnet link cannot be used: {error}") from None


def _select_tags_branch(value: Any) -> str | None:
    return "#list" if isinstance(value, list) else "#only" if isinstance(value, dict) else None


TagName = Annotated[str, AfterValidator(common.check_tag_name)]
CategoryName = Annotated[str, AfterValidator(common.check_category_name)]
InstanceName = Annotated[str, AfterValidator(common.check_instance_name)]
SavePath = Annotated[str, AfterValidator(common.check_save_path)]
Count = Annotated[int, Field(ge=0)]


@with_config(STRICT_CONFIG)
class TagsOnly(TypedDict):
    """`tags: {only: […]}`."""

    only: list[TagName]


Tags = Annotated[
    Annotated[list[TagName], Tag("#list")] | Annotated[TagsOnly, Tag("#only")],
    Discriminator(_select_tags_branch),
]


@with_config(STRICT_CONFIG)
class ManagedKeys(OptionKeys, total=False):
    """The keys of a torrent that `defaults` may hold too. `null`: not managed, whatever the defaults say."""

    instance: str | None
    category: Annotated[str, AfterValidator(common.check_optional_category)] | None
    tags: Tags | None
    save_path: SavePath | None
    paused: bool | None
    protect: bool | None


@with_config(STRICT_CONFIG)
class TorrentEntry(ManagedKeys, AllOptionKeys, total=False):
    """One item of `torrent_files`. That it has exactly one source is checked when it is resolved."""

    magnet: Annotated[str, AfterValidator(_parse_magnet)]
    torrent: Annotated[str, AfterValidator(common.check_torrent_location)]
    infohash: Annotated[str, AfterValidator(common.parse_infohash)]
    content: ContentValue
    content_of: Annotated[str, AfterValidator(common.check_torrent_name)]
    export: Annotated[str, AfterValidator(content.check_export_path)]
    name: Annotated[str, AfterValidator(common.check_torrent_name)] | None
    state: Literal["present", "absent"]


@with_config(STRICT_CONFIG)
class CategoryEntry(TypedDict, total=False):
    """One category; with `check_save_path` absent or `null` its path is not managed, and so with `check_torrent_download_path`."""

    save_path: SavePath | None
    download_path: Annotated[Any, AfterValidator(common.check_category_download_path)]


Categories = dict[CategoryName, CategoryEntry | None]


@with_config(STRICT_CONFIG)
class TlsEntry(TypedDict, total=False):
    """How the certificate of an https instance is checked."""

    verify: bool
    ca_file: str | None


@with_config(STRICT_CONFIG)
class TimeoutEntry(TypedDict, total=False):
    """How long to wait: for a connection, and for an answer."""

    connect: Duration
    read: Duration


@with_config(STRICT_CONFIG)
class InstanceEntry(TypedDict, total=False):
    """One qBittorrent Web API."""

    url: Required[Annotated[str, AfterValidator(common.check_api_url)]]
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


@with_config(STRICT_CONFIG)
class GuardEntry(TypedDict, total=False):
    """The limits on deletions; a percentage of what we own on an instance."""

    max_delete: Count
    max_delete_percent: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
    max_delete_files: Count | None


@with_config(STRICT_CONFIG)
class DocumentEntry(TypedDict, total=False):
    """A whole document."""

    version: Required[Annotated[int, AfterValidator(common.check_version)]]
    owner: Annotated[str, AfterValidator(common.check_owner_name)]
    policy: Literal["create-only", "upsert", "sync"]
    delete_files: bool
    quarantine: Annotated[Any, AfterValidator(common.parse_quarantine)]
    prune_categories: bool
    guard: GuardEntry
    suspend: bool
    accept_plan: Annotated[str, AfterValidator(common.check_plan_hash)]
    instances: dict[InstanceName, InstanceEntry]
    groups: dict[GroupName, GroupEntry]
    categories: Categories
    defaults: ManagedKeys
    torrents: list[TorrentEntry]


DOCUMENT_ADAPTER: Final[TypeAdapter[DocumentEntry]] = TypeAdapter(DocumentEntry)


def _sort_keys(entry: type) -> tuple[str, ...]:
    """The keys of a torrent, the usual ones first."""
    return tuple(sorted(entry.__annotations__, key=lambda key: key in AllOptionKeys.__annotations__))


# the known keys of each place, for suggestions
KNOWN_KEYS: Final[dict[str, tuple[str, ...]]] = {
    "": tuple(DocumentEntry.__annotations__),
    "instances": tuple(InstanceEntry.__annotations__),
    "groups": tuple(GroupEntry.__annotations__),
    "members": tuple(MemberEntry.__annotations__),
    "tls": tuple(TlsEntry.__annotations__),
    "timeout": tuple(TimeoutEntry.__annotations__),
    "guard": tuple(GuardEntry.__annotations__),
    "categories": tuple(CategoryEntry.__annotations__),
    "defaults": _sort_keys(ManagedKeys),
    "torrents": (*SOURCE_KEYS, *(key for key in _sort_keys(TorrentEntry) if key not in SOURCE_KEYS)),
    "tags": ("only",),
    "content": tuple(ContentEntry.__annotations__),
    **OPTION_KEYS,
    "password": ("env", "file"),
    "api_key": ("env", "file"),
    **PROBE_KEYS,
}
