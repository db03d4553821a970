"""Checks entries of an intake as a load does, each by itself: a load of ten thousand takes seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from reconciler.desired.builders.torrents import build_torrents
from reconciler.desired.check import check_document
from reconciler.desired.context import LoadContext
from reconciler.desired.pitfalls import find_pitfall_offsets, find_pitfalls
from reconciler.desired.torrent_files import TorrentFileCache
from reconciler.desired.yaml.document import YamlDocument
from reconciler.desired.yaml.entries import compose_nodes
from reconciler.intake.text import Block
from reconciler.model.codes import Code
from reconciler.model.desired import DesiredCategory, DesiredState, DesiredTorrent
from reconciler.model.magnet import Magnet
from reconciler.model.position import Position, Problem
from reconciler.model.torrent_file import FetchedTorrent, TorrentFile, TorrentFileError

KnownSources = Mapping[str, TorrentFile | Magnet]
"""The torrents of URLs that were fetched."""


class EntryChecker:
    """Checks texts against the instances of a desired state. Not thread-safe.

    `known_sources`: what the URLs are that were fetched already; the torrents of others are unknown.
    """

    def __init__(self, path: Path, desired: DesiredState, known_sources: KnownSources) -> None:
        self._path = path
        self._desired = desired
        self._known_sources = known_sources

    def build_entry(self, block: Block) -> tuple[DesiredTorrent | None, list[Problem]]:
        """Return the torrent of one entry, and what is wrong with it. Positions are of the file as a whole.

        A text that does not mean its data, and nothing else, is wrong.
        """
        name, place = str(self._path), Position(str(self._path), 1, 1)
        text = f"version: 1\ntorrents:\n{block.text}"
        roots, problem = compose_nodes(name, text)
        if problem or len(roots) != 1:
            return None, [replace(problem, position=place, of_file=True) if problem else _make_problem(place)]
        document = YamlDocument(name, self._path.parent, roots[0], text)
        torrents, problems = self.build_from(document)
        if not problems and document.data != {"version": 1, "torrents": [block.data]}:
            problems = [_make_problem(place)]
        problems = [replace(problem, position=place, of_file=True) for problem in problems]
        return (torrents[0] if torrents else None), problems

    def build_from(self, document: YamlDocument) -> tuple[list[DesiredTorrent], list[Problem]]:
        """Return the torrents of a document, and what is wrong with it."""
        context = LoadContext({}, torrent_files=TorrentFileCache(self._find_known), intake_file=str(self._path))
        find_pitfalls(document, context, find_pitfall_offsets(document.text))
        problems = [*context.problems, *document.problems]
        checked = check_document(document, problems, is_intake=True)
        if problems:
            return [], problems
        intake = self._desired.intake
        checked.entry["defaults"] = {"instance": intake.instance if intake else None}
        torrents, _ = build_torrents([checked], tuple(self._desired.instances), self._desired.groups, context)
        return list(torrents), context.problems

    def _find_known(self, urls: object) -> Mapping[str, FetchedTorrent]:
        error = TorrentFileError("a run fetches it")
        assert isinstance(urls, dict)
        return {
            url: FetchedTorrent(source) if (source := self._known_sources.get(url)) else FetchedTorrent(None, error)
            for url in urls
        }


def _make_problem(place: Position) -> Problem:
    return Problem(place, Code.INTAKE_FILE, "this entry cannot be written safely", "Remove unusual characters from it")


def build_categories(document: YamlDocument) -> dict[str, DesiredCategory]:
    """Return the categories of a document that was checked."""
    from reconciler.desired.builders.instances import build_categories as build

    return build(document, ("categories",), document.data.get("categories") or {})
