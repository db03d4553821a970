"""A desired-state file that is edited: it chooses the document for an entry, and checks that nothing else changes."""

from __future__ import annotations

import codecs
import glob
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from reconciler.desired.edit.layout import LayoutNode, parse_layout
from reconciler.desired.edit.splice import (
    EntryIndex,
    IncludeItem,
    UnsupportedLayout,
    append_document,
    append_entries,
    append_include,
    remove_entries,
)
from reconciler.desired.render import YamlEntry
from reconciler.desired.yaml.document import TooManyAliases, YamlDocument
from reconciler.desired.yaml.entries import compose_nodes
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.position import Position


@dataclass(frozen=True)
class YamlFile:
    """A file with a valid desired state, by its path as the user gave it and its bytes as they were read."""

    path: Path
    raw: bytes

    @property
    def name(self) -> str:
        """The name of the file in positions."""
        return str(self.path)

    @cached_property
    def text(self) -> str:
        """The text without a byte order mark."""
        return self.raw.decode("utf-8-sig")

    @cached_property
    def roots(self) -> list[LayoutNode]:
        """The layout of each document."""
        return parse_layout(self.text)

    @cached_property
    def data(self) -> list[Any]:
        """The plain data of each document."""
        return _parse_documents(self.text) or []

    def encode_text(self, text: str) -> bytes:
        """Encode another text for this file, with a byte order mark if the file has one."""
        mark = codecs.BOM_UTF8 if self.raw.startswith(codecs.BOM_UTF8) else b""
        return mark + text.encode()

    @property
    def documents_with_torrents(self) -> list[int]:
        """The indexes of the documents that have a list of torrents."""
        return [number for number, data in enumerate(self.data) if "torrents" in data]

    def get_defaults(self, document: int | None) -> Mapping[str, Any]:
        """Return the defaults of a document; None stands for a new one, which has none."""
        defaults: Mapping[str, Any] = {} if document is None else self.data[document].get("defaults") or {}
        return defaults

    def find_best_document(self, keys: Mapping[str, object]) -> int | None:
        """Return the index of the document whose defaults fit an entry with these keys best.

        The best document has, in this order: no default that contradicts a key; the most defaults equal to a key; the
        fewest other defaults; the last position. None where there are several documents and none has a default equal to
        a key: the entry needs a new document.
        """

        def score_document(index: int) -> tuple[bool, int, int, int]:
            defaults = self.get_defaults(index)
            common_keys = [key for key in defaults if key in keys]
            equal_count = sum(defaults[key] == keys[key] for key in common_keys)
            return equal_count == len(common_keys), equal_count, len(common_keys) - len(defaults), index

        best = max(self.documents_with_torrents or [len(self.data) - 1], key=score_document)
        is_consistent, equal_count, _, _ = score_document(best)
        is_plain = set(self.get_defaults(best)) <= {"instance"}
        is_only_choice = len(self.documents_with_torrents) < 2
        return best if is_only_choice or is_plain or (is_consistent and equal_count) else None

    def find_entry(self, position: Position) -> EntryIndex:
        """Return the entry at a position. Raises `UnsupportedLayout` where it comes from an alias or a merge."""
        for document, root in enumerate(self.roots):
            pair = root.get("torrents")
            for index, item in enumerate(pair[1].items if pair else ()):
                if item.kind != "alias" and (item.line, item.column) == (position.line, position.column):
                    return document, index
        raise UnsupportedLayout(f"the entry at {position} is not written there as an item of a list")

    def list_entry_positions(self, document: int | None) -> list[Position]:
        """Return the position of each entry of a document; None stands for the last document."""
        pair = self.roots[-1 if document is None else document].get("torrents")
        return [Position(self.name, item.line, item.column) for item in (pair[1].items if pair else ())]

    def add_entries(self, document: int | None, entries: Sequence[YamlEntry]) -> str:
        """Return the text with entries added to the torrents of a document; None stands for a new document.

        Raises `UnsupportedLayout`.
        """
        new = [entry.data for entry in entries]
        expected = list(self.data)
        if document is None:
            return self._verify_change(
                append_document(self.text, entries), [*expected, {"version": 1, "torrents": new}]
            )
        old = expected[document]
        expected[document] = {**old, "torrents": [*old.get("torrents", []), *new]}
        return self._verify_change(append_entries(self.text, self.roots[document], entries), expected)

    def remove_entries(self, entry_indexes: Collection[EntryIndex]) -> str:
        """Return the text without these entries. Raises `UnsupportedLayout`."""
        expected = list(self.data)
        for document in {document for document, _ in entry_indexes}:
            torrents = expected[document].get("torrents", [])
            kept = [item for index, item in enumerate(torrents) if (document, index) not in entry_indexes]
            expected[document] = {**expected[document], "torrents": kept}
        return self._verify_change(remove_entries(self.text, self.roots, entry_indexes), expected)

    def add_include(self, path: str) -> str:
        """Return the text with a file to include added to its first document. Raises `UnsupportedLayout`."""
        item = IncludeItem(glob.escape(path))
        first, *others = self.data
        expected = [{**first, "include": [*first.get("include", []), item.pattern]}, *others]
        return self._verify_change(append_include(self.text, self.roots[0], item), expected)

    def _verify_change(self, text: str, expected: Sequence[Any]) -> str:
        """Return the text. Raises `UnsupportedLayout` if its data is not `expected`; a load reports its problems."""
        data = _parse_documents(text)
        if data is not None and data != expected:
            raise UnsupportedLayout("the change would alter something else in it")
        return text


def _parse_documents(text: str) -> list[Any] | None:
    """Return the plain data of each document; None where there are problems, which a full load reports."""
    roots, problem = compose_nodes("", text)
    try:
        documents = [YamlDocument("", Path(), root) for root in roots]
    except TooManyAliases:
        return None
    if problem or any(document.problems for document in documents):
        return None
    return [document.data for document in documents]
