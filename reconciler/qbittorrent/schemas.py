"""The shapes of qBittorrent's replies, which pydantic validates while it parses, and the names of their values.

pydantic builds only the fields that are used, and is about twice as fast as `json` (10,000 torrents, 15 MB: 45 ms). An
incomplete row is an error; it is never left out. So is a value that no server can mean, such as a progress of 1e308: to
act on a guess of what it means could delete data. Annotations are types here, not texts that pydantic has to compile.
"""

import threading
from functools import cached_property
from typing import Annotated, Any, Final, Generic, NotRequired, TypeVar

from pydantic import BeforeValidator, ConfigDict, FailFast, Field, StringConstraints, TypeAdapter, with_config
from typing_extensions import TypedDict  # pydantic needs it before Python 3.12

from reconciler.model.content import CreationSpec, CreatorTask, TaskState
from reconciler.model.files import Priority
from reconciler.model.paths import normalize_path

T = TypeVar("T")

STRICT_CONFIG = ConfigDict(strict=True)
_COMPILE_LOCK: Final = threading.Lock()

# Numbers as servers have them. JSON has numbers of any length, and pydantic also reads NaN and Infinity.
MAX_INT64: Final = 2**63 - 1
Int64 = Annotated[int, Field(ge=-MAX_INT64 - 1, le=MAX_INT64)]
ByteCount = Annotated[int, Field(ge=-1, le=MAX_INT64)]  # -1: not known yet
FileIndex = Annotated[int, Field(ge=0, le=2**31 - 1)]
FiniteFloat = Annotated[float, Field(allow_inf_nan=False)]
Progress = Annotated[float, Field(ge=-1, le=2, allow_inf_nan=False)]  # 0..1, with room for libtorrent's own miscounts
TorrentId = Annotated[str, StringConstraints(pattern="^[0-9a-f]{40}$")]
InfoHashV1 = Annotated[str, StringConstraints(pattern="^([0-9a-f]{40})?$")]
InfoHashV2 = Annotated[str, StringConstraints(pattern="^([0-9a-f]{64})?$")]

PRIORITIES_BY_NUMBER: Final = {0: Priority.SKIP, 1: Priority.NORMAL, 6: Priority.HIGH, 7: Priority.MAXIMAL}
WARNING_TYPE: Final = 4  # of an entry of the log; 8 is critical
NUMBERS_BY_PRIORITY: Final = {priority: number for number, priority in PRIORITIES_BY_NUMBER.items()}

# names of values: in a desired state, in the Web API
SHARE_LIMIT_ACTIONS: Final = {
    "default": "Default",
    "stop": "Stop",
    "remove": "Remove",
    "remove-with-content": "RemoveWithContent",
    "enable-super-seeding": "EnableSuperSeeding",
}
CONTENT_LAYOUTS: Final = {"original": "Original", "subfolder": "Subfolder", "no-subfolder": "NoSubfolder"}
STOP_CONDITIONS: Final = {
    "none": "None",
    "metadata-received": "MetadataReceived",
    "files-checked": "FilesChecked",
}
_ACTIONS_BY_API_VALUE: Final = {api_value: name for name, api_value in SHARE_LIMIT_ACTIONS.items()}
_TASK_STATES: Final = {
    "Queued": TaskState.QUEUED,
    "Running": TaskState.RUNNING,
    "Finished": TaskState.FINISHED,
    "Failed": TaskState.FAILED,
}


def _convert_to_float(value: object) -> object:
    try:
        return float(value) if isinstance(value, int) else value
    except OverflowError:
        raise ValueError("the number is too large") from None


