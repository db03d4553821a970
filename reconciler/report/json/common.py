"""The parts that several JSON documents share."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, TextIO

from reconciler.model.health import Health
from reconciler.model.position import Position, Problem
from reconciler.model.run import ActionResult
from reconciler.report.blast import blast_json, blast_totals_json, sum_deletions, sum_quarantines

FORMAT_VERSION: Final = 1  # of every JSON document that we write
_encode_json = json.JSONEncoder(ensure_ascii=True, check_circular=False).encode


def write_failure(
    exit_code: int, error: str, problems: Sequence[Problem], stream: TextIO, more: Sequence[str] = ()
) -> None:
    """What stands in place of a report when there is none: an invalid desired state, bad usage, an error of ours."""
    head: dict[str, object] = {"format_version": FORMAT_VERSION, "exit_code": exit_code, "error": error}
    if more:
        head["more"] = list(more)
    _write_pieces(stream, _encode_object(head, {"problems": _encode_problems(problems)}))


def _encode_action(result: ActionResult) -> str:
    action = result.action
    return _encode_json(
        {
            "verb": action.verb,
            "kind": action.kind,
            "infohash": action.infohash,
            "name": action.name,
            "source": _position_text(action.position),
            "changes": [{"field": c.field, "from": c.before, "to": c.after} for c in action.changes],
            "disruptive": action.disruptive,
            "delete_files": action.delete_files,
            "blast": blast_json(action.blast),
            "reason": action.reason,
            "group": action.placement and action.placement.group,
            "placement_reason": action.placement and action.placement.reason,
            "outcome": result.outcome,
            "error": result.error,
        }
    )


def _blast_totals_json(results: Sequence[ActionResult]) -> dict[str, object]:
    return {
        "deletions": blast_totals_json(sum_deletions(results)),
        "quarantines": blast_totals_json(sum_quarantines(results)),
    }


def _encode_problems(problems: Iterable[Problem]) -> Iterator[str]:
    yield from (_encode_json(problem_json(problem)) for problem in problems)


def problem_json(problem: Problem) -> dict[str, object]:
    """Return a problem of the desired state as a JSON object."""
    position = problem.position
    return {
        "file": position.file,
        "line": position.line,
        "column": position.column,
        "message": problem.message,
        "hint": problem.hint,
    }


def _guard_json(refused: bool, reasons: list[str]) -> dict[str, object]:
    return {"refused": refused, "reasons": reasons}


def _position_text(position: Position | None) -> str | None:
    return str(position) if position else None


def _encode_object(
    head: Mapping[str, object], lists: Mapping[str, Iterable[str]], separator: str = "\n"
) -> Iterator[str]:
    """A JSON object: `head` key by key, then lists of ready-made items, an item a line."""
    yield "{" + f",{separator}".join(f"{_encode_json(key)}: {_encode_json(one)}" for key, one in head.items())
    for key, items in lists.items():
        yield f",\n{_encode_json(key)}: ["
        before = "\n"
        for item in items:
            yield before + item
            before = ",\n"
        yield "]"
    yield "}"


def write_object(stream: TextIO, head: Mapping[str, object], lists: Mapping[str, Iterable[str]]) -> None:
    """A JSON object of keys and of lists, whose items are given as JSON and stand on a line each."""
    _write_pieces(stream, _encode_object(head, lists))


def _write_pieces(stream: TextIO, pieces: Iterable[str]) -> None:
    stream.writelines(pieces)
    stream.write("\n")


def health_json(health: Health | None) -> dict[str, object] | None:
    """The health of an instance; None where nothing is known of it."""
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


def iso_utc(time: datetime) -> str:
    """Return a time as text, in UTC and to the millisecond: `2026-01-02T12:00:00.000Z`."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
