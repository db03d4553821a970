"""The calls that set a torrent's options, trackers, web seeds and file priorities."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from reconciler.model.errors import RejectedError
from reconciler.model.files import LiveFile, Priority
from reconciler.model.plan import FieldValue
from reconciler.model.snapshot import AddOptions, ShareLimits
from reconciler.model.units import GLOBAL_LIMIT
from reconciler.model.versions import FILES_IN_LIST, TRACKER_URL_DECODING, ApiVersion
from reconciler.qbittorrent.client import Client
from reconciler.qbittorrent.connection import Connection
from reconciler.qbittorrent.convert import convert_files
from reconciler.qbittorrent.schemas import CONTENT_LAYOUTS, NUMBERS_BY_PRIORITY, SHARE_LIMIT_ACTIONS, STOP_CONDITIONS

_ID_LENGTHS: Final = frozenset({40, 64})
_HEX_DIGITS: Final = b"0123456789abcdef"
_CONTROL_PATTERN = re.compile(r"[\x00-\x20\x7f]")

_OptionCall = Callable[[Client, list[str], Any], object]
_OPTION_SETTERS: Final[dict[str, tuple[str, _OptionCall]]] = {
    "auto_tmm": ("setAutoManagement", lambda client, ids, value: client.torrents_set_auto_management(value, ids)),
    "download_path": ("setDownloadPath", lambda client, ids, value: client.torrents_set_download_path(value, ids)),
    "force_start": ("setForceStart", lambda client, ids, value: client.torrents_set_force_start(value, ids)),
    "super_seeding": ("setSuperSeeding", lambda client, ids, value: client.torrents_set_super_seeding(value, ids)),
    "download_limit": ("setDownloadLimit", lambda client, ids, value: client.torrents_set_download_limit(value, ids)),
    "upload_limit": ("setUploadLimit", lambda client, ids, value: client.torrents_set_upload_limit(value, ids)),
    "comment": ("setComment", lambda client, ids, value: client.torrents_set_comment(value, ids)),
}
_OPTION_TOGGLES: Final[dict[str, tuple[str, Callable[[Client, list[str]], object]]]] = {
    "sequential": ("toggleSequentialDownload", lambda client, ids: client.torrents_toggle_sequential_download(ids)),
    "first_last_piece_first": (
        "toggleFirstLastPiecePrio",
        lambda client, ids: client.torrents_toggle_first_last_piece_priority(ids),
    ),
}
# Fields by the arguments of `torrents_add`.
_ADD_ARGUMENTS: Final[dict[str, str]] = {
    "download_path": "download_path",
    "force_start": "forced",
    "sequential": "is_sequential_download",
    "first_last_piece_first": "is_first_last_piece_priority",
    "download_limit": "download_limit",
    "upload_limit": "upload_limit",
    "share_limits.ratio": "ratio_limit",
    "share_limits.seeding_time": "seeding_time_limit",
    "share_limits.inactive_seeding_time": "inactive_seeding_time_limit",
    "share_limits.action": "share_limit_action",
    "content_layout": "content_layout",
    "skip_checking": "is_skip_checking",
    "stop_condition": "stop_condition",
}
_VALUE_NAMES: Final = {
    "share_limits.action": SHARE_LIMIT_ACTIONS,
    "content_layout": CONTENT_LAYOUTS,
    "stop_condition": STOP_CONDITIONS,
}


class OptionCalls:
    """The option calls of `Session`. They raise `ValueError` for ids and URLs that the server would misread."""

    _connection: Connection

    @property
    def api_version(self) -> ApiVersion:
        """The Web API version as numbers; empty before `open`."""
        return self._connection.api_version

    def read_files(self, ids: Collection[str]) -> Mapping[str, tuple[LiveFile, ...]]:
        """Return the files of the torrents that have metadata; one request each before qBittorrent 5.2."""
        hashes = check_ids(ids)
        if not FILES_IN_LIST.is_available(self.api_version):
            return {key: convert_files(rows) for key in hashes if (rows := self._read_file_rows(key))}
        rows = self._connection.call("torrents/info", lambda client: client.read_torrent_rows_with_files(hashes))
        return {row["hash"]: convert_files(files) for row in rows if (files := row.get("files"))}

    def set_option(self, ids: Collection[str], field: str, value: FieldValue) -> None:
        """Set an option that has a request of its own."""
        hashes = check_ids(ids)
        endpoint, send = _OPTION_SETTERS[field]
        self._connection.call(f"torrents/{endpoint}", lambda client: send(client, hashes, value))

    def toggle_option(self, ids: Collection[str], field: str) -> None:
        """Toggle `sequential` or `first_last_piece_first`."""
        hashes = check_ids(ids)
        endpoint, send = _OPTION_TOGGLES[field]
        self._connection.call(f"torrents/{endpoint}", lambda client: send(client, hashes))

    def set_share_limits(self, ids: Collection[str], limits: ShareLimits) -> None:
        """Set all share limits at once. Older servers ignore limits that they lack; newer servers require all."""
        hashes = check_ids(ids)
        inactive = GLOBAL_LIMIT if limits.inactive_seeding_time is None else limits.inactive_seeding_time
        action = limits.action or "default"
        self._connection.call(
            "torrents/setShareLimits",
            lambda client: client.torrents_set_share_limits(
                ratio_limit=limits.ratio,
                seeding_time_limit=limits.seeding_time,
                inactive_seeding_time_limit=inactive,
                share_limit_action=SHARE_LIMIT_ACTIONS.get(action, action),  # type: ignore[arg-type]
                share_limits_mode=limits.mode or "Default",  # type: ignore[arg-type]
                torrent_hashes=hashes,
            ),
        )

    def add_trackers(self, ids: Collection[str], urls: Sequence[str]) -> None:
        """Add trackers to the present trackers."""
        hashes, trackers = check_ids(ids), _check_urls(urls)
        self._connection.call(
            "torrents/addTrackers", lambda client: client.torrents_add_trackers("|".join(hashes), trackers)
        )

    def remove_trackers(self, torrent_id: str, urls: Sequence[str]) -> None:
        """Remove trackers, as the server writes them. Raises `RejectedError` (409) before 4.5 if none is there.

        The server splits the list at `|`, and from 5.0 on decodes each URL.
        """
        if not urls or any(not url for url in urls):
            raise ValueError("URLs are a non-empty collection")
        encode = TRACKER_URL_DECODING.is_available(self.api_version)
        trackers = [quote(url, safe="") if encode else url for url in urls]
        self._connection.call(
            "torrents/removeTrackers", lambda client: client.torrents_remove_trackers(torrent_id, trackers)
        )

    def add_web_seeds(self, torrent_id: str, urls: Sequence[str]) -> None:
        """Add web seeds to the present web seeds. The server splits the list at `|` and then decodes each URL."""
        seeds = [quote(url, safe="") for url in _check_urls(urls)]
        self._connection.call("torrents/addWebSeeds", lambda client: client.torrents_add_webseeds(torrent_id, seeds))

    def set_file_priority(self, torrent_id: str, indexes: Collection[int], priority: Priority) -> None:
        """Set the priority of these files."""
        number, ids = NUMBERS_BY_PRIORITY[priority], sorted(indexes)
        self._connection.call(
            "torrents/filePrio", lambda client: client.torrents_file_priority(torrent_id, ids, number)
        )

    def _read_file_rows(self, torrent_id: str) -> Any:
        try:
            return self._connection.call("torrents/files", lambda client: client.read_file_rows(torrent_id))
        except RejectedError as error:
            if error.http_status != 404:  # the torrent is gone
                raise
            return ()


def build_add_arguments(options: AddOptions) -> dict[str, Any]:
    """Return the arguments of `torrents_add` for the extra options, and always a stop condition.

    Without a stop condition, the server's own setting (>= 4.5) could stop a torrent that should run.
    """
    arguments: dict[str, Any] = {"stop_condition": "None"}
    for field, value in options.extra_options:
        arguments[_ADD_ARGUMENTS[field]] = _VALUE_NAMES[field][str(value)] if field in _VALUE_NAMES else value
    if arguments.get("download_path") == "":  # the empty path would mean the server's default
        arguments |= {"download_path": None, "use_download_path": False}
    return arguments


def check_ids(ids: Collection[str]) -> list[str]:
    """Return the ids as a list; raise `ValueError` for none and for `all`, which would mean every torrent."""
    text = "".join(ids)  # of thousands, which are looked at together in a tenth of the time
    if not ids or not _ID_LENGTHS.issuperset(map(len, ids)) or text.encode().translate(None, _HEX_DIGITS):
        raise ValueError("ids are a non-empty collection of infohashes")
    return list(ids)


def _check_urls(urls: Sequence[str]) -> list[str]:
    if not urls or any(not url or _CONTROL_PATTERN.search(url) for url in urls):
        raise ValueError("URLs are a non-empty collection, each without spaces and line breaks")
    return list(urls)
