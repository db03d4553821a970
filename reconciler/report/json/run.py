"""The JSON report, format version 1: keys may be added, never changed or removed.

Every action stands on a line of its own, so that a report can be searched and compared line by line; and a large one
is written piece by piece. Only ASCII is written: no name in it can drive a terminal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from reconciler.model.groups import PendingTorrent
from reconciler.model.plan import SparedTorrent
from reconciler.model.position import Problem
from reconciler.model.run import ContentResult, InstanceResult, Run
from reconciler.report.json.common import (
    FORMAT_VERSION,
    _blast_totals_json,
    _encode_action,
    _encode_json,
    _encode_object,
    _encode_problems,
    _guard_json,
    _position_text,
    _write_pieces,
    health_json,
    iso_utc,
)
from reconciler.report.summary import summarize_instance, summarize_run
from reconciler.report.text.run import refusal_reasons


def write_run(run: Run, stream: TextIO) -> None:
    """The report of a run."""
    refused = [instance for instance in run.instances if instance.verdict.refused]
    head = {
        "format_version": FORMAT_VERSION,
        "mode": run.mode,
        "plan_hash": run.plan_hash,
        "exit_code": run.exit_code,
        "summary": summarize_run(run),
        "guard": _guard_json(bool(refused), list(refusal_reasons(refused))),
        **_blast_totals_json([result for instance in run.instances for result in instance.results]),
    }
    lists = {
        "instances": map(_encode_instance, run.instances),
        "pending": map(_encode_pending, run.pending),
        "warnings": _encode_problems(run.warnings),
    }
    _write_pieces(stream, _encode_object(head, lists))


def write_validation(
    torrents: int, instances: int, unfetched: int, warnings: Sequence[Problem], stream: TextIO
) -> None:
    """The report of a validation that found nothing wrong; `unfetched` torrents more are given by URL."""
    counts = {"torrents": torrents, "unfetched": unfetched, "instances": instances}
    head = {"format_version": FORMAT_VERSION, "exit_code": 0, **counts}
    _write_pieces(stream, _encode_object(head, {"problems": (), "warnings": _encode_problems(warnings)}))


def _encode_instance(instance: InstanceResult) -> str:
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
        "guard": _guard_json(instance.verdict.refused, list(instance.verdict.reasons)),
        "health": health_json(instance.health),
        **_blast_totals_json(instance.results),
    }
    lists = {"actions": map(_encode_action, instance.results), "spared": map(_encode_spared, instance.spared)}
    if instance.content:
        lists["content"] = map(_encode_content_result, instance.content)
    return "".join(_encode_object(head, lists, " "))


def _encode_spared(item: SparedTorrent) -> str:
    return _encode_json({"infohash": item.infohash, "name": item.name, "reason": item.reason})


def _encode_pending(pending: PendingTorrent) -> str:
    return _encode_json(
        {
            "infohash": pending.infohash,
            "name": pending.name,
            "source": _position_text(pending.position),
            "group": pending.group,
            "reason": pending.reason,
            "since": pending.since and iso_utc(pending.since),
            "until": pending.until and iso_utc(pending.until),
        }
    )


def _encode_content_result(result: ContentResult) -> str:
    known = {"infohash": result.infohash, "magnet": result.magnet}
    return _encode_json({"name": result.name, "path": result.path, "source": _position_text(result.position), **known})
