"""A .torrent file that an entry names: which torrent it is, and how to have its bytes when they are sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from reconciler.model.infohash import InfoHashes
from reconciler.model.metainfo import Metainfo, MetainfoError, parse_metainfo


class TorrentFileError(Exception):
    """A .torrent file could not be had. The message is one clause without a final stop, and holds no URL (passkeys).

    `remote`: the trouble lies with another server, so it may pass without a change of ours.
    """

    def __init__(self, message: str, *, remote: bool = False) -> None:
        super().__init__(message)
        self.remote = remote


@dataclass(frozen=True, slots=True)
class TorrentFile:
    """A .torrent file that has been read once, and checked. Its bytes are not kept: ten thousand would be gigabytes.

    `location` is its path or URL, which may hold a passkey. `length` is that of the file, in bytes. `read` gets its bytes
    anew, and raises `TorrentFileError`.
    """

    location: str = field(repr=False)
    infohashes: InfoHashes
    name: str
    length: int
    read: Callable[[], bytes] = field(repr=False, compare=False)

    def read_bytes(self) -> bytes:
        """Its bytes. Raises `TorrentFileError` also where they are another torrent by now: that one nobody has planned."""
        data = self.read()
        if identify_torrent(data).infohashes != self.infohashes:
            raise TorrentFileError("it has changed since it was read, and is another torrent now; run again")
        return data


def identify_torrent(data: bytes) -> Metainfo:
    """What the bytes of a .torrent file say. Raises `TorrentFileError` where they are none."""
    try:
        return parse_metainfo(data)
    except MetainfoError as error:
        raise TorrentFileError(str(error)) from None
