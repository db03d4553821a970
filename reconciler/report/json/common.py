"""Encoding of JSON documents, and the parts that several of them share.

Only ASCII is written: no name in a document can control a terminal. Nor can it begin a command of GitHub's runner,
which finds `##[` anywhere in a line.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from json.encoder import encode_basestring_ascii
from typing import Final, TextIO

from reconciler.model.health import Health
from reconciler.model.plan import Action, Blast, Change, DeleteTorrent, TorrentAction, TorrentFault
from reconciler.model.position import Position, Problem
from reconciler.model.run import ActionResult
from reconciler.report.blast import BlastTotals, sum_deletions, sum_quarantines
from reconciler.report.shared_values import list_shared_values

FORMAT_VERSION: Final = 1  # of every JSON document that we write
ITEM_SEPARATOR: Final = ",\n"  # of a list
_WRITE_SIZE: Final = 1 << 16  # characters
_ACTIONS_PER_TEXT: Final = 100
_encode: Final = json.JSONEncoder(ensure_ascii=True, check_circular=False).encode


def encode_json(value: object) -> str:
    """Encode a value on one line."""
    return escape_runner_commands(_encode(value))


def escape_runner_commands(document: str) -> str:
    """Return a JSON document that means the same and begins no command of GitHub's runner."""
    return document.replace("##[", "##\\u005b")


JsonItem = str | Iterable[str]
"""An item of a list, encoded: whole, or in pieces if it is long. Or whole items, with the separator between them."""


def write_object(stream: TextIO, head: Mapping[str, object], lists: Mapping[str, Iterable[JsonItem]]) -> None:
    """Write a JSON object piece by piece: the keys of `head`, then lists of encoded items, one item per line."""
    begin = "{" + ",\n".join(f"{encode_json(key)}: {encode_json(value)}" for key, value in head.items())
    stream.writelines(_join_pieces(_iterate_object(begin, lists)))
    stream.write("\n")


def iterate_object(head: Mapping[str, object], lists: Mapping[str, Iterable[JsonItem]]) -> Iterator[str]:
    """Yield the pieces of a JSON object that is itself a list item, with the keys of `head` on one line."""
    return _iterate_object(encode_json(head)[:-1], lists)


def _iterate_object(begin: str, lists: Mapping[str, Iterable[JsonItem]]) -> Iterator[str]:
    """Yield the pieces of a JSON object. `begin`: all of it before the lists."""
    yield begin
    for key, items in lists.items():
        yield f",\n{encode_json(key)}: ["
        before = "\n"
        for item in items:
            if isinstance(item, str):
                yield before + item
            else:
                yield before
                yield from item
            before = ITEM_SEPARATOR
        yield "]"
    yield "}"


def _join_pieces(pieces: Iterable[str]) -> Iterator[str]:
    """Join pieces to such a size that a stream without a buffer writes them well."""
    parts: list[str] = []
    size = 0
    for piece in pieces:
        parts.append(piece)
        size += len(piece)
        if size >= _WRITE_SIZE:
            yield "".join(parts)
            parts, size = [], 0
    yield "".join(parts)


def write_failure(
    exit_code: int, error: str, problems: Sequence[Problem], stream: TextIO, more: Sequence[str] = ()
) -> None:
    """Write the document of a command that failed without a report, such as for an invalid desired state."""
    head: dict[str, object] = {"format_version": FORMAT_VERSION, "exit_code": exit_code, "error": error}
    if more:
        head["more"] = list(more)
    write_object(stream, head, {"problems": encode_problems(problems)})


def encode_actions(results: Sequence[ActionResult]) -> Iterator[str]:
    """Yield actions with their outcomes as encoded JSON objects, many of them in one text."""
    encoded = _encode_each_action(results)
    while actions := ITEM_SEPARATOR.join(islice(encoded, _ACTIONS_PER_TEXT)):
        yield actions


def _encode_each_action(results: Sequence[ActionResult]) -> Iterator[str]:
    """Yield each action as an encoded JSON object.

    Thousands of actions make the same changes for the same reason. Everything but the keys in which they differ is
    encoded once, the changes by their identity, since the results keep them.
    """
    begin_texts: dict[type[Action], str] = {}
    change_texts: dict[int, str] = {}
    end_texts: dict[tuple[object, ...], str] = {}
    for result in results:
        action = result.action
        begin = begin_texts.get(type(action)) or begin_texts.setdefault(type(action), _encode_begin(action))
        key = id(action.changes)
        changes = change_texts.get(key) or change_texts.setdefault(key, encode_json(_changes_json(action)))
        if action.blast:
            end = _encode_end(result)
        else:
            values = list_shared_values(result)
            end = end_texts.get(values) or end_texts.setdefault(values, _encode_end(result))
        infohash, name = _encode_text(action.infohash), _encode_text(action.name)
        source = _encode_text(position_text(action.position))
        yield f'{begin}, "infohash": {infohash}, "name": {name}, "source": {source}, "changes": {changes}, {end}'


