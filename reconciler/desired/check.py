"""Checks the plain data of a document against the schema."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from reconciler.desired.messages import problem_from_error
from reconciler.desired.salvage import salvage_document
from reconciler.desired.schema.document import DOCUMENT_ADAPTER, DocumentEntry
from reconciler.desired.yaml.document import EXTENSION_PREFIX, YamlDocument
from reconciler.model.position import Problem


@dataclass(frozen=True, slots=True)
class CheckedDocument:
    """The valid part of one document. `torrent_indexes`: the index in the file of each torrent of `entry`."""

    document: YamlDocument
    entry: DocumentEntry
    torrent_indexes: Sequence[int]


def check_document(document: YamlDocument, problems: list[Problem]) -> CheckedDocument:
    """Check one document against the schema, and add what is wrong to `problems`."""
    data = _drop_extensions(document.data)
    errors: list[ErrorDetails] = []
    try:
        entry = DOCUMENT_ADAPTER.validate_python(data)
        return CheckedDocument(document, entry, range(len(entry.get("torrents", ()))))
    except ValidationError as error:
        errors = error.errors(include_url=False)
    reported_positions = {problem.position for problem in (*document.problems, *problems)}
    schema_problems = (problem_from_error(document, error) for error in errors)
    problems += (problem for problem in schema_problems if problem.position not in reported_positions)
    return CheckedDocument(document, *salvage_document(data, errors))


def _drop_extensions(data: Any) -> Any:
    """Return a document without the top-level keys that only hold anchors; aliases are resolved before this."""
    if not isinstance(data, dict):
        return data
    return {key: value for key, value in data.items() if not key.startswith(EXTENSION_PREFIX)}
