"""The shape of one YAML document, as types that pydantic checks. What is not named here is an unknown key.

Typed dicts, not models: a key that is absent stays absent (not managed) and differs from an explicit `null`
(undo the default), and ten thousand entries are checked in milliseconds.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Required

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    TypeAdapter,
    with_config,
)
from typing_extensions import TypedDict  # typing has one that pydantic can read from Python 3.12 on

from reconciler.desired import content_rules, rules
from reconciler.desired.errors import Invalid
from reconciler.desired.option_schema import KEYS as OPTION_KEYS
from reconciler.desired.option_schema import STRICT, OptionKeys, OwnOptionKeys
from reconciler.model.magnet import Magnet, MagnetError, parse_magnet

SOURCES: Final = ("magnet", "torrent", "infohash", "content", "content_of")  # of which each torrent has one
BRANCHES: Final = frozenset(
    {"#list", "#only", "#text", "#from", "#path", "#made"}
)  # union branches: in pydantic's locs, not in the YAML


def _magnet(text: str) -> Magnet:
    try:
        return parse_magnet(text)
    except MagnetError as error:
        raise Invalid(f"this magnet link cannot be used: {error}") from None


def _tags_branch(value: Any) -> str | None:
    return "#list" if isinstance(value, list) else "#only" if isinstance(value, dict) else None


def _secret_branch(value: Any) -> str:
    return "#from" if isinstance(value, dict) else "#text"


def _content_branch(value: Any) -> str:
    return "#made" if isinstance(value, dict) else "#path"


TagName = Annotated[str, AfterValidator(rules.tag_name)]
CategoryName = Annotated[str, AfterValidator(rules.category_name)]
InstanceName = Annotated[str, AfterValidator(rules.instance_name)]
SavePath = Annotated[str, AfterValidator(rules.save_path)]
Format = Literal["v1", "v2", "hybrid"]
FORMATS: Final[tuple[str, ...]] = Format.__args__  # type: ignore[attr-defined]
Duration = Annotated[float, BeforeValidator(rules.duration)]
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
class SecretFrom(TypedDict, total=False):
    """`{env: NAME}` or `{file: PATH}`; that it is exactly one of the two is checked when it is resolved."""

    env: Annotated[str, AfterValidator(rules.environment_name)]
    file: str


SecretSource = Annotated[
    Annotated[str, Tag("#text")] | Annotated[SecretFrom, Tag("#from")],
    Discriminator(_secret_branch),
]


@with_config(STRICT)
class Managed(OptionKeys, total=False):
    """The keys of a torrent that `defaults` may hold too. `null`: not managed, whatever the defaults say."""

    instance: str | None
    category: Annotated[str, AfterValidator(rules.category_or_none)] | None
    tags: Tags | None
    save_path: SavePath | None
    paused: bool | None
    protect: bool | None


ContentPath = Annotated[str, AfterValidator(content_rules.content_path)]


@with_config(STRICT)
class ContentEntry(TypedDict, total=False):
    """`content: {path: …}`: what a torrent is made from, and how."""

    path: Required[ContentPath]
    format: Format
    piece_size: Annotated[int, BeforeValidator(content_rules.piece_size)]
    private: bool
    source: Annotated[str, AfterValidator(content_rules.content_source)]


ContentSource = Annotated[
    Annotated[ContentPath, Tag("#path")] | Annotated[ContentEntry, Tag("#made")],
    Discriminator(_content_branch),
]


@with_config(STRICT)
class TorrentEntry(Managed, OwnOptionKeys, total=False):
    """One item of `torrents`. That it has exactly one source is checked when it is resolved."""

    magnet: Annotated[str, AfterValidator(_magnet)]
    torrent: Annotated[str, AfterValidator(rules.torrent_place)]
    infohash: Annotated[str, AfterValidator(rules.infohash)]
    content: ContentSource
    content_of: Annotated[str, AfterValidator(rules.torrent_name)]
    export: Annotated[str, AfterValidator(content_rules.export_place)]
    name: Annotated[str, AfterValidator(rules.torrent_name)] | None
    state: Literal["present", "absent"]


@with_config(STRICT)
class CategoryEntry(TypedDict, total=False):
    """One category; with `save_path` absent or `null` its path is not managed, and so with `download_path`."""

    save_path: SavePath | None
    download_path: Annotated[Any, AfterValidator(rules.download_path)]


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

    url: Required[Annotated[str, AfterValidator(rules.url)]]
    username: str | None
    password: SecretSource | None
    api_key: SecretSource | None
    tls: TlsEntry
    timeout: TimeoutEntry
    pool_size: Annotated[int, Field(ge=1, le=16)]
    categories: Categories
    preferences: dict[str, Any]  # see `preferences.py`
    suspend: bool


@with_config(STRICT)
class GuardEntry(TypedDict, total=False):
    """The limits on deletions; a percentage of what we own on an instance."""

    max_delete: Count
    max_delete_percent: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
    max_delete_files: Count | None


@with_config(STRICT)
class DocumentEntry(TypedDict, total=False):
    """A whole document."""

    version: Required[Annotated[int, AfterValidator(rules.version)]]
    owner: Annotated[str, AfterValidator(rules.owner_name)]
    policy: Literal["create-only", "upsert", "sync"]
    delete_files: bool
    quarantine: Annotated[Any, AfterValidator(rules.quarantine)]
    prune_categories: bool
    guard: GuardEntry
    suspend: bool
    accept_plan: Annotated[str, AfterValidator(rules.plan_hash)]
    instances: dict[InstanceName, InstanceEntry]
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
}