class TorrentRow(TypedDict):
    """The used fields of a row of torrents/info. Qt writes NaN as null."""

    hash: TorrentId
    infohash_v1: NotRequired[InfoHashV1]  # both since 4.4
    infohash_v2: NotRequired[InfoHashV2]
    name: str
    state: str
    category: str
    tags: str
    save_path: str
    auto_tmm: bool
    progress: Progress | None
    size: ByteCount
    content_path: NotRequired[str]  # since 4.3.1
    num_seeds: NotRequired[Int64]
    num_complete: NotRequired[Int64]
    tracker: NotRequired[str]  # that answers, "" for none
    total_size: ByteCount
    magnet_uri: str
    force_start: bool
    seq_dl: bool
    f_l_piece_prio: bool
    super_seeding: bool
    dl_limit: Int64
    up_limit: Int64
    ratio_limit: FiniteFloat | None
    seeding_time_limit: Int64
    inactive_seeding_time_limit: NotRequired[Int64]  # since 4.6
    share_limit_action: NotRequired[str]  # since 5.2
    share_limits_mode: NotRequired[str]  # since 5.3
    download_path: NotRequired[str]  # since 4.4
    comment: NotRequired[str]  # since 5.0
    ratio: NotRequired[FiniteFloat | None]
    seeding_time: NotRequired[Int64]
    max_ratio: NotRequired[FiniteFloat | None]
    max_seeding_time: NotRequired[Int64]
    time_active: NotRequired[Int64]
    added_on: NotRequired[Int64]


@with_config(STRICT_CONFIG)
class TorrentChange(TypedDict, total=False):
    """The used fields of a torrent in a reply of sync/maindata, as far as they changed."""

    infohash_v1: InfoHashV1
    infohash_v2: InfoHashV2
    name: str
    state: str
    category: str
    tags: str
    save_path: str
    auto_tmm: bool
    progress: Progress | None
    size: ByteCount
    content_path: str
    total_size: ByteCount
    magnet_uri: str
    force_start: bool
    seq_dl: bool
    f_l_piece_prio: bool
    super_seeding: bool
    dl_limit: Int64
    up_limit: Int64
    ratio_limit: FiniteFloat | None
    seeding_time_limit: Int64
    inactive_seeding_time_limit: Int64
    share_limit_action: str
    share_limits_mode: str
    download_path: str
    comment: str
    added_on: Int64


@with_config(STRICT_CONFIG)
class FileRow(TypedDict):
    """A row of torrents/files. `index` is there since 4.3.5; before, it is the position in the list."""

    name: str
    priority: Int64
    index: NotRequired[FileIndex]


@with_config(STRICT_CONFIG)
class TorrentFilesRow(TypedDict):
    """A row of torrents/info with its files (>= 5.2), which are missing without metadata."""

    hash: str
    files: NotRequired[list[FileRow]]


@with_config(STRICT_CONFIG)
class CategoryChange(TypedDict, total=False):
    """A category in a reply of sync/maindata. A removed value is not reported."""

    savePath: str


@with_config(STRICT_CONFIG)
class MainData(TypedDict):
    """A reply of sync/maindata (>= 4.6): everything (`full_update`), or the changes since the previous reply."""

    rid: Int64
    full_update: NotRequired[bool]
    torrents: NotRequired[dict[TorrentId, TorrentChange]]
    torrents_removed: NotRequired[Annotated[list[str], FailFast()]]
    categories: NotRequired[dict[str, CategoryChange]]
    categories_removed: NotRequired[Annotated[list[str], FailFast()]]


class ServerState(TypedDict):
    """The server state in a full reply of sync/maindata; a delta has only changed values."""

    free_space_on_disk: Int64


class ServerStateReply(TypedDict):
    """A full reply of sync/maindata, reduced to its server state."""

    server_state: ServerState


@with_config(ConfigDict(extra="allow"))
class CategoryRow(TypedDict):
    """A row of torrents/categories. Its other fields are kept, because an edit may have to send them back."""

    savePath: str


@with_config(STRICT_CONFIG)
class LogRow(TypedDict):
    """The used fields of an entry of log/main. `type`: 1 normal, 2 information, 4 warning, 8 critical."""

    id: Int64
    type: Int64
    message: str


