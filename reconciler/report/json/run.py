"""The JSON report, format version 1: keys may be added, never changed or removed.

Every action stands on a line of its own, so that a report can be searched and compared line by line; and a large one
is written piece by piece. Only ASCII is written: no name in it can drive a terminal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from reconciler.model.groups import Pending
from reconciler.model.plan import Spared
from reconciler.model.position import Problem
from reconciler.model.run import ContentResult, InstanceResult, Run
from reconciler.report.json.common import (
    FORMAT_VERSION,
    action_json,
    blast_json,
    encode,
    guard_json,
    health_json,
    moment_json,
    object_pieces,
    position_json,
    problem_items,
    write_pieces,
)
from reconciler.report.summary import summarize, summarize_instance
from reconciler.report.text.run import refusal_reasons


def write_run(run: Run, stream: TextIO) -> None:
    """The report of a run."""
    refused = [instance for instance in run.instances if instance.verdict.refused]
    head = {
        "format_version": FORMAT_VERSION,
        "mode": run.mode,
        "plan_hash": run.plan_hash,
        "exit_code": run.exit_code,
        "summary": summarize(run),
        "guard": guard_json(bool(refused), list(refusal_reasons(refused))),
        **blast_json([result for instance in run.instances for result in instance.results]),
    }
    lists = {
        "instances": map(_instance, run.instances),
        "pending": map(_pending, run.pending),
        "warnings": problem_items(run.warnings),
    }
    write_pieces(stream, object_pieces(head, lists))


def write_valid(torrents: int, instances: int, unfetched: int, warnings: Sequence[Problem], stream: TextIO) -> None:
    """The report of a validation that found nothing wrong; `unfetched` torrents more are given by URL."""
    counts = {"torrents": torrents, "unfetched": unfetched, "instances": instances}
    head = {"format_version": FORMAT_VERSION, "exit_code": 0, **counts}
    write_pieces(stream, object_pieces(head, {"problems": (), "warnings": problem_items(warnings)}))


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
        "guard": guard_json(instance.verdict.refused, list(instance.verdict.reasons)),
        "health": health_json(instance.health),
        **blast_json(instance.results),
    }
    lists = {"actions": map(action_json, instance.results), "spared": map(_spared, instance.spared)}
    if instance.content:
        lists["content"] = map(_content, instance.content)
    return "".join(object_pieces(head, lists, " "))


def _spared(item: Spared) -> str:
    return encode({"infohash": item.infohash, "name": item.name, "reason": item.reason})


def _pending(one: Pending) -> str:
    return encode(
        {
            "infohash": one.infohash,
            "name": one.name,
            "source": position_json(one.source),
            "group": one.group,
            "reason": one.reason,
            "since": one.since and moment_json(one.since),
            "until": one.until and moment_json(one.until),
        }
    )


def _content(one: ContentResult) -> str:
    known = {"infohash": one.infohash, "magnet": one.magnet}
    return encode({"name": one.name, "path": one.path, "source": position_json(one.source), **known})