def _encode_text(text: str | None) -> str:
    return "null" if text is None else escape_runner_commands(encode_basestring_ascii(text))


def _encode_begin(action: Action) -> str:
    """Return the keys that all actions of a type have in common, without the end of the object."""
    return encode_json({"verb": action.verb, "kind": action.kind})[:-1]


def _encode_end(result: ActionResult) -> str:
    """Return everything that follows the changes of an action."""
    action = result.action
    values = {
        **_action_risk_json(action),
        "removed": result.is_removed,
        "blast": _blast_json(action.blast),
        **action_reason_json(action),
        "outcome": result.outcome,
        "error": result.error,
    }
    return encode_json(values)[1:]


def action_subject_json(action: Action) -> dict[str, object]:
    """Return what an action does to which torrent, category or preference, and where that is declared."""
    return {
        "verb": action.verb,
        "kind": action.kind,
        "infohash": action.infohash,
        "name": action.name,
        "source": position_text(action.position),
    }


def action_effect_json(action: Action) -> dict[str, object]:
    """Return what an action changes."""
    return {"changes": _changes_json(action), **_action_risk_json(action)}


def _changes_json(action: Action) -> list[dict[str, object]]:
    return [change_json(change) for change in action.changes]


def _action_risk_json(action: Action) -> dict[str, object]:
    return {
        "disruptive": action.disruptive,
        "delete_files": isinstance(action, DeleteTorrent) and action.delete_files,
    }


def action_reason_json(action: Action) -> dict[str, object]:
    """Return why an action is planned, and why on this instance."""
    placement = action.placement if isinstance(action, TorrentAction) else None
    return {
        "reason": action.reason,
        "group": placement and placement.group,
        "placement_reason": placement and placement.reason,
    }


def change_json(change: Change) -> dict[str, object]:
    """Return the change of one field as a JSON object."""
    return {"field": change.field, "from": change.before, "to": change.after}


def fault_json(fault: TorrentFault) -> dict[str, object]:
    """Return a fault of a torrent as a JSON object."""
    return {
        "infohash": fault.infohash,
        "name": fault.name,
        "source": position_text(fault.position),
        "kind": fault.kind,
        "reason": fault.reason,
        "serious": fault.is_serious,
        "label": fault.label,
    }


def encode_problems(problems: Iterable[Problem]) -> Iterator[str]:
    """Return problems of the desired state as encoded JSON objects."""
    return (encode_json(problem_json(problem)) for problem in problems)


def problem_json(problem: Problem) -> dict[str, object]:
    """Return a problem of the desired state as a JSON object."""
    position = problem.position
    return {
        "file": position.file,
        "line": position.line,
        "column": position.column,
        "code": problem.code,
        "message": problem.message,
        "hint": problem.hint,
    }


def guard_json(refused: bool, reasons: Iterable[str]) -> dict[str, object]:
    """Return a verdict of the guard as a JSON object."""
    return {"refused": refused, "reasons": list(reasons)}


def health_json(health: Health | None) -> dict[str, object] | None:
    """Return the health of an instance as a JSON object, or None if it is unknown."""
    if health is None:
        return None
    probes = [
        {
            "probe": probe.probe,
            "state": probe.state,
            "since": iso_utc(probe.since),
            "text": probe.text,
            "hint": probe.hint,
            "last_error": probe.last_error,
        }
        for probe in health.probes
    ]
    return {"state": health.state, "since": iso_utc(health.since), "error": health.error, "probes": probes}


def blast_totals_json(results: Sequence[ActionResult]) -> dict[str, object]:
    """Return the effects of all deletions and of all quarantines as two JSON objects, by their keys."""
    return {
        "deletions": _blast_sum_json(sum_deletions(results)),
        "quarantines": _blast_sum_json(sum_quarantines(results)),
    }


def _blast_sum_json(totals: BlastTotals) -> dict[str, object]:
    return {
        "torrents": totals.torrents,
        "bytes": totals.bytes,
        "with_data": totals.with_data,
        "seeding": totals.seeding,
        "without_other_seed": totals.without_other_seed,
        "sharing_files": totals.sharing_files,
    }


def _blast_json(blast: Blast | None) -> dict[str, object] | None:
    if blast is None:
        return None
    return {
        "torrents": blast.torrents,
        "foreign": len(blast.foreign_ids),
        "bytes": blast.bytes,
        "seeding": blast.seeding,
        "other_seeds": blast.other_seeds,
        "shares_files_with": list(blast.shares_with),
        "to_trash": blast.to_trash,
    }


def position_text(position: Position | None) -> str | None:
    """Return a position as `file:line:column`, or None."""
    return str(position) if position else None


def iso_utc(time: datetime) -> str:
    """Return a time as text, in UTC and to the millisecond: `2026-01-02T12:00:00.000Z`."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
