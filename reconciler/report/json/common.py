"""Health and moments as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, TextIO

from reconciler.model.health import Health
from reconciler.model.position import Position, Problem
from reconciler.model.run import ActionResult
from reconciler.report.blast import as_keys, blast_keys, deletions, quarantines

FORMAT_VERSION: Final = 1
encode = json.JSONEncoder(ensure_ascii=True, check_circular=False).encode


def write_failure(
    exit_code: int, error: str, problems: Sequence[Problem], stream: TextIO, more: Sequence[str] = ()
) -> None:
    """What stands in place of a report when there is none: an invalid desired state, bad usage, an error of ours."""
    head: dict[str, object] = {"format_version": FORMAT_VERSION, "exit_code": exit_code, "error": error}
    if more:
        head["more"] = list(more)
    write_pieces(stream, object_pieces(head, {"problems": problem_items(problems)}))


def action_json(result: ActionResult) -> str:
    action = result.action
    return encode(
        {
            "verb": action.verb,
            "kind": action.kind,
            "infohash": action.infohash,
            "name": action.name,
            "source": position_json(action.source),
            "changes": [{"field": c.field, "from": c.before, "to": c.after} for c in action.changes],
            "disruptive": action.disruptive,
            "delete_files": action.delete_files,
            "blast": blast_keys(action.blast),
            "reason": action.reason,
            "group": action.placed and action.placed.group,
            "placement_reason": action.placed and action.placed.reason,
            "outcome": result.outcome,
            "error": result.error,
        }
    )


def blast_json(results: Sequence[ActionResult]) -> dict[str, object]:
    return {"deletions": as_keys(deletions(results)), "quarantines": as_keys(quarantines(results))}


def problem_items(problems: Iterable[Problem]) -> Iterator[str]:
    yield from (encode(problem_keys(problem)) for problem in problems)


def problem_keys(problem: Problem) -> dict[str, object]:
    """What is wrong in the desired state, and where."""
    at = problem.at
    where = {"file": at.file, "line": at.line, "column": at.column}
    return {**where, "message": problem.message, "mend": problem.mend}


def guard_json(refused: bool, reasons: list[str]) -> dict[str, object]:
    return {"refused": refused, "reasons": reasons}


def position_json(position: Position | None) -> str | None:
    return str(position) if position else None


def object_pieces(
    head: Mapping[str, object], lists: Mapping[str, Iterable[str]], separator: str = "\n"
) -> Iterator[str]:
    """A JSON object: `head` key by key, then lists of ready-made items, an item a line."""
    yield "{" + f",{separator}".join(f"{encode(key)}: {encode(one)}" for key, one in head.items())
    for key, items in lists.items():
        yield f",\n{encode(key)}: ["
        before = "\n"
        for item in items:
            yield before + item
            before = ",\n"
        yield "]"
    yield "}"


def write_object(stream: TextIO, head: Mapping[str, object], lists: Mapping[str, Iterable[str]]) -> None:
    """A JSON object of keys and of lists, whose items are given as JSON and stand on a line each."""
    write_pieces(stream, object_pieces(head, lists))


def write_pieces(stream: TextIO, pieces: Iterable[str]) -> None:
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
            "since": moment_json(probe.since),
            "text": probe.text,
            "mend": probe.mend,
            "last_error": probe.last_error,
        }
        for probe in health.probes
    ]
    return {"state": health.state, "since": moment_json(health.since), "error": health.error, "probes": probes}


def moment_json(at: datetime) -> str:
    """A moment (UTC), to the millisecond."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
