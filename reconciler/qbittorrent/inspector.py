"""A session that looks closer than a run has to. It only ever reads."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from pydantic import TypeAdapter
from typing_extensions import TypedDict  # pydantic cannot read the one of `typing` before Python 3.12

from reconciler.model.errors import RejectedError, UnsupportedError
from reconciler.model.versions import FREE_SPACE_AT_PATH
from reconciler.qbittorrent.session import Session


class _BuildInfo(TypedDict):
    libtorrent: str


_BUILD_INFO_ADAPTER: TypeAdapter[_BuildInfo] = TypeAdapter(_BuildInfo)
HTTP_NOT_FOUND = 404


class Inspector(Session):
    """What else there is to ask. Every method is one request and raises as those of `Session` do."""

    def get_server_time(self) -> datetime | None:
        """The time (UTC, whole seconds) by the `Date` of the last answer; None where it bore none."""
        date = self._connection.server_date
        if date:
            with suppress(ValueError):
                found = parsedate_to_datetime(date)
                return found if found.tzinfo else found.replace(tzinfo=UTC)
        return None

    def read_libtorrent_version(self) -> str:
        """The version of libtorrent, like `2.0.11.0`."""
        return self._connection.call(
            "app/buildInfo", lambda client: _BUILD_INFO_ADAPTER.validate_python(client.app_build_info())["libtorrent"]
        )

    def read_default_save_path(self) -> str:
        """Where what has no path of its own goes."""
        return self._connection.call("app/defaultSavePath", lambda client: str(client.app_default_save_path()))

    def has_folder(self, path: str) -> bool | None:
        """Is there such a folder, as qBittorrent sees it? None where this version (before 5.0) cannot tell."""
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
        """Does its torrent creator answer? False where this version (before 5.0) has none."""
        try:
            self._connection.call("torrentcreator/status", lambda client: client.torrentcreator_status())
        except UnsupportedError:
            return False
        return True

    def read_free_space(self) -> int | None:
        """Bytes that are free at the default path; None where it is not told without harm.

        Before 5.3 only sync/maindata tells. For it the server keeps a copy of everything until the session is logged
        out (docs/decisions/0010), so close this one soon. The session of an API key cannot be logged out.
        """
        if FREE_SPACE_AT_PATH.is_available(self.api_version):
            path = self.read_default_save_path()
            free = self._connection.call(
                "app/getFreeSpaceAtPath", lambda client: client.app_get_free_space_at_path(path)
            )
            return int(free) if free >= 0 else None
        if self._instance.api_key:
            return None
        return self._connection.call("sync/maindata", lambda client: client.read_free_space())
