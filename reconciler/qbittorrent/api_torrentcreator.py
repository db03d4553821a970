"""The calls of torrentcreator (qBittorrent >= 5.0), which makes torrents from files of the server."""

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
_TRACKER_SEPARATOR: Final = "||"  # an empty URL between two trackers begins another tier


class CreatorCalls:
    """The torrent creator calls of `Session`."""

    _connection: Connection

    def read_creator_tasks(self) -> tuple[CreatorTask, ...]:
        """Return all tasks since the server started, without the .torrent files."""
        return tuple(
            map(convert_creator_task, self._connection.call("torrentcreator/status", Client.read_creator_rows))
        )

    def start_creator_task(self, creation: CreationSpec) -> str:
        """Start making a torrent, without adding it, and return the id of the task.

        Raises `RejectedError` (409) if too many tasks are active. A missing path is accepted, and the task fails later.
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
        """Return the .torrent file of a task; None if the task has none, or is gone."""
        try:
            return self._connection.call(
                "torrentcreator/torrentFile", lambda client: client.torrentcreator_torrent_file(task_id)
            )
        except RejectedError as error:
            if error.http_status in (_HTTP_NO_TASK, _HTTP_NOT_CREATED):
                return None
            raise

    def remove_creator_task(self, task_id: str) -> None:
        """Remove a task, and cancel it if it is active. A missing task is no error."""
        try:
            self._connection.call(
                "torrentcreator/deleteTask", lambda client: client.torrentcreator_delete_task(task_id)
            )
        except RejectedError as error:
            if error.http_status != _HTTP_NO_TASK:
                raise

    def _read_tasks_for(self, creations: Collection[CreationSpec]) -> tuple[CreatorTask, ...]:
        """Return the tasks that make one of these torrents; finished tasks have their .torrent file."""
        if not creations or not TORRENT_CREATOR.is_available(self._connection.api_version):
            return ()
        return tuple(map(self._attach_created_torrent, select_tasks(creations, self.read_creator_tasks())))

    def _attach_created_torrent(self, task: CreatorTask) -> CreatorTask:
        data = self.read_created_torrent(task.id) if task.state is TaskState.FINISHED else None
        return task.with_file(data) if data else task


def _join_urls(urls: Sequence[str], separator: str, encode: bool) -> str | None:
    return separator.join(quote(url, safe="") if encode else url for url in urls) or None
