"""A .torrent file that an entry names: which torrent it is, and how to have its bytes when they are sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from reconciler.model.infohash import InfoHashes
from reconciler.model.metainfo import Metainfo, MetainfoError, read_metainfo


class SourceError(Exception):
    """A .torrent file could not be had. The message is one clause without a final stop, and holds no URL (passkeys).

    `remote`: the trouble lies with another server, so it may pass without a change of ours.
    """

    def __init__(self, message: str, *, remote: bool = False) -> None:
        super().__init__(message)
        self.remote = remote


@dataclass(frozen=True, slots=True)
class TorrentFile:
    """A .torrent file that has been read once, and checked. Its bytes are not kept: ten thousand would be gigabytes.

    `place` is its path or URL, which may hold a passkey. `length` is that of the file, in bytes. `read` gets its bytes
    anew, and raises `SourceError`.
    """

    place: str = field(repr=False)
    infohashes: InfoHashes
    name: str
    length: int
    read: Callable[[], bytes] = field(repr=False, compare=False)

    def content(self) -> bytes:
        """Its bytes. Raises `SourceError` also where they are another torrent by now: that one nobody has planned."""
        data = self.read()
        if identify(data).infohashes != self.infohashes:
            raise SourceError("it has changed since it was read, and is another torrent now; run again")
        return data


def identify(data: bytes) -> Metainfo:
    """What the bytes of a .torrent file say. Raises `SourceError` where they are none."""
    try:
        return read_metainfo(data)
    except MetainfoError as error:
        raise SourceError(str(error)) from None
