"""A desired-state file under the knife: which document takes an entry, and is all else what it was?"""

from __future__ import annotations

import codecs
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from reconciler.desired.edit.layout import LayoutNode, parse_layout
from reconciler.desired.edit.splice import (
    EntryIndex,
    UnsupportedLayout,
    append_document,
    append_entries,
    remove_entries,
)
from reconciler.desired.render import YamlEntry
from reconciler.desired.yaml.document import YamlDocument
from reconciler.desired.yaml.parser import compose_nodes
from reconciler.model.position import Position


@dataclass(frozen=True)
class YamlFile:
    """A file that was read; `name` is its path as the user gave it. Its text is known to be a valid desired state."""

    path: Path
    raw: bytes

    @property
    def name(self) -> str:
        """What positions in it are called."""
        return str(self.path)

    @cached_property
    def text(self) -> str:
        """What is in it, without a byte order mark."""
        return self.raw.decode("utf-8-sig")

    @cached_property
    def roots(self) -> list[LayoutNode]:
        """Where everything in it stands, document by document."""
        return parse_layout(self.text)

    @cached_property
    def data(self) -> list[Any]:
        """What it says, document by document."""
        return _parse_documents(self.text) or []

    def encode_text(self, text: str) -> bytes:
        """Another text as this file would hold it."""
        mark = codecs.BOM_UTF8 if self.raw.startswith(codecs.BOM_UTF8) else b""
        return mark + text.encode()

    @property
    def documents_with_torrents(self) -> list[int]:
        """The documents that have a list of torrents."""
        return [number for number, data in enumerate(self.data) if "torrents" in data]

    def get_defaults(self, document: int | None) -> Mapping[str, Any]:
        """The defaults of a document; a new one has none."""
        found: Mapping[str, Any] = {} if document is None else self.data[document].get("defaults") or {}
        return found

    def find_best_document(self, keys: Mapping[str, object]) -> int | None:
        """The document whose defaults fit an entry with these keys best; of several alike the last.

        That is: no default that has to be contradicted, then as many as possible that say what was asked for, then as
        few as possible that say more. None where each of several says only more: the entry needs one of its own.
        """

        def score_document(number: int) -> tuple[bool, int, int, int]:
            defaults = self.get_defaults(number)
            said = [key for key in defaults if key in keys]
            same = sum(defaults[key] == keys[key] for key in said)
            return same == len(said), same, len(said) - len(defaults), number

        best = max(self.documents_with_torrents or [len(self.data) - 1], key=score_document)
        agrees, same, _, _ = score_document(best)
        plain = set(self.get_defaults(best)) <= {"instance"}
        return best if len(self.documents_with_torrents) < 2 or plain or (agrees and same) else None

    def find_entry(self, position: Position) -> EntryIndex:
        """Which entry begins there. Raises `UnsupportedLayout` where none does: it came by an alias or a merge."""
        for number, root in enumerate(self.roots):
            found = root.get("torrents")
            for index, item in enumerate(found[1].items if found else ()):
                if item.kind != "alias" and (item.line, item.column) == (position.line, position.column):
                    return number, index
        raise UnsupportedLayout(f"the entry at {position} is not written there as an item of a list")

    def list_entry_positions(self, document: int | None) -> list[Position]:
        """Where each entry of a document's torrents begins; None: of the last one's."""
        found = self.roots[-1 if document is None else document].get("torrents")
        return [Position(self.name, item.line, item.column) for item in (found[1].items if found else ())]

    def add_entries(self, document: int | None, entries: Sequence[YamlEntry]) -> str:
        """The text with these entries at the end of that document's torrents, or of a new one's. Raises `UnsupportedLayout`."""
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
        """The text without these entries. Raises `UnsupportedLayout`."""
        expected = list(self.data)
        for number in {number for number, _ in entry_indexes}:
            torrents = expected[number].get("torrents", [])
            kept = [item for index, item in enumerate(torrents) if (number, index) not in entry_indexes]
            expected[number] = {**expected[number], "torrents": kept}
        return self._verify_change(remove_entries(self.text, self.roots, entry_indexes), expected)

    def _verify_change(self, text: str, expected: Sequence[Any]) -> str:
        """The text, if it says what it should and nothing else."""
        data = _parse_documents(text)
        if data is not None and data != expected:
            raise UnsupportedLayout("the change would alter something else in it")
        return text


def _parse_documents(text: str) -> list[Any] | None:
    """What each document says; None where it is not YAML, which is for a whole load to tell in full."""
    roots, problem = compose_nodes("", text)
    documents = [YamlDocument("", Path(), root) for root in roots]
    if problem or any(document.problems for document in documents):
        return None
    return [document.data for document in documents]
