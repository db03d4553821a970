"""The OpenAPI 3.1 document of `/api/v1`, made from the operations and from the models that check requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter

from reconciler import __version__
from reconciler.web.rest.bodies import FILE_PART, JSON_TYPE, KEYS_PART, LINK_KEYS, REFUSED_KEYS
from reconciler.web.rest.documents import ErrorDocument
from reconciler.web.rest.operations import COMMON_ERRORS, OPERATIONS, TOKEN_ERRORS, Body, Operation, Success

SCHEMAS: Final = "#/components/schemas/"
TOKEN_SCHEME: Final = "token"
_DEFINITIONS: Final = "#/$defs/"

Schema = dict[str, Any]


def build_openapi(desired_schema: Mapping[str, Any]) -> Schema:
    """Return the document. `desired_schema`: the JSON Schema of the desired state, which has the keys of an entry."""
    components = _collect_entry_schemas(desired_schema)
    paths: dict[str, Schema] = {}
    for operation in OPERATIONS:
        path = paths.setdefault(operation.path, _describe_path(operation.path))
        path[operation.method.lower()] = _describe_operation(operation, components)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "reconcile",
            "version": __version__,
            "description": "The torrents of all instances, and the loop that keeps them as declared.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": paths,
        "components": {
            "schemas": dict(sorted(components.items())),
            "securitySchemes": {TOKEN_SCHEME: {"type": "http", "scheme": "bearer", "description": "--token-file"}},
        },
    }


def _describe_path(path: str) -> Schema:
    if "{infohash}" not in path:
        return {}
    parameter = {
        "name": "infohash",
        "in": "path",
        "required": True,
        "description": "Any infohash of the torrent: v1 (also in base32), v2, or the first 40 digits of v2.",
        "schema": {"type": "string", "pattern": "^([0-9A-Fa-f]{40}|[0-9A-Fa-f]{64}|[A-Za-z2-7]{32})$"},
    }
    return {"parameters": [parameter]}


def _describe_operation(operation: Operation, components: Schema) -> Schema:
    described: Schema = {"operationId": operation.name, "summary": operation.summary}
    if operation.query:
        described["parameters"] = list(_describe_parameters(operation.query))
    if operation.body:
        described["requestBody"] = {"required": True, "content": _describe_body(operation.body)}
    errors = {**COMMON_ERRORS, **(TOKEN_ERRORS if operation.needs_token else {}), **operation.errors}
    described["responses"] = {
        **{str(status): _describe_success(success, components) for status, success in operation.successes.items()},
        **{str(status): _describe_error(text, components) for status, text in sorted(errors.items())},
    }
    if operation.needs_token:
        described["security"] = [{TOKEN_SCHEME: []}]
    return described


def _describe_parameters(query: type[BaseModel]) -> Iterable[Schema]:
    whole = query.model_json_schema()
    definitions: Schema = whole.get("$defs", {})
    for name, schema in whole["properties"].items():
        description = schema.pop("description", "")
        schema.pop("title", None)
        if choices := schema.pop("anyOf", None):  # null stands for a parameter that is not there
            schema = {**next(choice for choice in choices if choice.get("type") != "null")}
        if reference := schema.pop("$ref", None):
            schema = {key: definitions[reference.removeprefix(_DEFINITIONS)][key] for key in ("type", "enum")}
        yield {"name": name, "in": "query", "required": False, "description": description, "schema": schema}


def _describe_body(body: Body) -> Schema:
    if body is Body.CHANGES:
        return {JSON_TYPE: {"schema": {"$ref": f"{SCHEMAS}EntryChanges"}}}
    upload = {
        "type": "object",
        "required": [FILE_PART],
        "properties": {
            FILE_PART: {"type": "string", "contentMediaType": "application/octet-stream"},
            KEYS_PART: {"type": "string", "description": "Keys of the entry, as JSON.", "contentMediaType": JSON_TYPE},
        },
        "additionalProperties": False,
    }
    return {
        JSON_TYPE: {"schema": {"$ref": f"{SCHEMAS}NewEntry"}},
        "multipart/form-data": {
            "schema": upload,
            "encoding": {FILE_PART: {"contentType": "application/octet-stream"}},
        },
    }


def _describe_success(success: Success, components: Schema) -> Schema:
    kind = success.kind
    if isinstance(kind, str):
        content = {kind: {"schema": {"type": "object" if kind == JSON_TYPE else "string"}}}
    else:
        content = {JSON_TYPE: {"schema": _add_schema(kind, components)}}
    return {"description": success.text, "content": content}


def _describe_error(text: str, components: Schema) -> Schema:
    return {"description": text, "content": {JSON_TYPE: {"schema": _add_schema(ErrorDocument, components)}}}


def _add_schema(kind: Any, components: Schema) -> Schema:
    """Add the schema of a typed dictionary to the components, and return a reference to it."""
    if kind.__name__ not in components:
        adapter: TypeAdapter[Any] = TypeAdapter(kind)
        schema = adapter.json_schema(ref_template=f"{SCHEMAS}{{model}}", mode="serialization")
        components.update(schema.pop("$defs", {}))
        components[kind.__name__] = schema
    return {"$ref": f"{SCHEMAS}{kind.__name__}"}


def _collect_entry_schemas(desired_schema: Mapping[str, Any]) -> Schema:
    """Return the schemas of a new entry and of changes, from that of `torrents`, with all that they refer to."""
    definitions: Mapping[str, Schema] = desired_schema["$defs"]
    entry = definitions["TorrentEntry"]
    keys = {name: key for name, key in entry["properties"].items() if name not in REFUSED_KEYS}
    links = {name: keys.pop(name) for name in LINK_KEYS}
    new_entry = {
        "type": "object",
        "description": "Keys of an entry of `torrents`, with one source.",
        "properties": {
            "magnet": links["magnet"],
            "torrent": {"type": "string", "pattern": "^https?://", "description": "The URL of a .torrent file."},
            **keys,
        },
        "oneOf": [{"required": [name]} for name in LINK_KEYS],
        "additionalProperties": False,
    }
    changes = {
        "type": "object",
        "description": "Keys of an entry of `torrents`; null removes one.",
        "properties": {name: {"anyOf": [key, {"type": "null"}]} for name, key in keys.items()},
        "additionalProperties": False,
    }
    schemas = {"NewEntry": new_entry, "EntryChanges": changes}
    pending = list(_find_references(schemas))
    while pending:
        name = pending.pop()
        if name not in schemas:
            schemas[name] = definitions[name]
            pending += _find_references(definitions[name])
    return {name: _rewrite_references(schema) for name, schema in schemas.items()}


def _find_references(value: Any) -> Iterable[str]:
    """Yield the name of each definition that a schema refers to."""
    if isinstance(value, Mapping):
        reference = value.get("$ref")
        if isinstance(reference, str):
            yield reference.removeprefix(_DEFINITIONS)
    for inner in value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ():
        yield from _find_references(inner)


def _rewrite_references(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            key: SCHEMAS + inner.removeprefix(_DEFINITIONS) if key == "$ref" else _rewrite_references(inner)
            for key, inner in value.items()
        }
    return [_rewrite_references(inner) for inner in value] if isinstance(value, list) else value
