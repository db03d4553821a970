"""What an entry's torrent is given by: exactly one of a magnet link, a .torrent file and an infohash."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.desired.content import Contents, made_from
from reconciler.desired.context import Context
from reconciler.desired.plain import Document
from reconciler.desired.schema import SOURCES
from reconciler.desired.torrent_files import is_url
from reconciler.model.content import Content, ContentOf
from reconciler.model.infohash import InfoHashes
from reconciler.model.magnet import Magnet
from reconciler.model.torrent_file import SourceError, TorrentFile

_MEND: Final = 'Add "magnet: …", "torrent: FILE or URL", "infohash: …", "content: PATH" or "content_of: NAME"'

Source = Magnet | TorrentFile | None


@dataclass(frozen=True, slots=True)
class Given:
    """Which torrent an entry means, and the key that says so. `source` None: it has to be there already.

    `infohashes` None: which torrent it is only the instances know, by its `content`.
    """

    key: str
    infohashes: InfoHashes | None
    source: Source
    content: Content | ContentOf | None = None


class Sources:
    """Resolves the sources of one load.

    URLs are fetched together, by `fetch_all`, once all else is known to be valid: before, and offline, they are
    `awaited`.
    """

    def __init__(self, context: Context, contents: Contents) -> None:
        self._context = context
        self._contents = contents
        self._fetched: Mapping[str, TorrentFile | SourceError] = {}
        self.awaited: dict[str, None] = {}  # in order, each once

    def fetch_all(self) -> bool:
        """Get the URLs that were met so far. False where there are none, or nothing is to be contacted now."""
        fetch = self._context.torrents.fetch
        if not self.awaited or self._context.problems or fetch is None:
            return False
        self._fetched = fetch(self.awaited)
        return True

    def of(self, entry: Mapping[str, Any], document: Document, index: int) -> Given | None:
        """What one entry gives; None where it is awaited, or where there is a problem with it."""
        keys = [key for key in SOURCES if key in entry]
        if len(keys) != 1:
            self._not_one(keys, document, index)
            return None
        (key,) = keys
        value = entry[key]
        if isinstance(value, Magnet):
            return Given(key, value.infohashes, value)
        if isinstance(value, InfoHashes):
            return Given(key, value, None)
        if key == "content":
            return Given(key, None, None, made_from(entry, document, index, self._context))
        if key == "content_of":
            of = self._contents.get(str(value), document, index)
            return Given(key, None, None, of) if of else None
        try:
            file = self._file(str(value), document)
        except SourceError as error:
            self._complain(error, value, document, index)
            return None
        return Given(key, file.infohashes, file) if file else None

    def _file(self, place: str, document: Document) -> TorrentFile | None:
        if not is_url(place):
            path = str(document.base / place)
            self._context.files.append(path)
            return self._context.torrents.at(path)
        self.awaited[place] = None
        found = self._fetched.get(place)
        if isinstance(found, SourceError):
            raise found
        return found

    def _complain(self, error: SourceError, place: str, document: Document, index: int) -> None:
        at = document.at("torrents", index, "torrent")
        if is_url(place):
            self._context.problem(at, f"this torrent could not be fetched: {error}", remote=error.remote)
            return
        mend = "Check the path; it is relative to this file" if error.args[0].startswith("there is no") else ""
        self._context.problem(at, f"this .torrent file cannot be used: {error}", mend)

    def _not_one(self, keys: list[str], document: Document, index: int) -> None:
        """None or several; what was said in a wrong way has been complained about already."""
        data = document.data["torrents"][index]
        said = [key for key in SOURCES if key in data]
        if not said:
            self._context.problem(document.at("torrents", index), "this torrent has no source", _MEND)
        elif len(said) > 1:
            where = document.key_at("torrents", index, said[1])
            listed = " and ".join(said)
            self._context.problem(where, f"this torrent has {listed}, and needs exactly one of them", "Keep one")
