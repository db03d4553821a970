"""The JSON report, format version 1: keys may be added, never changed or removed.

Every action stands on a line of its own, so that a report can be searched and compared line by line; and a large one
is written piece by piece. Only ASCII is written: no name in it can drive a terminal.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, TextIO

from reconciler.model.explanation import Explanation, Whereabouts
from reconciler.model.placement import Pending
from reconciler.model.plan import Outcome, Spared
from reconciler.model.position import Position, Problem
from reconciler.model.run import ActionResult, ContentResult, InstanceResult, Run
from reconciler.report.blast import as_keys, blast_keys, deletions, quarantines
from reconciler.report.health_json import health_json, moment_json
from reconciler.report.history import past_run
from reconciler.report.summary import summarize, summarize_instance
from reconciler.report.text import refusal_reasons

FORMAT_VERSION: Final = 1
_encode = json.JSONEncoder(ensure_ascii=True, check_circular=False).encode


def write_run(run: Run, stream: TextIO) -> None:
    """The report of a run."""
    refused = [instance for instance in run.instances if instance.verdict.refused]
    head = {
        "format_version": FORMAT_VERSION,
        "mode": run.mode,
        "plan_hash": run.plan_hash,
        "exit_code": run.exit_code,
        "summary": summarize(run),
        "guard": _guard(bool(refused), list(refusal_reasons(refused))),
        **_radii([result for instance in run.instances for result in instance.results]),
    }
    lists = {
        "instances": map(_instance, run.instances),
        "pending": map(_pending, run.pending),
        "warnings": _problems(run.warnings),
    }
    _write(stream, _object(head, lists))


def write_failure(
    exit_code: int, error: str, problems: Sequence[Problem], stream: TextIO, more: Sequence[str] = ()
) -> None:
    """What stands in place of a report when there is none: an invalid desired state, bad usage, an error of ours."""
    head: dict[str, object] = {"format_version": FORMAT_VERSION, "exit_code": exit_code, "error": error}
    if more:
        head["more"] = list(more)
    _write(stream, _object(head, {"problems": _problems(problems)}))


def write_valid(torrents: int, instances: int, unfetched: int, warnings: Sequence[Problem], stream: TextIO) -> None:
    """The report of a validation that found nothing wrong; `unfetched` torrents more are given by URL."""
    counts = {"torrents": torrents, "unfetched": unfetched, "instances": instances}
    head = {"format_version": FORMAT_VERSION, "exit_code": 0, **counts}
    _write(stream, _object(head, {"problems": (), "warnings": _problems(warnings)}))


def write_explanation(found: Explanation, stream: TextIO) -> None:
    """All that is known of one torrent."""
    head = {
        "format_version": FORMAT_VERSION,
        "exit_code": found.exit_code,
        "infohash": found.infohash or None,
        "name": found.name,
        "owner": found.owner,
        "pending": found.pending,
    }
    parts = map(_whereabouts, found.instances)
    _write(stream, _object(head, {"instances": parts, "lately": (_encode(past_run(run)) for run in found.lately)}))


def _whereabouts(part: Whereabouts) -> str:
    head = {
        "name": part.instance,
        "status": part.status,
        "error": part.error,
        "source": _place(part.entry.at if part.entry else None),
        "absent": bool(part.entry and part.entry.absent),
        "owned": part.owned,
        "owners": list(part.owners),
        "health": health_json(part.health),
        "fields": [
            {"field": view.field, "declared": view.declared, "live": view.live, "differs": view.differs}
            for view in part.fields
        ],
        "group": part.group,
        "placement": part.placement,
        "spared": part.spared,
        "guard": _guard(part.verdict.refused, list(part.verdict.reasons)),
    }
    lives = (
        _encode({"id": t.id, "name": t.name, "state": t.state, "progress": t.progress, "size": t.size})
        for t in part.lives
    )
    actions = (_action(ActionResult(action, action.hold or Outcome.PLANNED)) for action in part.actions)
    return "".join(_object(head, {"live": lives, "actions": actions}, " "))


def _instance(instance: InstanceResult) -> str:
    head = {
        "name": instance.name,
        "status": instance.status,
        "error": instance.error,
        "version": instance.version,
        "web_api": instance.web_api,
        "requests": instance.requests,
        "owned": instance.owned,
        "foreign": instance.foreign,
        "summary": summarize_instance(instance),
        "guard": _guard(instance.verdict.refused, list(instance.verdict.reasons)),
        "health": health_json(instance.health),
        **_radii(instance.results),
    }
    lists = {"actions": map(_action, instance.results), "spared": map(_spared, instance.spared)}
    if instance.content:
        lists["content"] = map(_content, instance.content)
    return "".join(_object(head, lists, " "))


def _action(result: ActionResult) -> str:
    action = result.action
    return _encode(
        {
            "verb": action.verb,
            "kind": action.kind,
            "infohash": action.infohash,
            "name": action.name,
            "source": _place(action.source),
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


def _radii(results: Sequence[ActionResult]) -> dict[str, object]:
    return {"deletions": as_keys(deletions(results)), "quarantines": as_keys(quarantines(results))}


def _spared(item: Spared) -> str:
    return _encode({"infohash": item.infohash, "name": item.name, "reason": item.reason})


def _pending(one: Pending) -> str:
    return _encode(
        {
            "infohash": one.infohash,
            "name": one.name,
            "source": _place(one.source),
            "group": one.group,
            "reason": one.reason,
            "since": one.since and moment_json(one.since),
            "until": one.until and moment_json(one.until),
        }
    )


def _content(one: ContentResult) -> str:
    known = {"infohash": one.infohash, "magnet": one.magnet}
    return _encode({"name": one.name, "path": one.path, "source": _place(one.source), **known})


def _problems(problems: Iterable[Problem]) -> Iterator[str]:
    yield from (_encode(problem_keys(problem)) for problem in problems)


def problem_keys(problem: Problem) -> dict[str, object]:
    """What is wrong in the desired state, and where."""
    at = problem.at
    where = {"file": at.file, "line": at.line, "column": at.column}
    return {**where, "message": problem.message, "mend": problem.mend}


def _guard(refused: bool, reasons: list[str]) -> dict[str, object]:
    return {"refused": refused, "reasons": reasons}


def _place(position: Position | None) -> str | None:
    return str(position) if position else None


def _object(head: Mapping[str, object], lists: Mapping[str, Iterable[str]], separator: str = "\n") -> Iterator[str]:
    """A JSON object: `head` key by key, then lists of ready-made items, an item a line."""
    yield "{" + f",{separator}".join(f"{_encode(key)}: {_encode(one)}" for key, one in head.items())
    for key, items in lists.items():
        yield f",\n{_encode(key)}: ["
        before = "\n"
        for item in items:
            yield before + item
            before = ",\n"
        yield "]"
    yield "}"


def write_object(stream: TextIO, head: Mapping[str, object], lists: Mapping[str, Iterable[str]]) -> None:
    """A JSON object of keys and of lists, whose items are given as JSON and stand on a line each."""
    _write(stream, _object(head, lists))


def _write(stream: TextIO, pieces: Iterable[str]) -> None:
    stream.writelines(pieces)
    stream.write("\n")
