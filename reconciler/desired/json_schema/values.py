"""The JSON Schema of each value that a validator of ours reads, by the validator.

A schema may accept more than its validator, and never less. Patterns are written for ECMA 262 and Python alike.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from reconciler.desired import includes
from reconciler.desired.schema import (
    categories,
    common,
    content,
    document,
    gateway,
    groups,
    instances,
    options,
    probes,
    torrents,
)
from reconciler.model.tags import RESERVED_OWNERS
from reconciler.model.units import LIMIT_WORDS, RATE_UNITS, SIZE_UNITS

JsonSchema = dict[str, Any]

_NO_CONTROL_CHARACTER: Final = r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$"
_PLAIN_NAME: Final = r"^[A-Za-z0-9._-]+$"
_DURATION: Final = r"^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?$"
_NOT_ZERO: Final = {"pattern": "[1-9]"}
_IP_NETWORK: Final = r"^[0-9A-Fa-f:.]+(%[^/]+)?(/[0-9.]+)?$"
_HOST: Final = r"^([A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_.])?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(%[A-Za-z0-9._-]+)?)$"


def _text(*patterns: str, without: str = "", **more: Any) -> JsonSchema:
    """Return the schema of a text that matches all `patterns` and has nowhere what matches `without`."""
    schema: JsonSchema = {"type": "string", **more}
    if len(patterns) == 1:
        schema["pattern"] = patterns[0]
    elif patterns:
        schema["allOf"] = [{"pattern": pattern} for pattern in patterns]
    return schema | ({"not": {"pattern": without}} if without else {})


def _any_case(word: str) -> str:
    """Return the pattern of a word in upper and lower case."""
    return "".join(f"[{letter.upper()}{letter}]" if letter.isalpha() else letter for letter in word)


def _one_or_list(item: JsonSchema) -> JsonSchema:
    return {"anyOf": [item, {"type": "array", "minItems": 1, "items": item}]}


def _power_of_two_pattern() -> str:
    """Return the pattern of a size of pieces: a power of two from 16 KiB to 128 MiB."""
    kib = "|".join(str(1 << exponent) for exponent in range(4, 18))
    mib = "|".join(str(1 << exponent) for exponent in range(8))
    return f"^(({kib}) *KiB|({mib}) *MiB)$"


def _unit_pattern(units: Mapping[str, int], space: str) -> str:
    return f"^[0-9]{{1,12}}(\\.[0-9]{{1,6}})?{space}({'|'.join(map(re.escape, units))})$"


_ONE_LINE: Final = _text(r"^\S(.*\S)?$", minLength=1)
_PLAIN: Final = _text(_PLAIN_NAME)
SAVE_PATH: Final = _text(
    r"^(/|[A-Za-z]:[\\/]|\\\\[^\\/]+[\\/][^\\/])", r"^\S(.*\S)?$", without=r"//|/\.{1,2}(/|$)", minLength=1
)
_EMPTY: Final = {"const": ""}
_CATEGORY: Final = _text(r"^\S(.*\S)?$", without=r"\\|^/|/$|//", minLength=1)
_RATE: Final = {"anyOf": [{"const": "unlimited"}, _text(_unit_pattern(RATE_UNITS, " *"), "[1-9]")]}
_MINUTES: Final = {"anyOf": [{"enum": list(LIMIT_WORDS.values())}, _text(_DURATION, minLength=2)]}
_RATIO: Final = {
    "anyOf": [{"enum": list(LIMIT_WORDS.values())}, {"type": "number", "minimum": 0, "maximum": options.MAX_RATIO}]
}
_DURATION_VALUE: Final = _text(_DURATION, "[1-9]", minLength=2)
_HTTP: Final = _any_case("http") + "[Ss]?://"
_PATH_OF_CONTENT: Final = {"allOf": [SAVE_PATH, {"not": {"pattern": r"^(/+|[A-Za-z]:[\\/]*)$"}}]}
_HTTP_STATUS: Final = {"type": "integer", "minimum": 100, "maximum": 599}
_MAGNET_TOPIC: Final = r"[?&][Xx][Tt](\.[^=&]*)?="  # at least one, whose hash only `load` reads
_SECRET_HOST: Final = _text(r"^([A-Za-z0-9._-]+|\[?[0-9A-Fa-f:.]+\]?)(:[0-9]{1,5})?$")


def _link(schemes: tuple[str, ...]) -> JsonSchema:
    prefix = "|".join(map(_any_case, sorted(schemes)))
    return _text(f"^({prefix})://.", without=r"[\u0000-\u0020\u007f-\u009f\u2028\u2029\u0022<>\\^`{|}]")


VALUE_SCHEMAS: Final[dict[Callable[..., Any], JsonSchema]] = {
    common.check_save_path: SAVE_PATH,
    common.parse_duration: _DURATION_VALUE,
    common.check_api_url: _text(rf"^{_HTTP}[^/?#@\s\\]+(/[^?#\s\\]*)?$"),
    common.check_environment_name: _text("^[A-Za-z_][A-Za-z0-9_]*$"),
    common.parse_secret_hosts: _one_or_list(_SECRET_HOST),
    categories.check_category_name: _CATEGORY,
    categories.check_category_download_path: {"anyOf": [SAVE_PATH, {"const": False}, {"type": "null"}]},
    content.normalize_content_path: _PATH_OF_CONTENT,
    content.parse_piece_size: _text(_power_of_two_pattern()),
    content.check_content_source: _ONE_LINE,
    content.check_export_path: _text(r"^\S(.*\S)?$", r"\.torrent$", without=r"/\.torrent$"),
    document.check_version: {"const": 1},
    includes.check_include: _text("^[^/]", _NO_CONTROL_CHARACTER, without=r"(^|/)\.\.(/|$)|://", minLength=1),
    document.check_owner_name: _PLAIN | {"not": {"enum": sorted(RESERVED_OWNERS)}},
    document.parse_quarantine: _text("^[0-9]{1,4}d$", "[1-9]"),
    document.check_plan_hash: _text("^sha256:[0-9a-f]{64}$"),
    gateway.check_intake_file: _text(r"\.ya?ml$", _NO_CONTROL_CHARACTER, without=r"://|(^|/)\.[^/]*$"),
    gateway.parse_trusted: _one_or_list(_text(_IP_NETWORK)),
    gateway.check_service_text: _text(r"^\S+$", minLength=1),
    gateway.check_no_settings: {"type": "object", "maxProperties": 0},
    groups.check_group_name: _PLAIN,
    groups.parse_size: _text(_unit_pattern(SIZE_UNITS, " ?")),
    groups.parse_failover_delay: {"anyOf": [{"const": "0s"}, _DURATION_VALUE]},
    instances.check_instance_name: _PLAIN,
    instances.check_data_name: _PLAIN,
    instances.check_header_name: _text(
        r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$", without=f"^({'|'.join(map(_any_case, sorted(instances.OWN_HEADERS)))})$"
    ),
    options.parse_rate: _RATE,
    options.parse_minutes: _MINUTES,
    options.parse_ratio: _RATIO,
    options.check_glob: _text(
        r"^\S(.*\S)?$", without=r"\\|//|(^|/)\.{1,2}(/|$)|/$|^/*$|[^/]\*\*|\*\*[^/]", minLength=1
    ),
    options.check_tracker: _link(options.TRACKER_SCHEMES),
    options.check_web_seed: _link(options.WEB_SEED_SCHEMES),
    options.check_torrent_download_path: {"anyOf": [_EMPTY, SAVE_PATH]},
    options.normalize_comment: _text("^[^\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u2028\\u2029]*$"),
    options.check_ignorable_key: {"enum": list(options.IGNORABLE_KEYS)},
    probes.parse_host_and_port: _text(r"^(\[.+\]|[^:]+):[0-9]{1,5}$", without="//"),
    probes.check_host: _text(_HOST),
    probes.check_probe_url: _text(rf"^{_HTTP}[^/?#@\s\\]", without=rf"^{_HTTP}[^/?#]*@|\s"),
    probes.parse_http_statuses: _one_or_list(_HTTP_STATUS),
    probes.parse_json_values: {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
    },
    probes.parse_networks: _one_or_list(_text(_IP_NETWORK)),
    probes.check_interface: _ONE_LINE,
    probes.parse_connection_statuses: _one_or_list({"enum": list(probes.CONNECTION_STATUSES)}),
    torrents.check_tag_name: _text(r"^\S(.*\S)?$", without="^reconcile:|,", minLength=1),
    torrents.check_optional_category: {"anyOf": [_EMPTY, _CATEGORY]},
    torrents.parse_magnet_link: _text(
        rf"^{_any_case('magnet')}:\?", _MAGNET_TOPIC, _NO_CONTROL_CHARACTER, without=rf"^\s|\s$|&{_any_case('amp')};"
    ),
    torrents.check_torrent_location: _text(
        _NO_CONTROL_CHARACTER,
        without=rf"^{_any_case('magnet')}:|^(?!{_HTTP})[A-Za-z][A-Za-z0-9+.-]*://|^{_HTTP}[^/?#]*@",
        minLength=1,
    ),
    torrents.parse_infohash: _text("^([0-9A-Fa-f]{40}|[0-9A-Fa-f]{64}|[A-Za-z2-7]{32})$", without="^0+$"),
    torrents.check_torrent_name: _ONE_LINE,
    torrents.check_label_name: _text("^[A-Za-z0-9._-]{1,64}$"),
    torrents.check_label: {"type": ["string", "number"], "maxLength": torrents.MAX_LABEL_LENGTH},
}
"""The whole schema of a value, instead of the schema of the type below its validator."""

NOT_EMPTY: Final = (probes.check_external_ip, options.check_share_limits)
"""The validators of mappings that must have a key."""

URL_OR_MAPPING: Final = {probes.expand_url: VALUE_SCHEMAS[probes.check_probe_url]}
"""The validators of mappings that may also be written as a URL alone, and the schema of the URL."""
