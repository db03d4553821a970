"""Resolves the source of an entry: exactly one of a magnet link, a .torrent file, an infohash and content."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from reconciler.desired.builders.content import ContentIndex, build_content
from reconciler.desired.context import LoadContext
from reconciler.desired.schema.torrents import SOURCE_KEYS
from reconciler.desired.torrent_files import is_url
from reconciler.desired.yaml.document import YamlDocument
from reconciler.model.codes import Code
from reconciler.model.content import Content, ContentReference
from reconciler.model.infohash import InfoHashes
from reconciler.model.links import redact_path
from reconciler.model.magnet import Magnet
from reconciler.model.torrent_file import (
    FetchedTorrent,
    MissingTorrentFileError,
    TorrentFile,
    TorrentFileError,
    UnknownSource,
)

_SOURCE_HINT: Final = 'Add "magnet: …", "torrent: FILE or URL", "infohash: …", "content: PATH" or "content_of: NAME"'

_SOURCES: Final = frozenset(SOURCE_KEYS)

TorrentSource = Magnet | TorrentFile | None


class ResolvedSource(NamedTuple):
    """The torrent of an entry, and the key that names it. `source` None: the torrent must exist already.

    `infohashes` None: only the instances know which torrent the `content` became, or nobody knows the `unknown_source`.
    """

    key: str
    infohashes: InfoHashes | None
    source: TorrentSource
    content: Content | ContentReference | None = None
    unknown_source: UnknownSource | None = None


class SourceResolver:
    """Resolves the sources of one load.

    `fetch_all` fetches all URLs together, once everything else is valid. Before that, and offline, an entry with a URL
    has no source, and its URL is in `pending_urls`. After it, a URL that failed is an unknown source, unless an earlier
    run has kept a copy.
    """

    def __init__(self, context: LoadContext, contents: ContentIndex) -> None:
        self._context = context
        self._contents = contents
        self._fetch_results: Mapping[str, FetchedTorrent] = {}
        self.pending_urls: dict[str, None] = {}  # a set that keeps its order

    def fetch_all(self) -> bool:
        """Fetch the pending URLs. Returns False where there are none, or no server may be contacted now."""
        fetch = self._context.torrent_files.fetch
        if not self.pending_urls or self._context.problems or fetch is None:
            return False
        self._fetch_results = fetch(self.pending_urls)
        return True

    def resolve(self, entry: Mapping[str, Any], document: YamlDocument, index: int) -> ResolvedSource | None:
        """Return the source of one entry; None if its URL is pending, or if there is a problem with it."""
        keys = _SOURCES & entry.keys()
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
        location = str(value)
        return (self._resolve_url if is_url(location) else self._resolve_path)(location, document, index)

    def _resolve_path(self, location: str, document: YamlDocument, index: int) -> ResolvedSource | None:
        path = str(document.base / location)
        self._context.add_file(path)
        try:
            file = self._context.torrent_files.get(path)
        except TorrentFileError as error:
            position = document.find_position("torrents", index, "torrent")
            name = redact_path(location)
            if isinstance(error, MissingTorrentFileError):
                hint = "Check the path; it is relative to this file"
                self._context.add_problem(position, Code.TORRENT_FILE, f'there is no .torrent file "{name}"', hint)
            else:
                self._context.add_problem(
                    position, Code.TORRENT_FILE, f'the .torrent file "{name}" cannot be used: {error}'
                )
            return None
        return ResolvedSource("torrent", file.infohashes, file)

    def _resolve_url(self, url: str, document: YamlDocument, index: int) -> ResolvedSource | None:
        self.pending_urls[url] = None
        fetched = self._fetch_results.get(url)
        if fetched is None:
            return None
        if fetched.source is None:
            unknown = UnknownSource(url, urlsplit(url).netloc, f"it could not be fetched: {fetched.error}")
            return ResolvedSource("torrent", None, None, unknown_source=unknown)
        if fetched.error:
            position = document.find_position("torrents", index, "torrent")
            message = f"this torrent could not be fetched: {fetched.error}"
            self._context.add_warning(
                position, Code.KEPT_COPY, message, "The copy that an earlier run has kept is used"
            )
        return ResolvedSource("torrent", fetched.source.infohashes, fetched.source)

    def _report_source_count(self, document: YamlDocument, index: int) -> None:
        """Report no source or several, from the plain data: an invalid source is reported already."""
        data = document.data["torrents"][index]
        keys = [key for key in SOURCE_KEYS if key in data]
        if not keys:
            self._context.add_problem(
                document.find_position("torrents", index), Code.SOURCE_COUNT, "this torrent has no source", _SOURCE_HINT
            )
        elif len(keys) > 1:
            self._context.add_problem(
                document.find_key_position("torrents", index, keys[1]),
                Code.SOURCE_COUNT,
                f"this torrent has several sources: {' and '.join(keys)}",
                "Keep exactly one of them",
            )
