"""Checks the plain data of a document against the schema."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from reconciler.desired.context import MAX_PROBLEMS
from reconciler.desired.messages import problem_from_error
from reconciler.desired.salvage import salvage_document
from reconciler.desired.schema.document import DOCUMENT_ADAPTER, DocumentEntry
from reconciler.desired.yaml.document import EXTENSION_PREFIX, YamlDocument
from reconciler.model.codes import Code
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.position import Problem


@dataclass(frozen=True, slots=True)
class CheckedDocument:
    """The valid part of one document. `torrent_indexes`: the index in the file of each torrent of `entry`.

    `is_whole` False: it has so many problems that only the first were looked for, and nothing was extracted.
    """

    document: YamlDocument
    entry: DocumentEntry
    torrent_indexes: Sequence[int]
    is_whole: bool = True


INTAKE_KEYS: Final = ("version", "categories", "torrents")


def check_document(document: YamlDocument, problems: list[Problem], *, is_intake: bool = False) -> CheckedDocument:
    """Check one document against the schema, and add what is wrong to `problems`. An intake has few keys."""
    data = _drop_extensions(document.data)
    if is_intake:
        problems += _find_foreign_keys(document)
    errors = _find_first_errors(data)
    if not errors:
        try:
            entry = DOCUMENT_ADAPTER.validate_python(data)
            return CheckedDocument(document, entry, range(len(entry.get("torrents", ()))))
        except ValidationError as error:
            errors = error.errors(include_url=False)
    is_whole = len(errors) < MAX_PROBLEMS
    if not is_whole:
        del errors[MAX_PROBLEMS - 1 :]  # and one that says so
    reported_positions = {problem.position for problem in (*document.problems, *problems)}
    schema_problems = (problem_from_error(document, error) for error in errors)
    problems += (problem for problem in schema_problems if problem.position not in reported_positions)
    if is_whole:
        return CheckedDocument(document, *salvage_document(data, errors))
    hint = "Correct these first"
    problems.append(
        Problem(
            problems[-1].position,
            Code.TOO_MANY_PROBLEMS,
            "there may be more problems from here on: these are enough",
            hint,
        )
    )
    return CheckedDocument(document, {"version": 1}, (), is_whole=False)


def _find_foreign_keys(document: YamlDocument) -> list[Problem]:
    keys = document.data if isinstance(document.data, dict) else {}
    hint = f"Only {', '.join(INTAKE_KEYS[:-1])} and {INTAKE_KEYS[-1]} can be there: move it to a file of yours"
    message = "this key cannot be in the file of the intake"
    return [
        Problem(document.find_key_position(key), Code.INTAKE_FILE, message, hint)
        for key in keys
        if key not in INTAKE_KEYS
    ]


def _find_first_errors(data: Any) -> list[ErrorDetails]:
    """Return the errors in the first items of a long document, if they are so many that the others do not matter.

    To validate 100,000 wrong entries takes a minute and a gigabyte.
    """
    if not isinstance(data, dict) or not any(
        isinstance(value, (list, dict)) and len(value) > MAX_PROBLEMS for value in data.values()
    ):
        return []
    try:
        DOCUMENT_ADAPTER.validate_python({key: _shorten(value) for key, value in data.items()})
    except ValidationError as error:
        if error.error_count() >= MAX_PROBLEMS:
            return error.errors(include_url=False)
    return []


def _shorten(value: Any) -> Any:
    if isinstance(value, list):
        return value[:MAX_PROBLEMS]
    return dict(islice(value.items(), MAX_PROBLEMS)) if isinstance(value, dict) else value


def _drop_extensions(data: Any) -> Any:
    """Return a document without the top-level keys that only hold anchors; aliases are resolved before this."""
    if not isinstance(data, dict):
        return data
    return {key: value for key, value in data.items() if not key.startswith(EXTENSION_PREFIX)}
