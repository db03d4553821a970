"""Torrents that an instance makes by itself, from a file or folder that it has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from reconciler.model.infohash import InfoHashes
from reconciler.model.paths import normal_path
from reconciler.model.torrent_file import SourceError, TorrentFile, identify

MAKES_TORRENTS: Final = (2, 11, 2)  # the first Web API with torrentcreator, that of qBittorrent 5.0
MAKES_TORRENTS_SINCE: Final = "5.0"
HYBRID: Final = "hybrid"


@dataclass(frozen=True, slots=True)
class Export:
    """Where the .torrent file is kept, here: `text` as it is declared, `path` in full.

    `holds` is the torrent in the file that was there when the desired state was read, None where there was none.
    """

    text: str
    path: str
    holds: InfoHashes | None = None

    def holds_the(self, wanted: InfoHashes) -> bool:
        """Is it a file of this torrent?"""
        return self.holds is not None and not set(self.holds.ids).isdisjoint(wanted.ids)


@dataclass(frozen=True, slots=True)
class Content:
    """What a torrent is made from: a file or folder, by its path as qBittorrent sees it, in its normal form.

    `piece_size` in bytes, 0 leaves it to qBittorrent. `source` is the field of that name in the torrent, "" for none.
    """

    path: str
    format: str = HYBRID
    piece_size: int = 0
    private: bool = False
    source: str = ""
    export: Export | None = None

    @property
    def name(self) -> str:
        """The last part of the path, which is what the torrent is called."""
        return self.path.rpartition("/")[2]

    @property
    def folder(self) -> str:
        """Where the file or folder is, which is the save path of its torrent."""
        parent = self.path.rpartition("/")[0]
        return f"{parent}/" if not parent or parent.endswith(":") else parent


@dataclass(frozen=True, slots=True)
class ContentOf:
    """What the content that another entry declares became: the name of that entry, its instance and its content."""

    name: str
    instance: str
    content: Content


@dataclass(frozen=True, slots=True)
class Creation:
    """All that the making of a torrent is told. Each tracker (which may hold a passkey) is a tier of its own."""

    path: str
    format: str = HYBRID
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
    of: Creation
    state: TaskState
    progress: float = 0.0
    error: str = ""
    file: TorrentFile | SourceError | None = field(default=None, compare=False)

    def makes(self, creation: Creation) -> bool:
        """Is that what was asked for? A task that has ended shows the piece size that qBittorrent has chosen."""
        chosen = creation.piece_size == 0 and self.state in (TaskState.FINISHED, TaskState.FAILED)
        shown = replace(self.of, path=normal_path(self.of.path))
        return shown == (replace(creation, piece_size=shown.piece_size) if chosen else creation)

    def with_file(self, data: bytes) -> CreatorTask:
        """The task with what came of it."""
        file: TorrentFile | SourceError
        try:
            found = identify(data)
            file = TorrentFile(self.of.path, found.infohashes, found.name, len(data), lambda: data)
        except SourceError as error:
            file = error
        return replace(self, file=file)

    @property
    def text(self) -> str:
        """How far it is, for people."""
        if self.state is TaskState.RUNNING:
            return f"it is being hashed: {self.progress:.0f} %"
        return "it waits for its turn to be hashed" if self.state is TaskState.QUEUED else str(self.state)


def making(wanted: Iterable[Creation], tasks: Iterable[CreatorTask]) -> list[CreatorTask]:
    """Those of the tasks that make one of the wanted torrents."""
    by_path: defaultdict[str, list[Creation]] = defaultdict(list)
    for creation in wanted:
        by_path[creation.path].append(creation)
    return [task for task in tasks if any(map(task.makes, by_path.get(normal_path(task.of.path), ())))]
