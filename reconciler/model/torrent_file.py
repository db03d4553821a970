"""A .torrent file: which torrent it is, and how to read its bytes when they are sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field

from reconciler.model.infohash import InfoHashes
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.magnet import Magnet
from reconciler.model.metainfo import Metainfo, MetainfoError, parse_metainfo


class TorrentFileError(Exception):
    """A .torrent file that cannot be used. The message is one clause without a full stop or a URL (passkeys)."""


class MissingTorrentFileError(TorrentFileError):
    """No file exists at the path."""


@dataclass(frozen=True, slots=True)
class TorrentFile:
    """A .torrent file that was read once and checked. Its bytes are not kept: ten thousand would be gigabytes.

    `location` is its path or URL, which may contain a passkey. `length` is its size in bytes. `read` reads the bytes
    again, and raises `TorrentFileError`.
    """

    location: str = field(repr=False)
    infohashes: InfoHashes
    name: str
    length: int
    read: Callable[[], bytes] = field(repr=False, compare=False)

    def read_bytes(self) -> bytes:
        """Read its bytes. Raises `TorrentFileError`, also if they are now another torrent, which no plan has shown."""
        data = self.read()
        if identify_torrent(data).infohashes != self.infohashes:
            raise TorrentFileError("it has changed since it was read and is now another torrent; run again")
        return data


@dataclass(frozen=True, slots=True)
class FetchedTorrent:
    """The torrent behind a URL: a .torrent file, or a magnet link that the URL leads to.

    `source` None: it is not known, for the reason `error`. With both, it is a copy that an earlier run has kept.
    """

    source: TorrentFile | Magnet | None
    error: TorrentFileError | None = None


@dataclass(frozen=True, slots=True)
class UnknownSource:
    """A URL that could not be fetched, so that nobody knows which torrent it means. `reason`: one clause."""

    location: str = field(repr=False)
    host: str
    reason: str


def identify_torrent(data: bytes) -> Metainfo:
    """Parse the bytes of a .torrent file. Raises `TorrentFileError` where they are not one."""
    try:
        return parse_metainfo(data)
    except MetainfoError as error:
        raise TorrentFileError(str(error)) from None
