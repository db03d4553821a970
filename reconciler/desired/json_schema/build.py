"""Generates the JSON Schema of a desired state."""

from __future__ import annotations

import json
from functools import partial
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from reconciler.desired.json_schema.descriptions import NO_DEFAULT, KeyDescription
from reconciler.desired.json_schema.keys import KEY_DESCRIPTIONS
from reconciler.desired.json_schema.preferences import build_preferences_schema
from reconciler.desired.json_schema.rules import RULES
from reconciler.desired.json_schema.values import NOT_EMPTY, URL_OR_MAPPING, VALUE_SCHEMAS
from reconciler.desired.schema.common import DEFERRED
from reconciler.desired.schema.document import DocumentEntry
from reconciler.desired.yaml.document import EXTENSION_PREFIX

JsonSchema = dict[str, Any]

_ROOT: Final = "DocumentEntry"
_REFERENCE: Final = {"$ref": "#/$defs/SecretReference"}
_HEAD: Final = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Desired state of reconcile",
    "description": "The torrents that should exist, on which qBittorrent instance, and how far a run may go.",
    "$comment": "Written by `reconcile schema` from the code of reconcile.",
}


def build_json_schema() -> JsonSchema:
    """Return the JSON Schema (2020-12) of one YAML document of a desired state."""
    with DEFERRED.suspend():
        adapter = TypeAdapter(DocumentEntry)
    generated = adapter.json_schema(schema_generator=_Generator)
    definitions: JsonSchema = generated.pop("$defs")
    root = generated
    definitions["InstanceEntry"]["properties"]["preferences"] = build_preferences_schema(_REFERENCE)
    for name, definition in [(_ROOT, root), *definitions.items()]:
        _complete_definition(name, definition)
    root["patternProperties"] = {f"^{EXTENSION_PREFIX}": {"description": "Holds anchors, and means nothing itself."}}
    return _HEAD | root | {"$defs": definitions}


def format_json_schema() -> str:
    """Return the JSON Schema as text."""
    return json.dumps(build_json_schema(), indent=1, ensure_ascii=False) + "\n"


def _complete_definition(name: str, definition: JsonSchema) -> None:
    """Add the descriptions and the rules of one mapping, and remove the words of our classes."""
    for own_words in ("title", "description"):  # the name and the docstring of a class
        definition.pop(own_words, None)
    for key, schema in definition["properties"].items():
        schema |= _render_description(KEY_DESCRIPTIONS[name][key])
    if rules := RULES.get(name):
        definition["allOf"] = rules


def _render_description(key: KeyDescription) -> JsonSchema:
    rendered: JsonSchema = {"description": key.text}
    if key.default is not NO_DEFAULT:
        rendered["default"] = key.default
    if key.examples:
        rendered["examples"] = list(key.examples)
    return rendered


class _Generator(GenerateJsonSchema):
    """Generates the schema of what people write, where validators of ours turn it into something else."""

    def function_before_schema(self, schema: Any) -> JsonSchema:
        """Return the schema of a value that a validator reads before pydantic does."""
        return self._describe_value(schema, partial(super().function_before_schema, schema))

    def function_after_schema(self, schema: Any) -> JsonSchema:
        """Return the schema of a value that a validator reads after pydantic."""
        return self._describe_value(schema, partial(super().function_after_schema, schema))

    def dict_schema(self, schema: Any) -> JsonSchema:
        """Return the schema of a mapping with names of the user's as keys."""
        described = super().dict_schema(schema)
        names = self.generate_inner(schema["keys_schema"])
        return described if names == {"type": "string"} else {**described, "propertyNames": names}

    def tagged_union_schema(self, schema: Any) -> JsonSchema:
        """Return the schema of a value of several shapes. A text alone is never empty."""
        choices = super().tagged_union_schema(schema)["oneOf"]
        return {"anyOf": [{**choice, "minLength": 1} if choice == {"type": "string"} else choice for choice in choices]}

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Return False: the name of a key is its title."""
        return False

    def _describe_value(self, schema: Any, describe_type: Any) -> JsonSchema:
        validator = schema["function"]["function"]
        if validator in VALUE_SCHEMAS:
            return dict(VALUE_SCHEMAS[validator])
        described: JsonSchema = describe_type()
        if validator in NOT_EMPTY:
            return {**described, "minProperties": 1}
        if validator in URL_OR_MAPPING:
            return {"anyOf": [URL_OR_MAPPING[validator], described]}
        raise LookupError(f"the JSON Schema of {validator.__name__} is missing in `values`")
