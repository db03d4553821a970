"""Checks the plain data of a document against the schema."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from reconciler.desired.context import MAX_PROBLEMS, InvalidValue
from reconciler.desired.messages import problem_from_error
from reconciler.desired.salvage import salvage_document
from reconciler.desired.schema.document import DOCUMENT_ADAPTER, DocumentEntry
from reconciler.desired.schema.torrents import TorrentEntry, parse_infohash, parse_magnet_link
from reconciler.desired.yaml.document import EXTENSION_PREFIX, YamlDocument
from reconciler.model.codes import Code
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.position import Problem


@dataclass(frozen=True, slots=True)
class CheckedDocument:
    """The valid part of one document. `torrent_indexes`: the index in the file of each torrent of `entry`.

    `torrent_keys`: the keys of each torrent, perhaps without its source; one object for all torrents with the same
    values. `is_whole` False: it has so many problems that only the first were looked for, and nothing was extracted.
    """

    document: YamlDocument
    entry: DocumentEntry
    torrent_indexes: Sequence[int]
    torrent_keys: Sequence[TorrentEntry]
    is_whole: bool = True


_SOURCE_CHECKS: Final[tuple[tuple[str, Callable[[str], Any]], ...]] = (
    ("magnet", parse_magnet_link),
    ("infohash", parse_infohash),
)
INTAKE_KEYS: Final = ("version", "categories", "torrents")


def check_document(document: YamlDocument, problems: list[Problem], *, is_intake: bool = False) -> CheckedDocument:
    """Check one document against the schema, and add what is wrong to `problems`. An intake has few keys."""
    data = _drop_extensions(document.data)
    if is_intake:
        problems += _find_foreign_keys(document)
    errors = _find_first_errors(data)
    if not errors:
        try:
            entry, torrent_keys = _validate(data)
            return CheckedDocument(document, entry, range(len(torrent_keys)), torrent_keys)
        except ValidationError as error:
            errors = error.errors(include_url=False)
    is_whole = len(errors) < MAX_PROBLEMS
    if not is_whole:
        del errors[MAX_PROBLEMS - 1 :]  # and one that says so
    reported_positions = {problem.position for problem in (*document.problems, *problems)}
    schema_problems = (problem_from_error(document, error) for error in errors)
    problems += (problem for problem in schema_problems if problem.position not in reported_positions)
    if is_whole:
        entry, torrent_indexes = salvage_document(data, errors)
        return CheckedDocument(document, entry, torrent_indexes, entry.get("torrents", ()))
    hint = "Correct these first"
    problems.append(
        Problem(
            problems[-1].position,
            Code.TOO_MANY_PROBLEMS,
            "there may be more problems from here on: these are enough",
            hint,
        )
    )
    return CheckedDocument(document, {"version": 1}, (), (), is_whole=False)


def _validate(data: Any) -> tuple[DocumentEntry, Sequence[TorrentEntry]]:
    """Return a document that is checked, and `torrent_keys`. Raises `ValidationError`."""
    torrents = data.get("torrents") if isinstance(data, dict) else None
    if isinstance(torrents, list) and all(isinstance(torrent, dict) for torrent in torrents):
        with suppress(ValidationError, InvalidValue):  # they do not say where: the check of the whole document does
            return _validate_distinct_keys(data, torrents)
    entry = DOCUMENT_ADAPTER.validate_python(data)
    return entry, entry.get("torrents", ())


def _validate_distinct_keys(data: dict[str, Any], torrents: list[Any]) -> tuple[DocumentEntry, Sequence[TorrentEntry]]:
    """Check a document as `_validate` does, but only once what torrents share, and the source of each by itself.

    The reader makes one value for all entries with the same line, so values that are one object are recognized.
    Raises `ValidationError` or `InvalidValue`.
    """
    distinct_keys: list[dict[str, Any]] = []
    numbers: dict[tuple[str | int, ...], int] = {}  # indexes in `distinct_keys`, by the keys and the ids of the values
    splits: list[tuple[str, Any, int]] = []  # of each torrent the key and value of its source, and that index
    for torrent in torrents:
        keys = {**torrent}
        source_key, source = _pop_source(keys)
        number = numbers.setdefault((*keys, *map(id, keys.values())), len(numbers))
        if number == len(distinct_keys):
            distinct_keys.append(keys)
        splits.append((source_key, source, number))
    entry = DOCUMENT_ADAPTER.validate_python({**data, "torrents": distinct_keys})
    checked_keys: list[Any] = entry["torrents"]
    checked_torrents: list[Any] = [
        {key: source, **checked_keys[number]} if key else checked_keys[number] for key, source, number in splits
    ]
    entry["torrents"] = checked_torrents
    return entry, [checked_keys[number] for _, _, number in splits]


def _pop_source(keys: dict[str, Any]) -> tuple[str, Any]:
    """Remove the source from the keys of a torrent, and return its key and checked value; "" where it stays."""
    for key, check in _SOURCE_CHECKS:
        if isinstance(text := keys.get(key), str):
            del keys[key]
            return key, check(text)
    return "", None


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