@with_config(STRICT_CONFIG)
class TaskRow(TypedDict):
    """The used fields of a row of torrentcreator/status. `format` is there in builds with libtorrent 2."""

    taskID: str
    sourcePath: str
    status: str
    progress: NotRequired[Annotated[FiniteFloat, BeforeValidator(_convert_to_float)]]
    errorMessage: NotRequired[str]
    format: NotRequired[str]
    pieceSize: Int64
    private: bool
    source: NotRequired[str]
    comment: NotRequired[str]
    trackers: NotRequired[list[str]]  # an empty URL begins the next tier
    urlSeeds: NotRequired[list[str]]


@with_config(STRICT_CONFIG)
class AddTaskReply(TypedDict):
    """The reply of torrentcreator/addTask."""

    taskID: str


class LazyAdapter(Generic[T]):
    """A `TypeAdapter` of replies that is built when the first of them arrives: few runs get all kinds."""

    def __init__(self, shape: Any, config: ConfigDict | None = None) -> None:
        self._shape = shape
        self._config = config

    def validate_json(self, content: bytes | str) -> T:
        """Parse and validate a reply. Raises `ValidationError`."""
        return self._adapter.validate_json(content)

    def validate_python(self, reply: object) -> T:
        """Validate a parsed reply. Raises `ValidationError`."""
        return self._adapter.validate_python(reply)

    @cached_property
    def _adapter(self) -> TypeAdapter[T]:
        with _COMPILE_LOCK:  # instances are read in threads
            return TypeAdapter(self._shape, config=self._config)


# `FailFast`: millions of wrong rows would fill the memory with errors, of which one is shown
TORRENT_ROWS_ADAPTER: LazyAdapter[list[TorrentRow]] = LazyAdapter(
    Annotated[list[TorrentRow], FailFast()], config=STRICT_CONFIG
)
FILE_ROWS_ADAPTER: LazyAdapter[list[FileRow]] = LazyAdapter(Annotated[list[FileRow], FailFast()])
TORRENT_FILES_ROWS_ADAPTER: LazyAdapter[list[TorrentFilesRow]] = LazyAdapter(
    Annotated[list[TorrentFilesRow], FailFast()]
)
CATEGORY_ROWS_ADAPTER: LazyAdapter[dict[str, CategoryRow]] = LazyAdapter(dict[str, CategoryRow])
TAG_NAMES_ADAPTER: LazyAdapter[list[str]] = LazyAdapter(list[str])
PREFERENCES_ADAPTER: LazyAdapter[dict[str, object]] = LazyAdapter(dict[str, object])
MAIN_DATA_ADAPTER: LazyAdapter[MainData] = LazyAdapter(MainData)
TORRENT_CHANGES_ADAPTER: LazyAdapter[dict[str, TorrentChange]] = LazyAdapter(dict[TorrentId, TorrentChange])
SERVER_STATE_ADAPTER: LazyAdapter[ServerStateReply] = LazyAdapter(ServerStateReply)
LOG_ROWS_ADAPTER: LazyAdapter[list[LogRow]] = LazyAdapter(Annotated[list[LogRow], FailFast()])
TASK_ROWS_ADAPTER: LazyAdapter[list[TaskRow]] = LazyAdapter(Annotated[list[TaskRow], FailFast()])
ADD_TASK_ADAPTER: LazyAdapter[AddTaskReply] = LazyAdapter(AddTaskReply)


def convert_share_limit_action(api_value: str | None) -> str | None:
    """Return our name of an action at a share limit; an unknown action stays as it is."""
    return api_value if api_value is None else _ACTIONS_BY_API_VALUE.get(api_value, api_value)


def convert_creator_task(row: TaskRow) -> CreatorTask:
    """Convert a row of torrentcreator/status. An unknown state counts as running."""
    creation = CreationSpec(
        normalize_path(row["sourcePath"]),
        row.get("format", ""),
        row["pieceSize"],
        row["private"],
        row.get("source", ""),
        row.get("comment", ""),
        tuple(filter(None, row.get("trackers", ()))),
        tuple(filter(None, row.get("urlSeeds", ()))),
    )
    state = _TASK_STATES.get(row["status"], TaskState.RUNNING)
    return CreatorTask(row["taskID"], creation, state, row.get("progress", 0.0), row.get("errorMessage", ""))
