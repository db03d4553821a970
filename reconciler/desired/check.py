"""Plain data -> checked data, with everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from reconciler.desired.messages import problem_from_error
from reconciler.desired.salvage import salvage_document
from reconciler.desired.schema.document import DOCUMENT_ADAPTER, DocumentEntry
from reconciler.desired.yaml.document import YamlDocument
from reconciler.model.position import Problem


@dataclass(frozen=True, slots=True)
class CheckedDocument:
    """One document as far as it is valid. `torrent_indexes`: where each kept torrent stands in the file's list."""

    document: YamlDocument
    entry: DocumentEntry
    torrent_indexes: Sequence[int]


def check_document(document: YamlDocument, problems: list[Problem]) -> CheckedDocument:
    """Check one document against the schema, adding to `problems`."""
    errors: list[ErrorDetails] = []
    try:
        entry = DOCUMENT_ADAPTER.validate_python(document.data)
        return CheckedDocument(document, entry, range(len(entry.get("torrents", ()))))
    except ValidationError as error:
        errors = error.errors(include_url=False)
    known = {problem.position for problem in document.problems}  # what could not be read has been said already
    found = (problem_from_error(document, error) for error in errors)
    problems += (problem for problem in found if problem.position not in known)
    return CheckedDocument(document, *salvage_document(document.data, errors))
