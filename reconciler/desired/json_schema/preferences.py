"""The JSON Schema of `preferences`: the keys of real servers, with their types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from reconciler.desired.builders.preferences import (
    KIB_PREFERENCES,
    LIMIT_PREFERENCES,
    PREFERENCE_CHOICES,
    REFUSED_PREFERENCES,
    load_known_preferences,
)
from reconciler.desired.json_schema.values import SAVE_PATH
from reconciler.model.preferences import (
    DEFAULT_SAVE_PATH,
    PATH_PREFERENCES,
    PROFILE_PATH_PREFERENCES,
    SECRET_PREFERENCES,
    WATCHED_FOLDERS,
)

JsonSchema = dict[str, Any]

_TYPE_SCHEMAS: Final[dict[str, JsonSchema]] = {
    "flag": {"type": "boolean"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "text": {"type": "string"},
    "mapping": {
        "type": "object",
        "propertyNames": SAVE_PATH,
        "additionalProperties": {"anyOf": [{"enum": [0, 1]}, SAVE_PATH]},
    },
}
_EXAMPLES: Final[dict[str, list[object]]] = {"flag": [True], "integer": [5], "number": [1.5], "text": ["text"]}


def build_preferences_schema(reference: JsonSchema) -> JsonSchema:
    """Return the schema of `preferences`. `reference`: the schema of {env: NAME} and {file: PATH}."""
    names = [name for name in load_known_preferences() if name not in REFUSED_PREFERENCES]
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: _build_preference_schema(name, reference) for name in names},
        "dependentRequired": {name: [f"{name}_enabled"] for name in LIMIT_PREFERENCES},
    }


def _build_preference_schema(name: str, reference: JsonSchema) -> JsonSchema:
    kinds = load_known_preferences()[name]
    choices: list[JsonSchema] = [_build_value_schema(name, kind) for kind in kinds]
    if "text" in kinds:
        choices.append(reference)
    schema = choices[0] if len(choices) == 1 else {"anyOf": choices}
    return schema | {"description": _describe(name, kinds), "examples": _list_examples(name, tuple(kinds))}


def _build_value_schema(name: str, kind: str) -> JsonSchema:
    if kind == "text" and name in PREFERENCE_CHOICES:
        return {"enum": list(PREFERENCE_CHOICES[name])}
    if kind == "text" and name in PATH_PREFERENCES - PROFILE_PATH_PREFERENCES:
        is_required = name in (DEFAULT_SAVE_PATH, "temp_path")
        return SAVE_PATH if is_required else {"anyOf": [{"const": ""}, SAVE_PATH]}
    if name in KIB_PREFERENCES:
        return {"type": "integer", "minimum": 0, "multipleOf": 1024}
    return _TYPE_SCHEMAS[kind]


def _describe(name: str, kinds: dict[str, list[str]] | Any) -> str:
    """Return the name of a setting, the versions that have it, and its unit or kind where that is known."""
    versions = sorted({version for tested in kinds.values() for version in tested}, key=_version_key)
    tested = versions[0] if len(versions) == 1 else f"{versions[0]} to {versions[-1]}"
    text = f"`{name}` of qBittorrent's app/preferences. Known of versions {tested}."
    if name in KIB_PREFERENCES:
        text += " In bytes per second, in whole KiB; 0: no limit."
    elif name in SECRET_PREFERENCES:
        text += " A secret: {env: NAME} or {file: PATH}."
    elif name == WATCHED_FOLDERS:
        text += " Watched folders; the value is the destination: 0 (the folder itself), 1 (the default path) or a path."
    elif name in PATH_PREFERENCES:
        text += " A path, as qBittorrent sees it."
    return text


def _version_key(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _list_examples(name: str, kinds: Sequence[str]) -> list[object]:
    if name in PREFERENCE_CHOICES:
        return [PREFERENCE_CHOICES[name][-1]]
    if name in KIB_PREFERENCES:
        return [5242880]
    if name in SECRET_PREFERENCES:
        return [{"env": "SECRET"}]
    if name == WATCHED_FOLDERS:
        return [{"/watch": 1}]
    if name in PATH_PREFERENCES:
        return ["/data/downloads"]
    return _EXAMPLES[kinds[0]]
