"""The format of a saved live state: rows that pydantic checks. Keys that are missing have the value of most rows.

Keys may be added within a format version; a reader ignores unknown keys.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, NotRequired

from pydantic import AwareDatetime, ConfigDict, Field, StringConstraints, with_config
from typing_extensions import TypedDict

from reconciler.model.content import TaskState
from reconciler.model.files import Priority
from reconciler.model.health import HealthState
from reconciler.model.run import Status
from reconciler.qbittorrent.schemas import ByteCount, FileIndex, FiniteFloat, InfoHashV1, InfoHashV2, Int64, Progress

SNAPSHOT_KIND: Final = "snapshot"
SNAPSHOT_FORMAT_VERSION: Final = 1

Time = Annotated[AwareDatetime, Field(strict=False)]
Id = Annotated[str, StringConstraints(pattern="^[0-9a-f]{40}$")]
_DottedVersion = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,6}(\.[0-9]{1,6}){1,3}$")]
_Preference = bool | Int64 | FiniteFloat | str


class OptionRow(TypedDict, total=False):
    """The options of a torrent that differ from `LiveOptions`."""

    force_start: bool
    sequential: bool
    first_last_piece_first: bool | None
    super_seeding: bool
    download_limit: Int64
    upload_limit: Int64
    download_path: str
    ratio: FiniteFloat
    seeding_time: Int64
    inactive_seeding_time: Int64
    share_action: str
    share_mode: str


class SharedRow(TypedDict):
    """The amount that a complete torrent has shared, and the limits that apply to it."""

    ratio: FiniteFloat
    seeding_time: Int64 | None
    max_ratio: FiniteFloat
    max_seeding_time: Int64


class SavedFile(TypedDict):
    """A file of a torrent."""

    index: FileIndex
    path: str
    priority: Annotated[Priority, Field(strict=False)]


class SavedTorrent(TypedDict):
    """A torrent. `id` is its key on the instance, and its v1 infohash unless it says otherwise."""

    id: Id
    v1: NotRequired[InfoHashV1]
    v2: NotRequired[InfoHashV2]
    name: str
    state: str
    stopped: NotRequired[bool]
    category: NotRequired[str]
    tags: NotRequired[list[str]]
    save_path: NotRequired[str]
    auto_tmm: NotRequired[bool]
    progress: NotRequired[Progress]
    size: NotRequired[ByteCount]
    content_path: NotRequired[str]
    has_metadata: NotRequired[bool]
    options: NotRequired[OptionRow]
    comment: NotRequired[str]
    comment_hash: NotRequired[str]
    trackers: NotRequired[list[str]]
    web_seeds: NotRequired[list[str]]
    files: NotRequired[list[SavedFile]]
    stopped_before_check: NotRequired[bool]
    shared: NotRequired[SharedRow]
    is_metadata_overdue: NotRequired[bool]
    added_on: NotRequired[Int64]
    other_seeds: NotRequired[Int64]


class SavedCategory(TypedDict):
    """A category, with its own share limits as qBittorrent reports them."""

    name: str
    save_path: NotRequired[str]
    download_path: NotRequired[str | bool]
    limits: NotRequired[dict[str, Int64 | FiniteFloat | str]]


class IdentityRow(TypedDict):
    """A torrent that is not live: its infohashes and its name."""

    v1: NotRequired[InfoHashV1]
    v2: NotRequired[InfoHashV2]
    name: NotRequired[str]
    length: NotRequired[ByteCount]


class ExportRow(TypedDict):
    """A .torrent file that other instances get from this one, or the error of the export."""

    id: Id
    file: NotRequired[IdentityRow]
    error: NotRequired[str]
    peer: NotRequired[Literal["local", "remote"]]


class SavedTask(TypedDict):
    """A torrent that the instance creates, or has created."""

    id: str
    path: str
    format: str
    piece_size: Int64
    private: bool
    source: str
    comment: str
    trackers: list[str]
    web_seeds: list[str]
    state: Annotated[TaskState, Field(strict=False)]
    progress: FiniteFloat
    error: NotRequired[str]
    file: NotRequired[IdentityRow]
    file_error: NotRequired[str]


class HealthRow(TypedDict):
    """The health of an instance."""

    state: Annotated[HealthState, Field(strict=False)]
    since: Time
    error: str | None


class OwnedRow(TypedDict):
    """The torrents that we owned at an earlier read."""

    count: Annotated[Int64, Field(ge=0)]
    read_at: Time


class InstanceRow(TypedDict):
    """An instance. Without `version` it could not be read, for the reason `error`."""

    name: str
    url_hash: str
    status: Annotated[Status, Field(strict=False)]
    error: NotRequired[str]
    version: NotRequired[str]
    web_api: NotRequired[_DottedVersion]
    libtorrent: NotRequired[_DottedVersion]
    default_save_path: NotRequired[str]
    health: NotRequired[HealthRow]
    owned: NotRequired[OwnedRow]
    untagged: NotRequired[list[str]]
    to_trash: NotRequired[bool]
    preferences: NotRequired[dict[str, _Preference]]
    preference_names: NotRequired[list[str]]
    categories: NotRequired[list[SavedCategory]]
    creator_tasks: NotRequired[list[SavedTask]]
    exports: NotRequired[list[ExportRow]]
    torrents: NotRequired[list[SavedTorrent]]


class OutageRow(TypedDict):
    """An outage of a member of a group."""

    since: Time
    reason: str


class PendingRow(TypedDict):
    """A torrent that no member could take."""

    group: str
    infohash: str
    since: Time


class MemberRow(TypedDict, total=False):
    """The facts about a member of a group that a journal knew."""

    outage: OutageRow
    held_ids: list[str]
    free_space: ByteCount


class SourceRow(IdentityRow):
    """A torrent that is declared by a URL."""

    url_hash: str
    kind: Literal["torrent", "magnet"]


@with_config(ConfigDict(strict=True))
class SnapshotDocument(TypedDict):
    """The whole file."""

    kind: Literal["snapshot"]
    format_version: int
    taken_at: Time
    owner: str
    hashed_names: bool
    members: NotRequired[dict[str, MemberRow]]
    pending: NotRequired[list[PendingRow]]
    sources: NotRequired[list[SourceRow]]
    instances: list[InstanceRow]
