"""Torrents that an instance makes by itself, from a file or folder that it has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from reconciler.model.infohash import InfoHashes
from reconciler.model.paths import normalize_path
from reconciler.model.torrent_file import TorrentFile, TorrentFileError, identify_torrent

HYBRID_FORMAT: Final = "hybrid"


@dataclass(frozen=True, slots=True)
class TorrentExport:
    """Where the .torrent file is kept, here: `declared_path` as it is declared, `path` in full.

    `infohashes` is the torrent in the file that was there when the desired state was read, None where there was none.
    """

    declared_path: str
    path: str
    infohashes: InfoHashes | None = None

    def has_torrent(self, infohashes: InfoHashes) -> bool:
        """Is it a file of this torrent?"""
        return self.infohashes is not None and not set(self.infohashes.ids).isdisjoint(infohashes.ids)


@dataclass(frozen=True, slots=True)
class Content:
    """What a torrent is made from: a file or folder, by its path as qBittorrent sees it, in its normal form.

    `piece_size` in bytes, 0 leaves it to qBittorrent. `source` is the field of that name in the torrent, "" for none.
    """

    path: str
    format: str = HYBRID_FORMAT
    piece_size: int = 0
    private: bool = False
    source: str = ""
    export: TorrentExport | None = None

    @property
    def name(self) -> str:
        """The last part of the path, which is what the torrent is called."""
        return self.path.rpartition("/")[2]

    @property
    def parent_folder(self) -> str:
        """Where the file or folder is, which is the save path of its torrent."""
        parent = self.path.rpartition("/")[0]
        return f"{parent}/" if not parent or parent.endswith(":") else parent


@dataclass(frozen=True, slots=True)
class ContentReference:
    """What the content that another entry declares became: the name of that entry, its instance and its content."""

    name: str
    instance: str
    content: Content


@dataclass(frozen=True, slots=True)
class CreationSpec:
    """All that the making of a torrent is told. Each tracker (which may hold a passkey) is a tier of its own."""

    path: str
    format: str = HYBRID_FORMAT
    piece_size: int = 0
    private: bool = False
    source: str = ""
    comment: str = ""
    trackers: tuple[str, ...] = field(default=(), repr=False)
    web_seeds: tuple[str, ...] = field(default=(), repr=False)


class TaskState(StrEnum):
    """How far the making of a torrent is."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class CreatorTask:
    """A torrent that an instance is making, or has made; it forgets its tasks when it ends.

    `progress` is 0..100. `error` is qBittorrent's own text. `file` is what came of one that is finished, where it was
    read: the .torrent file, or why it cannot be used.
    """

    id: str
    creation: CreationSpec
    state: TaskState
    progress: float = 0.0
    error: str = ""
    file: TorrentFile | TorrentFileError | None = field(default=None, compare=False)

    def matches(self, creation: CreationSpec) -> bool:
        """Is that what was asked for? A task that has ended shows the piece size that qBittorrent has chosen."""
        chosen = creation.piece_size == 0 and self.state in (TaskState.FINISHED, TaskState.FAILED)
        shown = replace(self.creation, path=normalize_path(self.creation.path))
        return shown == (replace(creation, piece_size=shown.piece_size) if chosen else creation)

    def with_file(self, data: bytes) -> CreatorTask:
        """The task with what came of it."""
        file: TorrentFile | TorrentFileError
        try:
            found = identify_torrent(data)
            file = TorrentFile(self.creation.path, found.infohashes, found.name, len(data), lambda: data)
        except TorrentFileError as error:
            file = error
        return replace(self, file=file)

    @property
    def progress_text(self) -> str:
        """How far it is, for people."""
        if self.state is TaskState.RUNNING:
            return f"it is being hashed: {self.progress:.0f} %"
        return "it waits for its turn to be hashed" if self.state is TaskState.QUEUED else str(self.state)


def select_tasks(creations: Iterable[CreationSpec], tasks: Iterable[CreatorTask]) -> list[CreatorTask]:
    """Those of the tasks that make one of the wanted torrents."""
    by_path: defaultdict[str, list[CreationSpec]] = defaultdict(list)
    for creation in creations:
        by_path[creation.path].append(creation)
    return [task for task in tasks if any(map(task.matches, by_path.get(normalize_path(task.creation.path), ())))]
