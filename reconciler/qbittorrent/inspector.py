"""A read-only session for `reconcile doctor`: it reads more of an instance than a run needs."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from reconciler.model.errors import RejectedError, UnsupportedError
from reconciler.qbittorrent.host import read_default_save_path, read_free_space
from reconciler.qbittorrent.session import Session

HTTP_NOT_FOUND = 404


class Inspector(Session):
    """Further reads. Each method sends one request and raises the same errors as those of `Session`."""

    def get_server_time(self) -> datetime | None:
        """Return the time (UTC, whole seconds) in the `Date` header of the last reply; None without a valid header."""
        date = self._connection.server_date
        if date:
            with suppress(ValueError, OverflowError):
                server_time = parsedate_to_datetime(date)
                return server_time if server_time.tzinfo else server_time.replace(tzinfo=UTC)
        return None

    def read_default_save_path(self) -> str:
        """Return the save path of torrents that have no path of their own."""
        return read_default_save_path(self._connection)

    def has_folder(self, path: str) -> bool | None:
        """True if qBittorrent sees a folder at this path; None before 5.0, which cannot list folders."""
        try:
            self._connection.call("app/getDirectoryContent", lambda client: client.app_get_directory_content(path))
        except UnsupportedError:
            return None
        except RejectedError as error:
            if error.http_status == HTTP_NOT_FOUND:
                return False
            raise
        return True

    def has_torrent_creator(self) -> bool:
        """True if the torrent creator answers; False before 5.0, which has none."""
        try:
            self._connection.call("torrentcreator/status", lambda client: client.torrentcreator_status())
        except UnsupportedError:
            return False
        return True

    def read_free_space(self) -> int | None:
        """Return the bytes free at the default path, read in this session: close it soon.

        None before 5.3 for a session with an API key.
        """
        return read_free_space(self._connection, self._instance)
