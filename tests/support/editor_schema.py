"""The JSON Schema as an editor uses it: on each document of a YAML text."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema_rs import Draft202012Validator, ValidationError, ValidationErrorKind

from reconciler.desired.json_schema import build_json_schema
from reconciler.desired.yaml.document import TooManyAliases, YamlDocument
from reconciler.desired.yaml.entries import compose_nodes


@cache
def make_validator() -> Draft202012Validator:
    """Return the validator of the schema."""
    return Draft202012Validator(build_json_schema())


def list_schema_errors(text: str) -> list[str]:
    """Return what the schema finds in the documents of a text, as `path: message`."""
    documents = parse_documents("desired.yaml", text)
    return [
        f"{'.'.join(map(str, error.instance_path))}: {error.message}"
        for document in documents
        for error in find_errors(document.data)
    ]


def find_errors(data: Any) -> Iterator[ValidationError]:
    """Return the errors of one document."""
    return make_validator().iter_errors(data)


def parse_documents(name: str, text: str) -> list[YamlDocument]:
    """Return the documents of a text; none if it is not YAML, which an editor reports itself."""
    roots, _ = compose_nodes(name, text)
    try:
        return [YamlDocument(name, Path(), root, text) for root in roots]
    except TooManyAliases:
        return []


Place = tuple[int, int]
"""A line and a column, from 1."""


def list_error_spans(name: str, text: str) -> list[tuple[str, Place, Place]]:
    """Return the file, the start and the end of each part of a text that the schema finds an error in."""
    spans = []
    for document in parse_documents(name, text):
        for error in find_errors(document.data):
            path, kind = tuple(error.instance_path), error.kind
            locs = [path]
            if isinstance(kind, ValidationErrorKind.AdditionalProperties):
                locs = [(*path, key) for key in kind.unexpected]
            for loc in locs:
                key, value = document.find_nodes(loc)
                start, end = key.start_mark, value.end_mark
                spans.append((name, (start.line + 1, start.column + 1), (end.line + 1, end.column + 1)))
    return spans


def is_inside(span: tuple[str, Place, Place], name: str, place: Place) -> bool:
    """True if a place of a file is inside a span."""
    file, start, end = span
    return file == name and start <= place <= end
