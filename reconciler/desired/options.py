"""The options of one entry: built, and checked for what contradicts itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from reconciler.desired.context import Context
from reconciler.desired.option_rules import GROUPS
from reconciler.desired.plain import Document
from reconciler.model.fields import normal_path
from reconciler.model.files import FileRule, Priority
from reconciler.model.links import distinct
from reconciler.model.options import CREATE_ONLY, OPTIONS
from reconciler.model.plan import Value
from reconciler.model.position import Position

_LISTS: Final = ("trackers", "web_seeds", "files", "ignore_changes")
OPTION_KEYS: Final = frozenset((*GROUPS, *CREATE_ONLY, *_LISTS, "delete_files"))

_Contradiction = tuple[str, str, str]  # the key to point at, message, mend


def options_of(values: dict[str, Any]) -> dict[str, Any]:
    """What a `DesiredTorrent` takes of options, from checked values with defaults applied."""
    if OPTION_KEYS.isdisjoint(values):
        return {}
    get = values.get
    return {
        "options": {field: value for field in OPTIONS if (value := _value(values, field)) is not None},
        "create_only": {field: value for field in CREATE_ONLY if (value := get(field)) is not None},
        "trackers": distinct(get("trackers") or ()),
        "web_seeds": distinct(get("web_seeds") or ()),
        "files": tuple(FileRule(rule["match"], Priority(rule["priority"])) for rule in get("files") or ()),
        "ignore_changes": frozenset(get("ignore_changes") or ()),
        "delete_files": get("delete_files"),
    }


def contradictions(
    values: dict[str, Any], entry: dict[str, Any], document: Document, index: int, context: Context
) -> None:
    """Note what an entry, with its defaults, says against itself."""
    if OPTION_KEYS.isdisjoint(values):
        return

    def place(key: str) -> Position:
        """Where a key is said: in the entry, or else in the defaults."""
        return document.key_at("torrents", index, key) if key in entry else document.key_at("defaults", key)

    for rule in _RULES:
        for key, message, mend in rule(values):
            context.problem(place(key), message, mend)
    _unreachable(values, entry, document, index, context)


def _value(values: dict[str, Any], field: str) -> Value:
    key, _, part = field.partition(".")
    value = values.get(key)
    if part:
        value = value.get(part) if value else None
    return normal_path(value) if field == "download_path" and value else value


def _automatic(values: dict[str, Any]) -> Iterator[_Contradiction]:
    """Under automatic management the category says where data is (qBittorrent ignores the paths, or ends it)."""
    for key in ("save_path", "download_path"):
        if values.get("auto_tmm") and values.get(key) is not None:
            message = f'"{key}" cannot stand next to "auto_tmm: true", with which the category says the path'
            yield key, message, "Remove one of the two; null undoes what comes from the defaults"


def _placed_by_category(values: dict[str, Any]) -> Iterator[_Contradiction]:
    """A category without `save_path` is added under automatic management, which knows no download path of its own."""
    path = values.get("download_path") is not None
    if path and values.get("category") and values.get("save_path") is None and values.get("auto_tmm") is None:
        message = (
            '"download_path" needs a "save_path" next to a category, which would otherwise say both paths by itself'
        )
        yield "download_path", message, 'Add "save_path", or "auto_tmm: false" for the default path of the server'


def _same_path(values: dict[str, Any]) -> Iterator[_Contradiction]:
    path, place = values.get("download_path"), values.get("save_path")
    if path and place and normal_path(path) == normal_path(place):
        yield "download_path", '"download_path" is the same as "save_path"', 'Write "" for no path of its own'


def _forced(values: dict[str, Any]) -> Iterator[_Contradiction]:
    if values.get("force_start") and values.get("paused"):
        yield (
            "force_start",
            '"force_start: true" cannot stand next to "paused: true"',
            "Remove one of the two; null undoes a default",
        )


def _deleted(values: dict[str, Any]) -> Iterator[_Contradiction]:
    """Once an entry is gone nothing is known of what it said, so it must not look as if it were."""
    if values.get("delete_files") is not None and values.get("state") != "absent":
        mend = 'Write "state: absent" to delete it now, or use the "delete_files" at the top of the file'
        yield "delete_files", '"delete_files" of a torrent counts next to "state: absent" only', mend


_RULES: Final[tuple[Callable[[dict[str, Any]], Iterator[_Contradiction]], ...]] = (
    _automatic,
    _placed_by_category,
    _same_path,
    _forced,
    _deleted,
)


def _unreachable(
    values: dict[str, Any], entry: dict[str, Any], document: Document, index: int, context: Context
) -> None:
    """The first rule that matches a file counts, so none after one that matches every file is ever reached."""
    rules = values.get("files") or ()
    all_of_them = next((n for n, rule in enumerate(rules) if FileRule(rule["match"], Priority.SKIP).matches_all), None)
    if all_of_them is None or all_of_them + 1 == len(rules):
        return
    where = ("torrents", index) if "files" in entry else ("defaults",)
    context.problem(
        document.at(*where, "files", all_of_them + 1),
        f'this rule is never reached: "{rules[all_of_them]["match"]}" before it matches every file',
        "The first rule that matches counts, so put the one for all files last",
    )
