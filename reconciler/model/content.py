"""Torrents that an instance creates itself, from a file or folder that it has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import field, replace
from enum import StrEnum
from typing import Final

from reconciler.model.infohash import InfoHashes
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.paths import normalize_path
from reconciler.model.torrent_file import TorrentFile, TorrentFileError, identify_torrent

V1_FORMAT: Final = "v1"
HYBRID_FORMAT: Final = "hybrid"


@dataclass(frozen=True, slots=True)
class TorrentExport:
    """The local file that a .torrent file is exported to: `declared_path` as it is declared, `path` in full.

    `infohashes`: the torrent in the file at the time of the load; None if there was no file.
    """

    declared_path: str
    path: str
    infohashes: InfoHashes | None = None

    def has_torrent(self, infohashes: InfoHashes) -> bool:
        """True if the file is of this torrent."""
        return self.infohashes is not None and not set(self.infohashes.ids).isdisjoint(infohashes.ids)


@dataclass(frozen=True, slots=True)
class Content:
    """The data that a torrent is created from: a file or folder, by its normalized path as qBittorrent sees it.

    `format` "": hybrid where the instance can make it, else v1. `piece_size` is in bytes; 0 lets qBittorrent choose.
    `source` is the field of that name in the torrent, "" for none.
    """

    path: str
    format: str = ""
    piece_size: int = 0
    private: bool = False
    source: str = ""
    export: TorrentExport | None = None

    @property
    def name(self) -> str:
        """The last part of the path, which becomes the name of the torrent."""
        return self.path.rpartition("/")[2]

    @property
    def parent_folder(self) -> str:
        """The folder of the file or folder, which is the save path of its torrent."""
        parent = self.path.rpartition("/")[0]
        return f"{parent}/" if not parent or parent.endswith(":") else parent


@dataclass(frozen=True, slots=True)
class ContentReference:
    """A reference to the torrent that the content of another entry became: that entry's name, instance and content."""

    name: str
    instance: str
    content: Content


@dataclass(frozen=True, slots=True)
class CreationSpec:
    """The parameters of the creation of a torrent. Each tracker (perhaps with a passkey) is in a tier of its own.

    `format` "": that of a task of a build without libtorrent 2, which makes v1 torrents whatever was asked for.
    """

    path: str
    format: str = HYBRID_FORMAT
    piece_size: int = 0
    private: bool = False
    source: str = ""
    comment: str = ""
    trackers: tuple[str, ...] = field(default=(), repr=False)
    web_seeds: tuple[str, ...] = field(default=(), repr=False)


class TaskState(StrEnum):
    """The state of the creation of a torrent."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class CreatorTask:
    """A torrent that an instance creates or has created. An instance forgets its tasks when it stops.

    `progress` is 0..100. `error` is qBittorrent's text. `file` is the result of a finished task, once it was read: the
    .torrent file, or the error that it has.
    """

    id: str
    creation: CreationSpec
    state: TaskState
    progress: float = 0.0
    error: str = ""
    file: TorrentFile | TorrentFileError | None = field(default=None, compare=False)

    def matches(self, creation: CreationSpec) -> bool:
        """True if the task has these parameters, as far as it shows them.

        A task that has ended shows the piece size that qBittorrent chose. Without libtorrent 2, it shows no format.
        """
        is_size_chosen = creation.piece_size == 0 and self.state in (TaskState.FINISHED, TaskState.FAILED)
        shown = replace(self.creation, path=normalize_path(self.creation.path))
        piece_size = shown.piece_size if is_size_chosen else creation.piece_size
        return shown == replace(creation, piece_size=piece_size, format=shown.format and creation.format)

    def with_file(self, data: bytes) -> CreatorTask:
        """Return the task with its result, from the bytes of the .torrent file."""
        file: TorrentFile | TorrentFileError
        try:
            metainfo = identify_torrent(data)
            file = TorrentFile(self.creation.path, metainfo.infohashes, metainfo.name, len(data), lambda: data)
        except TorrentFileError as error:
            file = error
        return replace(self, file=file)

    @property
    def progress_text(self) -> str:
        """The progress in words."""
        if self.state is TaskState.RUNNING:
            return f"it is being hashed: {self.progress:.0f} %"
        return "it waits for its turn to be hashed" if self.state is TaskState.QUEUED else str(self.state)


def select_tasks(creations: Iterable[CreationSpec], tasks: Iterable[CreatorTask]) -> list[CreatorTask]:
    """Return the tasks that create one of the wanted torrents."""
    by_path: defaultdict[str, list[CreationSpec]] = defaultdict(list)
    for creation in creations:
        by_path[creation.path].append(creation)
    return [task for task in tasks if any(map(task.matches, by_path.get(normalize_path(task.creation.path), ())))]
