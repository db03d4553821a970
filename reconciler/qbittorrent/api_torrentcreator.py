"""The calls of torrentcreator (qBittorrent >= 5.0): torrents that the server makes from what it has."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final
from urllib.parse import quote

from reconciler.model.content import CreationSpec, CreatorTask, TaskState, select_tasks
from reconciler.model.errors import RejectedError
from reconciler.model.versions import CREATOR_URL_DECODING, TORRENT_CREATOR
from reconciler.qbittorrent.client import Client
from reconciler.qbittorrent.connection import Connection
from reconciler.qbittorrent.schemas import convert_creator_task

_HTTP_NO_TASK, _HTTP_NOT_CREATED = 404, 409
_TRACKER_SEPARATOR: Final = "||"  # between trackers: an empty one begins another tier


class CreatorCalls:
    """A part of `Session`."""

    _connection: Connection

    def read_creator_tasks(self) -> tuple[CreatorTask, ...]:
        """All torrents that the server is making or has made since it began, without their files."""
        return tuple(
            map(convert_creator_task, self._connection.call("torrentcreator/status", Client.read_creator_rows))
        )

    def start_creator_task(self, creation: CreationSpec) -> str:
        """Begin to make a torrent, without adding it; the id of the task. Refused (409) where too many are under way.

        A path that leads nowhere is accepted, and the task then fails.
        """
        encode = CREATOR_URL_DECODING.is_available(self._connection.api_version)
        form = {
            "sourcePath": creation.path,
            "format": creation.format,
            "pieceSize": creation.piece_size,
            "private": creation.private,
            "startSeeding": False,
            "source": creation.source or None,
            "comment": creation.comment or None,
            "trackers": _join_urls(creation.trackers, _TRACKER_SEPARATOR, encode),
            "urlSeeds": _join_urls(creation.web_seeds, "|", encode),
        }
        return self._connection.call("torrentcreator/addTask", lambda client: client.add_creator_task(form))

    def read_created_torrent(self, task_id: str) -> bytes | None:
        """The .torrent file that a task has made; None where there is none, or no such task."""
        try:
            return self._connection.call(
                "torrentcreator/torrentFile", lambda client: client.torrentcreator_torrent_file(task_id)
            )
        except RejectedError as error:
            if error.http_status in (_HTTP_NO_TASK, _HTTP_NOT_CREATED):
                return None
            raise

    def remove_creator_task(self, task_id: str) -> None:
        """Forget a task, and end it where it is still under way. One that is not there is no error."""
        try:
            self._connection.call(
                "torrentcreator/deleteTask", lambda client: client.torrentcreator_delete_task(task_id)
            )
        except RejectedError as error:
            if error.http_status != _HTTP_NO_TASK:
                raise

    def _read_tasks_for(self, creations: Collection[CreationSpec]) -> tuple[CreatorTask, ...]:
        """Those that make one of these torrents, each that is finished with what came of it."""
        if not creations or not TORRENT_CREATOR.is_available(self._connection.api_version):
            return ()
        return tuple(map(self._attach_created_torrent, select_tasks(creations, self.read_creator_tasks())))

    def _attach_created_torrent(self, task: CreatorTask) -> CreatorTask:
        data = self.read_created_torrent(task.id) if task.state is TaskState.FINISHED else None
        return task.with_file(data) if data else task


def _join_urls(urls: Sequence[str], separator: str, encode: bool) -> str | None:
    return separator.join(quote(url, safe="") if encode else url for url in urls) or None
