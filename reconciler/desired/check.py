"""Checks the plain data of a document against the schema."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, Final, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from reconciler.desired.context import MAX_PROBLEMS, InvalidValue
from reconciler.desired.schema.document import DOCUMENT_ADAPTER, DocumentEntry
from reconciler.desired.schema.torrents import TorrentEntry, check_torrent_name, parse_infohash, parse_magnet_link
from reconciler.desired.yaml.document import EXTENSION_PREFIX, YamlDocument
from reconciler.desired.yaml.parser import EntryNode
from reconciler.model.codes import Code
from reconciler.model.infohash import InfoHashes
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.magnet import Magnet
from reconciler.model.position import Problem


@dataclass(frozen=True, slots=True)
class CheckedDocument:
    """The valid part of one document. `entry`: all but its torrents.

    `torrent_indexes`: the index in the file of each torrent. `torrent_sources`: its magnet link or infohash, and its
    name, where these were checked by themselves. `torrent_keys`: its other keys, one object for all torrents with the
    same values; all its keys where the source is None. `is_whole` False: it has so many problems that only the first
    were looked for, and nothing was extracted.
    """

    document: YamlDocument
    entry: DocumentEntry
    torrent_indexes: Sequence[int] = ()
    torrent_sources: Sequence[NamedSource | None] = ()
    torrent_keys: Sequence[TorrentEntry] = ()
    is_whole: bool = True


NamedSource = tuple[Magnet | InfoHashes, str | None]

INTAKE_KEYS: Final = ("version", "categories", "torrents")


def check_document(document: YamlDocument, problems: list[Problem], *, is_intake: bool = False) -> CheckedDocument:
    """Check one document against the schema, and add what is wrong to `problems`. An intake has few keys."""
    data = _drop_extensions(document.data)
    if is_intake:
        problems += _find_foreign_keys(document)
    if checked := _check_shared_keys(document, data):
        return checked
    errors = _find_first_errors(data)
    if not errors:
        try:
            return _make_checked(document, DOCUMENT_ADAPTER.validate_python(data))
        except ValidationError as error:
            errors = error.errors(include_url=False)
    return _check_in_part(document, data, errors, problems)


def _check_in_part(
    document: YamlDocument, data: Any, errors: list[ErrorDetails], problems: list[Problem]
) -> CheckedDocument:
    """Add what is wrong with a document to `problems`, and return its valid part."""
    from reconciler.desired.messages import problem_from_error  # only here: most documents are valid
    from reconciler.desired.salvage import salvage_document

    is_whole = len(errors) < MAX_PROBLEMS
    if not is_whole:
        del errors[MAX_PROBLEMS - 1 :]  # and one that says so
    reported_positions = {problem.position for problem in (*document.problems, *problems)}
    schema_problems = (problem_from_error(document, error) for error in errors)
    problems += (problem for problem in schema_problems if problem.position not in reported_positions)
    if is_whole:
        return _make_checked(document, *salvage_document(data, errors))
    hint = "Correct these first"
    problems.append(
        Problem(
            problems[-1].position,
            Code.TOO_MANY_PROBLEMS,
            "there may be more problems from here on: these are enough",
            hint,
        )
    )
    return CheckedDocument(document, {"version": 1}, is_whole=False)


def join_source(source: NamedSource | None, keys: TorrentEntry) -> TorrentEntry:
    """Return the entry of a torrent from what a `CheckedDocument` has of it."""
    if source is None:
        return keys
    identity, name = source
    joined: Any = {"magnet" if isinstance(identity, Magnet) else "infohash": identity, **keys}
    if name is not None:
        joined["name"] = name
    return cast("TorrentEntry", joined)


def _make_checked(
    document: YamlDocument, entry: DocumentEntry, torrent_indexes: Sequence[int] | None = None
) -> CheckedDocument:
    """Return a document whose torrents were checked one by one."""
    torrents = entry.pop("torrents", [])
    indexes = range(len(torrents)) if torrent_indexes is None else torrent_indexes
    return CheckedDocument(document, entry, indexes, [None] * len(torrents), torrents)


def _check_shared_keys(document: YamlDocument, data: Any) -> CheckedDocument | None:
    """Check a document, but only once what torrents share, and the source and name of each; None if this is in vain.

    If anything is wrong, only the check of the whole document says where.
    """
    torrents = data.get("torrents") if isinstance(data, dict) else None
    if not isinstance(torrents, list) or not all(isinstance(torrent, dict) for torrent in torrents):
        return None
    with suppress(ValidationError, InvalidValue):
        distinct_keys, numbers, sources = _split_torrents(document, torrents)
        shortened_data = {**data, "torrents": distinct_keys}
        if not _find_first_errors(shortened_data):
            entry = DOCUMENT_ADAPTER.validate_python(shortened_data)
            checked_keys = entry.pop("torrents", [])
            torrent_keys = [checked_keys[number] for number in numbers]
            return CheckedDocument(document, entry, range(len(torrents)), sources, torrent_keys)
    return None


def _split_torrents(
    document: YamlDocument, torrents: list[dict[str, Any]]
) -> tuple[list[dict[str, Any]], list[int], list[NamedSource | None]]:
    """Return the distinct keys of torrents, and for each torrent the index of its keys there, and its source.

    The reader makes one value for all entries with the same line, and mostly one object for all entries with the same
    lines, so values that are one object are recognized. Raises `InvalidValue`.
    """
    distinct_keys: list[dict[str, Any]] = []
    numbers_by_values: dict[tuple[str | int, ...], int] = {}  # by the keys and the ids of the values
    numbers_by_id: dict[int, int] = {}  # by the id of what the reader has made for several entries
    numbers: list[int] = []
    sources: list[NamedSource | None] = []
    nodes = document.list_item_nodes("torrents")
    for torrent, node in zip(torrents, nodes if len(nodes) == len(torrents) else torrents, strict=True):
        shared = node.shared if type(node) is EntryNode and node.data is torrent else None
        key, source = _check_source(torrent)
        has_shared_keys = shared is not None and key and key not in shared
        number = numbers_by_id.get(id(shared)) if has_shared_keys else None
        if number is None:
            own_keys = (key, "name") if source and source[1] is not None else (key,)
            keys = {name: value for name, value in torrent.items() if name not in own_keys}
            number = numbers_by_values.setdefault((*keys, *map(id, keys.values())), len(distinct_keys))
            if number == len(distinct_keys):
                distinct_keys.append(keys)
            if has_shared_keys:
                numbers_by_id[id(shared)] = number
        numbers.append(number)
        sources.append(source)
    return distinct_keys, numbers, sources


def _check_source(torrent: dict[str, Any]) -> tuple[str, NamedSource | None]:
    """Return the key of the source of a torrent, and what is checked by itself; "" where nothing is."""
    identity: Magnet | InfoHashes
    if isinstance(text := torrent.get("magnet"), str):
        key, identity = "magnet", parse_magnet_link(text)
    elif isinstance(text := torrent.get("infohash"), str):
        key, identity = "infohash", parse_infohash(text)
    else:
        return "", None
    name = torrent.get("name")
    return key, (identity, check_torrent_name(name) if isinstance(name, str) else None)


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
