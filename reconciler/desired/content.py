"""Torrents that are made from content on an instance, and those that are what such content became."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from reconciler.desired.checking import Checked
from reconciler.desired.context import Context
from reconciler.desired.plain import Document
from reconciler.desired.problems import shown, suggestion
from reconciler.model.content import Content, ContentOf, Export
from reconciler.model.desired import DesiredTorrent
from reconciler.model.position import Position
from reconciler.model.sharing import place_of
from reconciler.model.torrent_file import SourceError

# where the data is, is said by the content; and it is whole
PLACES: Final = (
    "save_path",
    "download_path",
    "auto_tmm",
    "content_layout",
    "skip_checking",
    "stop_condition",
    "files",
)


@dataclass(frozen=True, slots=True)
class _Declared:
    at: Position
    content: Content
    instance: str
    absent: bool


class Contents:
    """Every content that torrents are made from, by the names of their entries."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._named: dict[str, list[_Declared]] = {}
        self._unnamed: dict[str, Position] = {}  # by what the content is called
        self._said: set[str] = set()  # names of entries that are not valid, too

    def collect(self, part: Checked, instances: tuple[str, ...]) -> None:
        """Those of one document."""
        document, defaults = part.document, part.entry.get("defaults", {})
        self._said |= _names_said(document.data)
        only = instances[0] if len(instances) == 1 else None
        for index, entry in zip(part.indexes, part.entry.get("torrents", ()), strict=True):
            if "content" not in entry:
                continue
            content = _content(entry["content"])
            at = document.items("torrents")[index]
            name = entry.get("name")
            if name is None:
                self._unnamed[content.name] = at
                continue
            instance = str(entry.get("instance", defaults.get("instance")) or only)
            declared = _Declared(at, content, instance, entry.get("state") == "absent")
            self._named.setdefault(name, []).append(declared)

    def get(self, name: str, document: Document, index: int) -> ContentOf | None:
        """What `content_of` names; None where there is a problem with it."""
        at, found = document.at("torrents", index, "content_of"), self._named.get(name, [])
        if len(found) > 1:
            places = " and ".join(str(one.at) for one in found)
            self._context.problem(at, f"{shown(name)} is the content at {places}", "Give them different names")
        elif not found:
            self._unknown(name, at)
        elif found[0].absent:
            self._context.problem(
                at,
                f"{shown(name)} at {found[0].at} is declared absent, so there is nothing to have of it",
                "Remove one",
            )
        else:
            return ContentOf(name, found[0].instance, found[0].content)
        return None

    def _unknown(self, name: str, at: Position) -> None:
        if name in self._said or not self._context.complete:
            return  # it is there, and what is wrong with it is said there; or it may be in what could not be read
        if unnamed := self._unnamed.get(name):
            mend = f'Add "name: {name}" to the content at {unnamed}'
        elif self._named:
            known = tuple(self._named)
            near = {one.lower(): one for one in known}.get(name.lower())
            mend = f'Did you mean "{near}"?' if near else suggestion(name, known)
            mend = mend or "Known: " + ", ".join(map(shown, known[:8]))
        else:
            mend = 'Declare one: "content: PATH", with a name, on the instance that has the data'
        self._context.problem(at, f"no torrent with content is called {shown(name)}", mend)


def made_from(entry: Mapping[str, Any], document: Document, index: int, context: Context) -> Content:
    """The content of one entry, with the file that it is exported to."""
    text = entry.get("export")
    return _content(entry["content"], _export(text, document, index, context) if text else None)


def without_place(
    values: dict[str, Any], entry: Mapping[str, Any], document: Document, index: int, context: Context
) -> dict[str, Any]:
    """The values without what says where data is: in the entry it is an error, and defaults are not meant for it."""
    for key in PLACES:
        if entry.get(key) is not None:
            context.problem(
                document.key_at("torrents", index, key),
                f'"{key}" cannot stand next to "content": the data is there, whole and where it is',
                "Remove it",
            )
    return {key: value for key, value in values.items() if key not in PLACES}


def at_its_place(values: dict[str, Any], content: Content) -> dict[str, Any]:
    """The values with the place of the content, which an add needs and which is not compared afterwards."""
    ignored = [*(values.get("ignore_changes") or ()), "save_path"]
    return {**values, "save_path": content.folder, "ignore_changes": ignored}


def misplaced_export(document: Document, index: int, context: Context) -> None:
    """Note an `export` of something that is not made here."""
    where = document.key_at("torrents", index, "export")
    context.problem(where, '"export" stands next to "content" only', "Remove it")


def content_ids(torrent: DesiredTorrent) -> tuple[str, ...]:
    """What two entries for one instance cannot both have, as long as it is not known which torrents they mean."""
    if isinstance(torrent.content, Content):
        return (f"content {place_of(torrent.content.path)}",)
    return (f"content_of {torrent.content.name}",) if torrent.content else ()


def _content(value: str | Mapping[str, Any], export: Export | None = None) -> Content:
    given = {"path": value} if isinstance(value, str) else dict(value)
    return Content(**cast("dict[str, Any]", given), export=export)


def _export(text: str, document: Document, index: int, context: Context) -> Export:
    path = str(document.base / text)
    context.files.append(path)
    try:
        return Export(text, path, context.torrents.at(path).infohashes)
    except SourceError as error:
        if not error.args[0].startswith("there is no"):
            at = document.at("torrents", index, "export")
            context.problem(at, f"what is there already is not overwritten: {error}", "Name another file, or remove it")
    return Export(text, path)


def _names_said(data: Any) -> set[str]:
    """The names in a document as it was written."""
    items = data.get("torrents") if isinstance(data, dict) else None
    entries = [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    return {str(item.get("name")) for item in entries if "content" in item}
