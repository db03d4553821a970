"""The calls of torrentcreator (qBittorrent >= 5.0): torrents that the server makes from what it has."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final
from urllib.parse import quote

from reconciler.model.content import MAKES_TORRENTS, Creation, CreatorTask, TaskState, making
from reconciler.model.errors import Rejected
from reconciler.qbittorrent.client import Client
from reconciler.qbittorrent.connection import Connection
from reconciler.qbittorrent.schemas import creator_task

DECODES_URLS: Final = (2, 12)  # Web API from which the URLs of trackers and web seeds are decoded (qBittorrent 5.2)
_NO_TASK, _NOT_MADE = 404, 409
_TIER: Final = "||"  # between trackers: an empty one begins another tier


class CreatorCalls:
    """A part of `Session`."""

    _connection: Connection

    def tasks(self) -> tuple[CreatorTask, ...]:
        """All torrents that the server is making or has made since it began, without their files."""
        return tuple(map(creator_task, self._connection.call("torrentcreator/status", Client.creator_rows)))

    def make(self, creation: Creation) -> str:
        """Begin to make a torrent, without adding it; the id of the task. Refused (409) where too many are under way.

        A path that leads nowhere is accepted, and the task then fails.
        """
        encode = self._connection.capabilities.web_api >= DECODES_URLS
        form = {
            "sourcePath": creation.path,
            "format": creation.format,
            "pieceSize": creation.piece_size,
            "private": creation.private,
            "startSeeding": False,
            "source": creation.source or None,
            "comment": creation.comment or None,
            "trackers": _joined(creation.trackers, _TIER, encode),
            "urlSeeds": _joined(creation.web_seeds, "|", encode),
        }
        return self._connection.call("torrentcreator/addTask", lambda client: client.make_torrent(form))

    def made(self, task: str) -> bytes | None:
        """The .torrent file that a task has made; None where there is none, or no such task."""
        try:
            return self._connection.call(
                "torrentcreator/torrentFile", lambda client: client.torrentcreator_torrent_file(task)
            )
        except Rejected as error:
            if error.http_status in (_NO_TASK, _NOT_MADE):
                return None
            raise

    def remove_task(self, task: str) -> None:
        """Forget a task, and end it where it is still under way. One that is not there is no error."""
        try:
            self._connection.call("torrentcreator/deleteTask", lambda client: client.torrentcreator_delete_task(task))
        except Rejected as error:
            if error.http_status != _NO_TASK:
                raise

    def _tasks_for(self, content: Collection[Creation]) -> tuple[CreatorTask, ...]:
        """Those that make one of these torrents, each that is finished with what came of it."""
        if not content or self._connection.capabilities.web_api < MAKES_TORRENTS:
            return ()
        return tuple(map(self._with_file, making(content, self.tasks())))

    def _with_file(self, task: CreatorTask) -> CreatorTask:
        data = self.made(task.id) if task.state is TaskState.FINISHED else None
        return task.with_file(data) if data else task


def _joined(urls: Sequence[str], mark: str, encode: bool) -> str | None:
    return mark.join(quote(url, safe="") if encode else url for url in urls) or None
