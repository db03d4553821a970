"""Torrents that are made from content on an instance, and those that are what such content became."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from reconciler.desired.check import CheckedDocument
from reconciler.desired.context import LoadContext
from reconciler.desired.messages import quote_word, suggestion_text
from reconciler.desired.yaml.document import YamlDocument
from reconciler.model.content import Content, ContentReference, TorrentExport
from reconciler.model.data_overlap import normalize_data_path
from reconciler.model.desired import DesiredTorrent
from reconciler.model.fields import (
    AUTO_TMM,
    CONTENT_LAYOUT,
    DOWNLOAD_PATH,
    FILES,
    SAVE_PATH,
    SKIP_CHECKING,
    STOP_CONDITION,
)
from reconciler.model.position import Position
from reconciler.model.torrent_file import TorrentFileError

# where the data is, is said by the content; and it is whole
PATH_KEYS: Final = (
    SAVE_PATH,
    DOWNLOAD_PATH,
    AUTO_TMM,
    CONTENT_LAYOUT,
    SKIP_CHECKING,
    STOP_CONDITION,
    FILES,
)


@dataclass(frozen=True, slots=True)
class _DeclaredContent:
    position: Position
    content: Content
    instance: str
    is_absent: bool


class ContentIndex:
    """Every content that torrents are made from, by the names of their entries."""

    def __init__(self, context: LoadContext) -> None:
        self._context = context
        self._by_name: dict[str, list[_DeclaredContent]] = {}
        self._unnamed_positions: dict[str, Position] = {}  # by what the content is called
        self._mentioned_names: set[str] = set()  # names of entries that are not valid, too

    def add_document(self, checked_document: CheckedDocument, instances: tuple[str, ...]) -> None:
        """Those of one document."""
        document, defaults = checked_document.document, checked_document.entry.get("defaults", {})
        self._mentioned_names |= _find_content_names(document.data)
        only = instances[0] if len(instances) == 1 else None
        for index, entry in zip(
            checked_document.torrent_indexes, checked_document.entry.get("torrents", ()), strict=True
        ):
            if "content" not in entry:
                continue
            content = _content_from_value(entry["content"])
            at = document.find_item_positions("torrents")[index]
            name = entry.get("name")
            if name is None:
                self._unnamed_positions[content.name] = at
                continue
            instance = str(entry.get("instance", defaults.get("instance")) or only)
            declared = _DeclaredContent(at, content, instance, entry.get("state") == "absent")
            self._by_name.setdefault(name, []).append(declared)

    def resolve(self, name: str, document: YamlDocument, index: int) -> ContentReference | None:
        """What `content_of` names; None where there is a problem with it."""
        at, found = document.find_position("torrents", index, "content_of"), self._by_name.get(name, [])
        if len(found) > 1:
            places = " and ".join(str(one.position) for one in found)
            self._context.add_problem(at, f"{quote_word(name)} is the content at {places}", "Give them different names")
        elif not found:
            self._report_unknown(name, at)
        elif found[0].is_absent:
            self._context.add_problem(
                at,
                f"{quote_word(name)} at {found[0].position} is declared absent, so there is nothing to have of it",
                "Remove one",
            )
        else:
            return ContentReference(name, found[0].instance, found[0].content)
        return None

    def _report_unknown(self, name: str, position: Position) -> None:
        if name in self._mentioned_names or not self._context.is_complete:
            return  # it is there, and what is wrong with it is said there; or it may be in what could not be read
        if unnamed := self._unnamed_positions.get(name):
            mend = f'Add "name: {name}" to the content at {unnamed}'
        elif self._by_name:
            known = tuple(self._by_name)
            near = {one.lower(): one for one in known}.get(name.lower())
            mend = f'Did you mean "{near}"?' if near else suggestion_text(name, known)
            mend = mend or "Known: " + ", ".join(map(quote_word, known[:8]))
        else:
            mend = 'Declare one: "content: PATH", with a name, on the instance that has the data'
        self._context.add_problem(position, f"no torrent with content is called {quote_word(name)}", mend)


def build_content(entry: Mapping[str, Any], document: YamlDocument, index: int, context: LoadContext) -> Content:
    """The content of one entry, with the file that it is exported to."""
    text = entry.get("export")
    return _content_from_value(entry["content"], _resolve_export(text, document, index, context) if text else None)


def reject_path_keys(
    values: dict[str, Any], entry: Mapping[str, Any], document: YamlDocument, index: int, context: LoadContext
) -> dict[str, Any]:
    """The values without what says where data is: in the entry it is an error, and defaults are not meant for it."""
    for key in PATH_KEYS:
        if entry.get(key) is not None:
            context.add_problem(
                document.find_key_position("torrents", index, key),
                f'"{key}" cannot stand next to "content": the data is there, whole and where it is',
                "Remove it",
            )
    return {key: value for key, value in values.items() if key not in PATH_KEYS}


def with_content_path(values: dict[str, Any], content: Content) -> dict[str, Any]:
    """The values with the place of the content, which an add needs and which is not compared afterwards."""
    ignored = [*(values.get("ignore_changes") or ()), SAVE_PATH]
    return {**values, SAVE_PATH: content.parent_folder, "ignore_changes": ignored}


def reject_export(document: YamlDocument, index: int, context: LoadContext) -> None:
    """Note an `export` of something that is not made here."""
    where = document.find_key_position("torrents", index, "export")
    context.add_problem(where, '"export" stands next to "content" only', "Remove it")


def list_content_keys(torrent: DesiredTorrent) -> tuple[str, ...]:
    """What two entries for one instance cannot both have, as long as it is not known which torrents they mean."""
    if isinstance(torrent.content, Content):
        return (f"content {normalize_data_path(torrent.content.path)}",)
    return (f"content_of {torrent.content.name}",) if torrent.content else ()


def _content_from_value(value: str | Mapping[str, Any], export: TorrentExport | None = None) -> Content:
    given = {"path": value} if isinstance(value, str) else dict(value)
    return Content(**cast("dict[str, Any]", given), export=export)


def _resolve_export(text: str, document: YamlDocument, index: int, context: LoadContext) -> TorrentExport:
    path = str(document.base / text)
    context.files.append(path)
    try:
        return TorrentExport(text, path, context.torrent_files.get(path).infohashes)
    except TorrentFileError as error:
        if not error.args[0].startswith("there is no"):
            at = document.find_position("torrents", index, "export")
            context.add_problem(
                at, f"what is there already is not overwritten: {error}", "Name another file, or remove it"
            )
    return TorrentExport(text, path)


def _find_content_names(data: Any) -> set[str]:
    """The names in a document as it was written."""
    items = data.get("torrents") if isinstance(data, dict) else None
    entries = [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    return {str(item.get("name")) for item in entries if "content" in item}
