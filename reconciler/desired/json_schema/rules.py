"""The keys that need, exclude or limit each other, as parts of the JSON Schema of each mapping.

Rules that also depend on the defaults, on other entries or on other documents are for `load` alone.
"""

from __future__ import annotations

from typing import Any, Final

from reconciler.desired.builders.content import PATH_KEYS
from reconciler.desired.builders.groups import STRATEGY_KEYS
from reconciler.desired.builders.torrents import MANAGED_KEYS
from reconciler.desired.schema.probes import PROBE_KINDS, QBITTORRENT_PROBE_KINDS
from reconciler.desired.schema.torrents import SOURCE_KEYS
from reconciler.desired.yaml.document import EXTENSION_PREFIX
from reconciler.model.groups import Strategy

JsonSchema = dict[str, Any]


def _has(key: str) -> JsonSchema:
    """Return the schema of a mapping that has the key with a value."""
    return {"required": [key], "properties": {key: {"not": {"type": "null"}}}}


def _is(key: str, value: object) -> JsonSchema:
    return {"required": [key], "properties": {key: {"const": value}}}


def _require_exactly_one(*keys: str) -> JsonSchema:
    return {"oneOf": [{"required": [key]} for key in keys]}


def _forbid(*conditions: JsonSchema) -> JsonSchema:
    """Return the rule that these do not hold together."""
    return {"not": {"allOf": list(conditions)}}


def _require(condition: JsonSchema, consequence: JsonSchema) -> JsonSchema:
    return {"if": condition, "then": consequence}


def _allow_only_null(*keys: str) -> JsonSchema:
    return {"properties": {key: {"type": "null"} for key in keys}}


def _list_strategy_rules() -> list[JsonSchema]:
    """Return the rules for the keys of a group, and of its members, that only some strategies use."""
    rules = []
    for key, (strategies, _) in STRATEGY_KEYS.items():
        others = [strategy.value for strategy in Strategy if strategy not in strategies]
        condition = {"required": ["strategy"], "properties": {"strategy": {"enum": others}}}
        unused: JsonSchema = {"not": {"type": "object", "required": [key]}}
        consequence = unused | {"properties": {"members": {"items": unused}}}
        rules.append(_require(condition, consequence))
    return rules


_ONE_LOGIN: Final = [
    _forbid(_has("api_key"), {"anyOf": [_has("username"), _has("password")]}),
    _require(_has("username"), _has("password")),
    _require(_has("password"), _has("username")),
]

RULES: Final[dict[str, list[JsonSchema]]] = {
    "DocumentEntry": [{"patternProperties": {f"^{EXTENSION_PREFIX}": True}}],
    "SecretReference": [_require_exactly_one("env", "file")],
    "InstanceEntry": [
        {"anyOf": [{"required": ["url"]}, {"required": ["categories"], "maxProperties": 1}]},
        *_ONE_LOGIN,
        _forbid(_has("api_key"), {"required": ["basic_auth"]}),
        _require(_is("when_unhealthy", "pause"), {"required": ["health"], "properties": {"health": {"minItems": 1}}}),
    ],
    "BasicAuthEntry": [{"properties": {"username": {"not": {"type": "string", "pattern": ":"}}}}],
    "GluetunEntry": _ONE_LOGIN,
    "ProbeEntry": [
        _require_exactly_one(*PROBE_KINDS),
        _forbid({"required": ["timeout"]}, {"anyOf": [{"required": [kind]} for kind in QBITTORRENT_PROBE_KINDS]}),
    ],
    "GatewayEntry": [
        {"dependentRequired": {"username": ["password"], "password": ["username"]}},
        {"anyOf": [{"required": [key]} for key in ("username", "api_key", "trusted")]},
    ],
    "GroupEntry": [{"properties": {"members": {"minItems": 1, "uniqueItems": True}}}, *_list_strategy_rules()],
    "TorrentEntry": [
        _require_exactly_one(*SOURCE_KEYS),
        _require(_is("state", "absent"), _allow_only_null(*MANAGED_KEYS)),
        _require({"required": ["delete_files"]}, _is("state", "absent")),
        _require({"required": ["content"]}, _allow_only_null(*PATH_KEYS)),
        {"dependentRequired": {"export": ["content"]}},
        _require(_is("auto_tmm", True), _allow_only_null("save_path", "download_path")),
        _forbid(_is("force_start", True), _is("paused", True)),
        _forbid(
            {"required": ["stop_condition"], "properties": {"stop_condition": {"not": {"enum": ["none", None]}}}},
            {"anyOf": [_is("paused", False), _is("force_start", True)]},
        ),
    ],
}
"""The rules of each mapping, by the name of its class in the schema."""
