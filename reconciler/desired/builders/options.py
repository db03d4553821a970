"""Builds the options of an entry, and reports keys that contradict each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from reconciler.desired.context import LoadContext
from reconciler.desired.schema.options import AllOptionKeys
from reconciler.desired.yaml.document import YamlDocument
from reconciler.model.codes import Code
from reconciler.model.fields.names import (
    AUTO_TMM,
    CATEGORY,
    DOWNLOAD_PATH,
    FILES,
    FORCE_START,
    PAUSED,
    SAVE_PATH,
    STOP_CONDITION,
)
from reconciler.model.fields.options import CREATE_ONLY_OPTIONS, OPTIONS
from reconciler.model.files import FileRule, Priority
from reconciler.model.links import TRACKERS, WEB_SEEDS, deduplicate_urls
from reconciler.model.paths import normalize_path
from reconciler.model.plan import FieldValue
from reconciler.model.position import Position

OPTION_KEYS: Final = frozenset(AllOptionKeys.__annotations__)

_Conflict = tuple[str, str, str]  # the key to point at, message, hint
_UNDO_HINT: Final = "Remove one of the two; null undoes a default"


def build_options(values: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a `DesiredTorrent` that hold options, from checked values with defaults applied."""
    if OPTION_KEYS.isdisjoint(values):
        return {}
    get = values.get
    trackers: Any = get(TRACKERS) or ()
    is_exact = isinstance(trackers, dict)
    return {
        "options": {field: value for field in OPTIONS if (value := _get_option_value(values, field)) is not None},
        "create_only": {field: value for field in CREATE_ONLY_OPTIONS if (value := get(field)) is not None},
        "trackers": deduplicate_urls(trackers["only"] if is_exact else trackers),
        "only_trackers": is_exact,
        "web_seeds": deduplicate_urls(get(WEB_SEEDS) or ()),
        "files": tuple(FileRule(rule["match"], Priority(rule["priority"])) for rule in get(FILES) or ()),
        "ignore_changes": frozenset(get("ignore_changes") or ()),
        "delete_files": get("delete_files"),
    }


def _get_option_value(values: dict[str, Any], field: str) -> FieldValue:
    key, _, subkey = field.partition(".")
    value = values.get(key)
    if subkey:
        value = value.get(subkey) if value else None
    return normalize_path(value) if field == DOWNLOAD_PATH and value else value


def check_conflicts(
    values: dict[str, Any], entry: dict[str, Any], document: YamlDocument, index: int, context: LoadContext
) -> None:
    """Report the keys of an entry, with its defaults, that contradict each other."""
    if OPTION_KEYS.isdisjoint(values):
        return

    def find_position(key: str) -> Position:
        """Return the position of a key in the entry, or else in the defaults."""
        return (
            document.find_key_position("torrents", index, key)
            if key in entry
            else document.find_key_position("defaults", key)
        )

    for find_conflicts in _CONFLICT_RULES:
        for key, message, hint in find_conflicts(values):
            context.add_problem(find_position(key), Code.CONTRADICTION, message, hint)
    _check_unreachable_rules(values, entry, document, index, context)


def _find_auto_tmm_conflicts(values: dict[str, Any]) -> Iterator[_Conflict]:
    """With automatic management the category determines the paths. qBittorrent ignores others, or ends it."""
    for key in (SAVE_PATH, DOWNLOAD_PATH):
        if values.get(AUTO_TMM) and values.get(key) is not None:
            message = f'"{key}" cannot be combined with "auto_tmm: true", which takes the path from the category'
            yield key, message, _UNDO_HINT


def _find_category_path_conflicts(values: dict[str, Any]) -> Iterator[_Conflict]:
    """A torrent with a category and no `save_path` is added under automatic management, without a download path."""
    has_download_path = values.get(DOWNLOAD_PATH) is not None
    if has_download_path and values.get(CATEGORY) and values.get(SAVE_PATH) is None and values.get(AUTO_TMM) is None:
        message = '"download_path" needs a "save_path" if there is a category, which otherwise determines both paths'
        yield DOWNLOAD_PATH, message, 'Add "save_path", or "auto_tmm: false" for the default path of the server'


def _find_same_path_conflicts(values: dict[str, Any]) -> Iterator[_Conflict]:
    download_path, save_path = values.get(DOWNLOAD_PATH), values.get(SAVE_PATH)
    if download_path and save_path and normalize_path(download_path) == normalize_path(save_path):
        yield DOWNLOAD_PATH, '"download_path" is the same as "save_path"', 'Write "" for no separate download path'


def _find_force_start_conflicts(values: dict[str, Any]) -> Iterator[_Conflict]:
    if values.get(FORCE_START) and values.get(PAUSED):
        yield FORCE_START, '"force_start: true" cannot be combined with "paused: true"', _UNDO_HINT


def _find_stop_condition_conflicts(values: dict[str, Any]) -> Iterator[_Conflict]:
    """The server would stop the torrent at the condition, and the next run would start it again."""
    condition = values.get(STOP_CONDITION)
    if condition is None or condition == "none":
        return
    for key, is_running in ((PAUSED, values.get(PAUSED) is False), (FORCE_START, bool(values.get(FORCE_START)))):
        if is_running:
            message = f'"stop_condition: {condition}" cannot be combined with "{key}: {str(values[key]).lower()}"'
            yield STOP_CONDITION, message, _UNDO_HINT


def _find_delete_files_conflicts(values: dict[str, Any]) -> Iterator[_Conflict]:
    """An entry that is gone from the files can no longer say what to do with its data."""
    if values.get("delete_files") is not None and values.get("state") != "absent":
        hint = 'Add "state: absent" to delete it now, or use "delete_files" at the top level of the file'
        yield "delete_files", '"delete_files" of a torrent has an effect only with "state: absent"', hint


_CONFLICT_RULES: Final[tuple[Callable[[dict[str, Any]], Iterator[_Conflict]], ...]] = (
    _find_auto_tmm_conflicts,
    _find_category_path_conflicts,
    _find_same_path_conflicts,
    _find_force_start_conflicts,
    _find_stop_condition_conflicts,
    _find_delete_files_conflicts,
)


def _check_unreachable_rules(
    values: dict[str, Any], entry: dict[str, Any], document: YamlDocument, index: int, context: LoadContext
) -> None:
    """Report a file rule after a rule that matches every file: only the first rule that matches a file applies."""
    rules = values.get(FILES) or ()
    catch_all = next((n for n, rule in enumerate(rules) if FileRule(rule["match"], Priority.SKIP).matches_all), None)
    if catch_all is None or catch_all + 1 == len(rules):
        return
    parent_loc = ("torrents", index) if "files" in entry else ("defaults",)
    context.add_problem(
        document.find_position(*parent_loc, "files", catch_all + 1),
        Code.UNREACHED_RULE,
        f'this rule is never reached: the rule "{rules[catch_all]["match"]}" before it matches every file',
        "The first matching rule applies, so put the rule for all files last",
    )
