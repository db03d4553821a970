"""What an entry's torrent is given by: exactly one of a magnet link, a .torrent file and an infohash."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.desired.builders.content import ContentIndex, build_content
from reconciler.desired.context import LoadContext
from reconciler.desired.schema.document import SOURCE_KEYS
from reconciler.desired.torrent_files import is_url
from reconciler.desired.yaml.document import YamlDocument
from reconciler.model.content import Content, ContentReference
from reconciler.model.infohash import InfoHashes
from reconciler.model.magnet import Magnet
from reconciler.model.torrent_file import TorrentFile, TorrentFileError

_SOURCE_HINT: Final = 'Add "magnet: …", "torrent: FILE or URL", "infohash: …", "content: PATH" or "content_of: NAME"'

TorrentSource = Magnet | TorrentFile | None


@dataclass(frozen=True, slots=True)
class ResolvedSource:
    """Which torrent an entry means, and the key that says so. `source` None: it has to be there already.

    `infohashes` None: which torrent it is only the instances know, by its `content`.
    """

    key: str
    infohashes: InfoHashes | None
    source: TorrentSource
    content: Content | ContentReference | None = None


class SourceResolver:
    """Resolves the sources of one load.

    URLs are fetched together, by `fetch_all`, once all else is known to be valid: before, and offline, they are
    `awaited`.
    """

    def __init__(self, context: LoadContext, contents: ContentIndex) -> None:
        self._context = context
        self._contents = contents
        self._fetch_results: Mapping[str, TorrentFile | TorrentFileError] = {}
        self.pending_urls: dict[str, None] = {}  # in order, each once

    def fetch_all(self) -> bool:
        """Get the URLs that were met so far. False where there are none, or nothing is to be contacted now."""
        fetch = self._context.torrent_files.fetch
        if not self.pending_urls or self._context.problems or fetch is None:
            return False
        self._fetch_results = fetch(self.pending_urls)
        return True

    def resolve(self, entry: Mapping[str, Any], document: YamlDocument, index: int) -> ResolvedSource | None:
        """What one entry gives; None where it is awaited, or where there is a problem with it."""
        keys = [key for key in SOURCE_KEYS if key in entry]
        if len(keys) != 1:
            self._report_source_count(keys, document, index)
            return None
        (key,) = keys
        value = entry[key]
        if isinstance(value, Magnet):
            return ResolvedSource(key, value.infohashes, value)
        if isinstance(value, InfoHashes):
            return ResolvedSource(key, value, None)
        if key == "content":
            return ResolvedSource(key, None, None, build_content(entry, document, index, self._context))
        if key == "content_of":
            of = self._contents.resolve(str(value), document, index)
            return ResolvedSource(key, None, None, of) if of else None
        try:
            file = self._load_torrent_file(str(value), document)
        except TorrentFileError as error:
            self._report_error(error, value, document, index)
            return None
        return ResolvedSource(key, file.infohashes, file) if file else None

    def _load_torrent_file(self, location: str, document: YamlDocument) -> TorrentFile | None:
        if not is_url(location):
            path = str(document.base / location)
            self._context.files.append(path)
            return self._context.torrent_files.get(path)
        self.pending_urls[location] = None
        found = self._fetch_results.get(location)
        if isinstance(found, TorrentFileError):
            raise found
        return found

    def _report_error(self, error: TorrentFileError, location: str, document: YamlDocument, index: int) -> None:
        at = document.find_position("torrents", index, "torrent")
        if is_url(location):
            self._context.add_problem(at, f"this torrent could not be fetched: {error}", remote=error.remote)
            return
        mend = "Check the path; it is relative to this file" if error.args[0].startswith("there is no") else ""
        self._context.add_problem(at, f"this .torrent file cannot be used: {error}", mend)

    def _report_source_count(self, keys: list[str], document: YamlDocument, index: int) -> None:
        """None or several; what was said in a wrong way has been complained about already."""
        data = document.data["torrents"][index]
        said = [key for key in SOURCE_KEYS if key in data]
        if not said:
            self._context.add_problem(
                document.find_position("torrents", index), "this torrent has no source", _SOURCE_HINT
            )
        elif len(said) > 1:
            where = document.find_key_position("torrents", index, said[1])
            listed = " and ".join(said)
            self._context.add_problem(where, f"this torrent has {listed}, and needs exactly one of them", "Keep one")
