"""The options of one entry: built, and checked for what contradicts itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from reconciler.desired.context import LoadContext
from reconciler.desired.schema.options import OPTION_GROUPS
from reconciler.desired.yaml.document import YamlDocument
from reconciler.model.fields import (
    AUTO_TMM,
    CATEGORY,
    CREATE_ONLY_OPTIONS,
    DOWNLOAD_PATH,
    FILES,
    FORCE_START,
    OPTIONS,
    PAUSED,
    SAVE_PATH,
)
from reconciler.model.files import FileRule, Priority
from reconciler.model.links import TRACKERS, WEB_SEEDS, deduplicate_urls
from reconciler.model.paths import normalize_path
from reconciler.model.plan import FieldValue
from reconciler.model.position import Position

_LIST_KEYS: Final = (TRACKERS, WEB_SEEDS, FILES, "ignore_changes")
OPTION_KEYS: Final = frozenset((*OPTION_GROUPS, *CREATE_ONLY_OPTIONS, *_LIST_KEYS, "delete_files"))

_Conflict = tuple[str, str, str]  # the key to point at, message, mend


def build_options(values: dict[str, Any]) -> dict[str, Any]:
    """What a `DesiredTorrent` takes of options, from checked values with defaults applied."""
    if OPTION_KEYS.isdisjoint(values):
        return {}
    get = values.get
    return {
        "options": {field: value for field in OPTIONS if (value := _get_option_value(values, field)) is not None},
        "create_only": {field: value for field in CREATE_ONLY_OPTIONS if (value := get(field)) is not None},
        "trackers": deduplicate_urls(get(TRACKERS) or ()),
        "web_seeds": deduplicate_urls(get(WEB_SEEDS) or ()),
        "files": tuple(FileRule(rule["match"], Priority(rule["priority"])) for rule in get(FILES) or ()),
        "ignore_changes": frozenset(get("ignore_changes") or ()),
        "delete_files": get("delete_files"),
    }


def check_conflicts(
    values: dict[str, Any], entry: dict[str, Any], document: YamlDocument, index: int, context: LoadContext
) -> None:
    """Note what an entry, with its defaults, says against itself."""
    if OPTION_KEYS.isdisjoint(values):
        return

    def find_position(key: str) -> Position:
        """Where a key is said: in the entry, or else in the defaults."""
        return (
            document.find_key_position("torrents", index, key)
            if key in entry
            else document.find_key_position("defaults", key)
        )

    for rule in _CONFLICT_RULES:
        for key, message, mend in rule(values):
            context.add_problem(find_position(key), message, mend)
    _check_unreachable_rules(values, entry, document, index, context)


def _get_option_value(values: dict[str, Any], field: str) -> FieldValue:
    key, _, part = field.partition(".")
    value = values.get(key)
    if part:
        value = value.get(part) if value else None
    return normalize_path(value) if field == DOWNLOAD_PATH and value else value


def _find_auto_tmm_conflicts(values: dict[str, Any]) -> Iterator[_Conflict]:
    """Under automatic management the category says where data is (qBittorrent ignores the paths, or ends it)."""
    for key in (SAVE_PATH, DOWNLOAD_PATH):
        if values.get(AUTO_TMM) and values.get(key) is not None:
            message = f'"{key}" cannot stand next to "auto_tmm: true", with which the category says the path'
            yield key, message, "Remove one of the two; null undoes what comes from the defaults"


def _find_category_path_conflicts(values: dict[str, Any]) -> Iterator[_Conflict]:
    """A category without `save_path` is added under automatic management, which knows no download path of its own."""
    path = values.get(DOWNLOAD_PATH) is not None
    if path and values.get(CATEGORY) and values.get(SAVE_PATH) is None and values.get(AUTO_TMM) is None:
        message = (
            '"download_path" needs a "save_path" next to a category, which would otherwise say both paths by itself'
        )
        yield DOWNLOAD_PATH, message, 'Add "save_path", or "auto_tmm: false" for the default path of the server'


def _find_same_path_conflicts(values: dict[str, Any]) -> Iterator[_Conflict]:
    path, place = values.get(DOWNLOAD_PATH), values.get(SAVE_PATH)
    if path and place and normalize_path(path) == normalize_path(place):
        yield DOWNLOAD_PATH, '"download_path" is the same as "save_path"', 'Write "" for no path of its own'


def _find_force_start_conflicts(values: dict[str, Any]) -> Iterator[_Conflict]:
    if values.get(FORCE_START) and values.get(PAUSED):
        yield (
            "force_start",
            '"force_start: true" cannot stand next to "paused: true"',
            "Remove one of the two; null undoes a default",
        )


def _find_delete_files_conflicts(values: dict[str, Any]) -> Iterator[_Conflict]:
    """Once an entry is gone nothing is known of what it said, so it must not look as if it were."""
    if values.get("delete_files") is not None and values.get("state") != "absent":
        mend = 'Write "state: absent" to delete it now, or use the "delete_files" at the top of the file'
        yield "delete_files", '"delete_files" of a torrent counts next to "state: absent" only', mend


_CONFLICT_RULES: Final[tuple[Callable[[dict[str, Any]], Iterator[_Conflict]], ...]] = (
    _find_auto_tmm_conflicts,
    _find_category_path_conflicts,
    _find_same_path_conflicts,
    _find_force_start_conflicts,
    _find_delete_files_conflicts,
)


def _check_unreachable_rules(
    values: dict[str, Any], entry: dict[str, Any], document: YamlDocument, index: int, context: LoadContext
) -> None:
    """The first rule that matches a file counts, so none after one that matches every file is ever reached."""
    rules = values.get(FILES) or ()
    all_of_them = next((n for n, rule in enumerate(rules) if FileRule(rule["match"], Priority.SKIP).matches_all), None)
    if all_of_them is None or all_of_them + 1 == len(rules):
        return
    where = ("torrents", index) if "files" in entry else ("defaults",)
    context.add_problem(
        document.find_position(*where, "files", all_of_them + 1),
        f'this rule is never reached: "{rules[all_of_them]["match"]}" before it matches every file',
        "The first rule that matches counts, so put the one for all files last",
    )
