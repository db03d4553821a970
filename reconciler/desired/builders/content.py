"""Builds the content of torrents that an instance creates itself, and the references of `content_of` to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from reconciler.desired.check import CheckedDocument
from reconciler.desired.context import LoadContext
from reconciler.desired.words import quote_word, suggestion_text
from reconciler.desired.yaml.document import YamlDocument
from reconciler.model.codes import Code
from reconciler.model.content import Content, ContentReference, TorrentExport
from reconciler.model.data_overlap import normalize_data_path
from reconciler.model.desired import DesiredTorrent
from reconciler.model.fields.names import (
    AUTO_TMM,
    CONTENT_LAYOUT,
    DOWNLOAD_PATH,
    FILES,
    SAVE_PATH,
    SKIP_CHECKING,
    STOP_CONDITION,
)
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.position import Position
from reconciler.model.torrent_file import MissingTorrentFileError, TorrentFileError
from reconciler.regular_file import is_inside

# The content determines the path of the data, and the data is complete.
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
    """Content that an entry of an instance declares."""

    position: Position
    content: Content
    instance: str
    is_absent: bool


class ContentIndex:
    """The content of all entries, by the names of the entries."""

    def __init__(self, context: LoadContext) -> None:
        self._context = context
        self._by_name: dict[str, list[_DeclaredContent]] = {}
        self._unnamed_positions: dict[str, Position] = {}  # by the name of the content
        self._mentioned_names: set[str] = set()  # names of all entries with content, invalid ones too

    def add_document(self, checked_document: CheckedDocument, instances: tuple[str, ...]) -> None:
        """Add the content of one document."""
        document, defaults = checked_document.document, checked_document.entry.get("defaults", {})
        self._mentioned_names |= _find_content_names(document.data)
        only_instance = instances[0] if len(instances) == 1 else None
        for index, entry in zip(checked_document.torrent_indexes, checked_document.torrent_keys, strict=True):
            if "content" not in entry:
                continue
            content = _content_from_value(entry["content"])
            position = document.find_position("torrents", index)
            name = entry.get("name")
            if name is None:
                self._unnamed_positions[content.name] = position
                continue
            instance = str(entry.get("instance", defaults.get("instance")) or only_instance)
            declared = _DeclaredContent(position, content, instance, entry.get("state") == "absent")
            self._by_name.setdefault(name, []).append(declared)

    def resolve(self, name: str, document: YamlDocument, index: int) -> ContentReference | None:
        """Return the content that `content_of: NAME` means; None, with a problem, where there is not exactly one."""
        position, matches = document.find_position("torrents", index, "content_of"), self._by_name.get(name, [])
        if len(matches) > 1:
            positions = " and ".join(str(match.position) for match in matches)
            self._context.add_problem(
                position,
                Code.CONTENT_OF,
                f"{quote_word(name)} is the name of several entries: {positions}",
                "Rename all but one",
            )
        elif not matches:
            self._report_unknown(name, position)
        elif matches[0].is_absent:
            self._context.add_problem(
                position,
                Code.CONTENT_OF,
                f"{quote_word(name)} at {matches[0].position} is declared absent, so it has no content",
                "Remove one of the two entries",
            )
        else:
            return ContentReference(name, matches[0].instance, matches[0].content)
        return None

    def _report_unknown(self, name: str, position: Position) -> None:
        if name in self._mentioned_names or not self._context.is_complete:
            return  # the entry is invalid, which is reported already, or it may be in a file that could not be read
        if unnamed := self._unnamed_positions.get(name):
            hint = f'Add "name: {name}" to the content at {unnamed}'
        elif self._by_name:
            known_names = tuple(self._by_name)
            same_name = {known_name.lower(): known_name for known_name in known_names}.get(name.lower())
            hint = f'Did you mean "{same_name}"?' if same_name else suggestion_text(name, known_names)
            hint = hint or "Known: " + ", ".join(map(quote_word, known_names[:8]))
        else:
            hint = 'Add an entry with "content: PATH" and a name, on the instance that has the data'
        self._context.add_problem(position, Code.CONTENT_OF, f"no entry with content is named {quote_word(name)}", hint)


def build_content(entry: Mapping[str, Any], document: YamlDocument, index: int, context: LoadContext) -> Content:
    """Build the content of one entry, with the file that it is exported to."""
    text = entry.get("export")
    return _content_from_value(entry["content"], _resolve_export(text, document, index, context) if text else None)


def reject_path_keys(
    values: dict[str, Any], entry: Mapping[str, Any], document: YamlDocument, index: int, context: LoadContext
) -> dict[str, Any]:
    """Return the values without `PATH_KEYS`. In the entry they are a problem; from the defaults they do not apply."""
    for key in PATH_KEYS:
        if entry.get(key) is not None:
            context.add_problem(
                document.find_key_position("torrents", index, key),
                Code.CONTENT_WITH_PATH,
                f'"{key}" cannot be combined with "content": the data is complete, at the path of the content',
                "Remove it",
            )
    return {key: value for key, value in values.items() if key not in PATH_KEYS}


def with_content_path(values: dict[str, Any], content: Content) -> dict[str, Any]:
    """Return the values with the folder of the content as `save_path`, which an add needs and no run compares."""
    ignored_keys = [*(values.get("ignore_changes") or ()), SAVE_PATH]
    return {**values, SAVE_PATH: content.parent_folder, "ignore_changes": ignored_keys}


def reject_export(document: YamlDocument, index: int, context: LoadContext) -> None:
    """Report an `export` without `content`."""
    position = document.find_key_position("torrents", index, "export")
    context.add_problem(position, Code.EXPORT, '"export" is allowed only with "content"', "Remove it")


def list_content_keys(torrent: DesiredTorrent) -> tuple[str, ...]:
    """Return the keys that only one entry of an instance can have as long as the infohash is unknown."""
    if isinstance(torrent.content, Content):
        return (f"content {normalize_data_path(torrent.content.path)}",)
    return (f"content_of {torrent.content.name}",) if torrent.content else ()


def _content_from_value(value: str | Mapping[str, Any], export: TorrentExport | None = None) -> Content:
    fields = {"path": value} if isinstance(value, str) else dict(value)
    return Content(**cast("dict[str, Any]", fields), export=export)


def _resolve_export(text: str, document: YamlDocument, index: int, context: LoadContext) -> TorrentExport:
    path = str(document.base / text)
    if not any(is_inside(path, folder) for folder in (document.base, *context.export_folders)):
        context.add_problem(
            document.find_position("torrents", index, "export"),
            Code.EXPORT,
            "this path leads out of the folder of this file",
            "Choose a path inside it, or allow the other folder with --allow-export DIR",
        )
        return TorrentExport(text, path)
    context.add_file(path)
    try:
        return TorrentExport(text, path, context.torrent_files.get(path).infohashes)
    except MissingTorrentFileError:
        pass
    except TorrentFileError as error:
        context.add_problem(
            document.find_position("torrents", index, "export"),
            Code.EXPORT,
            f"the existing file is not overwritten: {error}",
            "Use another file, or remove it",
        )
    return TorrentExport(text, path)


def _find_content_names(data: Any) -> set[str]:
    """Return the names of the entries with content, from the plain data of a document."""
    items = data.get("torrents") if isinstance(data, dict) else None
    entries = [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    return {str(item.get("name")) for item in entries if "content" in item}
