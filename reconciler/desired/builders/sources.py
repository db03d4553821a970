"""Resolves the source of an entry: exactly one of a magnet link, a .torrent file, an infohash and content."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.desired.builders.content import ContentIndex, build_content
from reconciler.desired.context import LoadContext
from reconciler.desired.schema.torrents import SOURCE_KEYS
from reconciler.desired.torrent_files import is_url
from reconciler.desired.yaml.document import YamlDocument
from reconciler.model.content import Content, ContentReference
from reconciler.model.infohash import InfoHashes
from reconciler.model.magnet import Magnet
from reconciler.model.torrent_file import MissingTorrentFileError, TorrentFile, TorrentFileError

_SOURCE_HINT: Final = 'Add "magnet: …", "torrent: FILE or URL", "infohash: …", "content: PATH" or "content_of: NAME"'

TorrentSource = Magnet | TorrentFile | None


@dataclass(frozen=True, slots=True)
class ResolvedSource:
    """The torrent of an entry, and the key that names it. `source` None: the torrent must exist already.

    `infohashes` None: only the instances know which torrent the `content` became.
    """

    key: str
    infohashes: InfoHashes | None
    source: TorrentSource
    content: Content | ContentReference | None = None


class SourceResolver:
    """Resolves the sources of one load.

    `fetch_all` fetches all URLs together, once everything else is valid. Before that, and offline, an entry with a URL
    has no source, and its URL is in `pending_urls`.
    """

    def __init__(self, context: LoadContext, contents: ContentIndex) -> None:
        self._context = context
        self._contents = contents
        self._fetch_results: Mapping[str, TorrentFile | TorrentFileError] = {}
        self.pending_urls: dict[str, None] = {}  # a set that keeps its order

    def fetch_all(self) -> bool:
        """Fetch the pending URLs. Returns False where there are none, or no server may be contacted now."""
        fetch = self._context.torrent_files.fetch
        if not self.pending_urls or self._context.problems or fetch is None:
            return False
        self._fetch_results = fetch(self.pending_urls)
        return True

    def resolve(self, entry: Mapping[str, Any], document: YamlDocument, index: int) -> ResolvedSource | None:
        """Return the source of one entry; None where its URL is pending, or where there is a problem with it."""
        keys = [key for key in SOURCE_KEYS if key in entry]
        if len(keys) != 1:
            self._report_source_count(document, index)
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
            reference = self._contents.resolve(str(value), document, index)
            return ResolvedSource(key, None, None, reference) if reference else None
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
        result = self._fetch_results.get(location)
        if isinstance(result, TorrentFileError):
            raise result
        return result

    def _report_error(self, error: TorrentFileError, location: str, document: YamlDocument, index: int) -> None:
        position = document.find_position("torrents", index, "torrent")
        if is_url(location):
            self._context.add_problem(position, f"this torrent could not be fetched: {error}", remote=error.remote)
            return
        hint = "Check the path; it is relative to this file" if isinstance(error, MissingTorrentFileError) else ""
        self._context.add_problem(position, f"this .torrent file cannot be used: {error}", hint)

    def _report_source_count(self, document: YamlDocument, index: int) -> None:
        """Report no source or several, from the plain data: an invalid source is reported already."""
        data = document.data["torrents"][index]
        keys = [key for key in SOURCE_KEYS if key in data]
        if not keys:
            self._context.add_problem(
                document.find_position("torrents", index), "this torrent has no source", _SOURCE_HINT
            )
        elif len(keys) > 1:
            self._context.add_problem(
                document.find_key_position("torrents", index, keys[1]),
                f"this torrent has several sources: {' and '.join(keys)}",
                "Keep exactly one of them",
            )
