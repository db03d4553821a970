"""The calls that add, change and remove torrents."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from reconciler.model.errors import RejectedError
from reconciler.model.snapshot import AddOptions
from reconciler.model.versions import TAGS_AT_ADD
from reconciler.qbittorrent.api_options import build_add_arguments, check_ids
from reconciler.qbittorrent.api_tags import check_tags
from reconciler.qbittorrent.client import Client
from reconciler.qbittorrent.connection import Connection


class TorrentCalls:
    """The torrent calls of `Session`."""

    _connection: Connection

    @property
    def can_tag_at_add(self) -> bool:
        """True if an add takes tags (qBittorrent >= 4.3.2). Otherwise it sends none, and `add_tags` must follow."""
        return TAGS_AT_ADD.is_available(self._connection.api_version)

    def add_peer(self, torrent_id: str, address: str) -> None:
        """Add a peer, `IP:port`, to a torrent. A missing torrent is no error."""
        self._connection.call("torrents/addPeers", lambda client: client.torrents_add_peers(address, torrent_id))

    def add_magnets(self, magnets: Sequence[str], options: AddOptions) -> None:
        """Add magnet links that share their options. An existing torrent is no error.

        The request contains everything about running and place that the server's own settings would otherwise decide.
        The reply is ignored (4.2 to 5.3): a duplicate answers like a failure, and `Ok.` may hide failures.
        """
        if not magnets or any(not uri.startswith("magnet:?") or "\n" in uri or "\r" in uri for uri in magnets):
            raise ValueError("only magnet links are added here: anything else could be a path on the server's own disk")
        self._send_add(options, urls=magnets)

    def add_torrent_files(self, files: Mapping[str, bytes], options: AddOptions) -> None:
        """Add .torrent files, by unique names, that share their options. An existing torrent is no error.

        Raises `RejectedError` (415) if the server rejects a file; some of the others may have been added.
        """
        if not files:
            raise ValueError("no file would mean an add of nothing")
        self._send_add(options, torrent_files=files)

    def add_tags(self, ids: Collection[str], tags: Collection[str]) -> None:
        """Add tags to torrents; new tags are created."""
        hashes, names = check_ids(ids), check_tags(tags)
        self._connection.call("torrents/addTags", lambda client: client.torrents_add_tags(names, hashes))

    def remove_tags(self, ids: Collection[str], tags: Collection[str]) -> None:
        """Remove tags from torrents. `tags` must not be empty: qBittorrent would remove all tags."""
        hashes, names = check_ids(ids), check_tags(tags)
        self._connection.call("torrents/removeTags", lambda client: client.torrents_remove_tags(names, hashes))

    def set_category(self, ids: Collection[str], category: str) -> None:
        """Set an existing category; "" removes the category."""
        hashes = check_ids(ids)
        self._connection.call("torrents/setCategory", lambda client: client.torrents_set_category(category, hashes))

    def set_location(self, ids: Collection[str], path: str) -> None:
        """Move to an absolute path and turn automatic management off."""
        hashes = check_ids(ids)
        self._connection.call("torrents/setLocation", lambda client: client.torrents_set_location(path, hashes))

    def rename_torrent(self, torrent_id: str, name: str) -> None:
        """Rename one torrent."""
        self._connection.call("torrents/rename", lambda client: client.torrents_rename(torrent_id, name))

    def stop_torrents(self, ids: Collection[str]) -> None:
        """Stop (pause). The state shows it with the server's next refresh, at most 1.5 s later."""
        hashes = check_ids(ids)
        self._connection.call("torrents/stop", lambda client: client.torrents_stop(hashes))

    def start_torrents(self, ids: Collection[str]) -> None:
        """Start (resume). Do not start a running torrent: it would lose its forced start."""
        hashes = check_ids(ids)
        self._connection.call("torrents/start", lambda client: client.torrents_start(hashes))

    def delete_torrents(self, ids: Collection[str], delete_files: bool) -> None:
        """Remove, with or without the downloaded data."""
        hashes = check_ids(ids)
        self._connection.call("torrents/delete", lambda client: client.torrents_delete(delete_files, hashes))

    def _send_add(self, options: AddOptions, **source: Any) -> None:
        """Send an add. `source` is `urls` or `torrent_files`, as in `torrents_add` of qbittorrent-api."""

        def send(client: Client) -> None:
            client.add_torrents(
                **source,
                save_path=options.save_path,
                category=options.category or None,
                rename=options.name,
                tags=options.tags if options.tags and self.can_tag_at_add else None,
                is_stopped=options.stopped,  # is_paused=False would be dropped by the library
                use_auto_torrent_management=options.auto_tmm,
                **build_add_arguments(options),
            )

        try:
            self._connection.call("torrents/add", send)
        except RejectedError as error:
            if error.http_status != 409:  # >= 5.2: none was added, perhaps because all are duplicates
                raise
