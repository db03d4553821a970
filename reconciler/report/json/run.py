"""The JSON report of a run, format version 1: keys may be added, never changed or removed.

Every action is on a line of its own, for searching and comparing, and a large report is written piece by piece.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TextIO

from reconciler.model.expectation import ActionSummary, PlanExpectation
from reconciler.model.groups import PendingTorrent
from reconciler.model.lease import LeaseMark
from reconciler.model.plan import EndlessChange, SparedTorrent
from reconciler.model.position import Problem
from reconciler.model.run import ContentResult, InstanceResult, Run, SnapshotAge
from reconciler.report.drains import drain_json
from reconciler.report.json.common import (
    FORMAT_VERSION,
    JsonItem,
    blast_totals_json,
    change_json,
    encode_actions,
    encode_json,
    encode_problems,
    fault_json,
    guard_json,
    health_json,
    iso_utc,
    iterate_object,
    position_text,
    write_object,
)
from reconciler.report.phrases import endless_text, refusal_reasons
from reconciler.report.summary import add_summaries, summarize_instance


class InstanceEncoder:
    """Encodes the instances of one run after the other. One without actions that is as before is not encoded again."""

    def __init__(self) -> None:
        self._encoded: dict[str, tuple[InstanceResult, str]] = {}

    def encode(self, instance: InstanceResult, summary: Mapping[str, int]) -> JsonItem:
        """Return the JSON of an instance with its counts."""
        if instance.results:
            return _iterate_instance(instance, summary)  # it may be long, and will hardly be the same
        result, text = self._encoded.get(instance.name, (None, ""))
        if result != instance:
            text = "".join(_iterate_instance(instance, summary))
            self._encoded[instance.name] = instance, text
        return text


def write_run(run: Run, stream: TextIO, encoder: InstanceEncoder | None = None) -> None:
    """Write the report of a run. `encoder`: that of the runs before."""
    refused = [instance for instance in run.instances if instance.verdict.refused]
    summaries = list(map(summarize_instance, run.instances))
    head = {
        "format_version": FORMAT_VERSION,
        "mode": run.mode,
        "plan_hash": run.plan_hash,
        "exit_code": run.exit_code,
        "summary": {**add_summaries(run, summaries), **_count_same_servers(run)},
        "guard": guard_json(bool(refused), refusal_reasons(refused)),
        **blast_totals_json([result for instance in run.instances for result in instance.results]),
        **_expectation_json(run.expectation),
        **_acceptance_json(run),
        **_snapshot_json(run.snapshot_age),
    }
    lists: dict[str, Iterable[JsonItem]] = {
        "instances": map(encoder.encode if encoder else _iterate_instance, run.instances, summaries),
        "pending": map(_encode_pending, run.pending),
        "warnings": encode_problems(run.warnings),
    }
    if run.drains:
        lists["drains"] = (encode_json(drain_json(drain)) for drain in run.drains)
    if run.endless:
        lists["endless"] = map(_encode_endless, run.endless)
    write_object(stream, head, lists)


def write_validation(
    torrents: int, instances: int, unfetched: int, warnings: Sequence[Problem], stream: TextIO
) -> None:
    """Write the report on a valid desired state. `unfetched` counts torrents declared by URL, which are not read."""
    counts = {"torrents": torrents, "unfetched": unfetched, "instances": instances}
    head = {"format_version": FORMAT_VERSION, "exit_code": 0, **counts}
    write_object(stream, head, {"problems": (), "warnings": encode_problems(warnings)})


def _encode_endless(endless: EndlessChange) -> str:
    change = endless.change
    return encode_json(
        {
            "instance": endless.instance,
            "kind": endless.kind,
            "infohash": endless.infohash,
            "name": endless.name,
            "source": position_text(endless.position),
            "field": change.field,
            "from": change.before,
            "to": change.after,
            "reason": endless_text(endless),
        }
    )


def _iterate_instance(instance: InstanceResult, summary: Mapping[str, int]) -> Iterator[str]:
    head = {
        "name": instance.name,
        "status": instance.status,
        "error": instance.error,
        "version": instance.version,
        "web_api": instance.web_api,
        "requests": instance.requests,
        "owned": instance.owned,
        "foreign": instance.foreign,
        "summary": summary,
        "guard": guard_json(instance.verdict.refused, instance.verdict.reasons),
        "health": health_json(instance.health),
        **blast_totals_json(instance.results),
    }
    lists = {
        "actions": encode_actions(instance.results),
        "spared": map(_encode_spared, instance.spared),
        "faults": (encode_json(fault_json(fault)) for fault in instance.faults),
    }
    if instance.marks:
        lists["marks"] = map(_encode_mark, instance.marks)
    if instance.same_server:
        head["same_server"] = instance.same_server
    if instance.suspended_until:
        head["suspended_until"] = iso_utc(instance.suspended_until)
    if instance.rival:
        head["rival"] = {"holder": str(instance.rival.holder), "since": iso_utc(instance.rival.mark.since)}
    if instance.content:
        lists["content"] = map(_encode_content_result, instance.content)
    return iterate_object(head, lists)


def _count_same_servers(run: Run) -> dict[str, int]:
    """Return the number of instances that are the same server as another one, if there are any."""
    count = sum(instance.same_server is not None for instance in run.instances)
    return {"same_server": count} if count else {}


def _expectation_json(expectation: PlanExpectation | None) -> dict[str, object]:
    """Return the key that says if the plan is the expected one, if one was expected."""
    if expectation is None:
        return {}
    difference = expectation.difference
    return {
        "expected_plan": {
            "plan_hash": expectation.plan_hash,
            "met": expectation.is_met,
            "reason": expectation.reason,
            "difference": difference
            and {
                "only_expected": [_action_summary_json(action) for action in difference.only_expected],
                "only_actual": [_action_summary_json(action) for action in difference.only_actual],
                "changed": [
                    {"expected": _action_summary_json(expected), "actual": _action_summary_json(actual)}
                    for expected, actual in difference.changed
                ],
            },
        }
    }


def _acceptance_json(run: Run) -> dict[str, object]:
    """Return the key that says if the plan is the one that a person has accepted for this run, if there is one."""
    if run.accepted_plan is None:
        return {}
    return {"accepted_plan": {"plan_hash": run.accepted_plan, "met": run.accepted_plan == run.plan_hash}}


def _snapshot_json(age: SnapshotAge | None) -> dict[str, object]:
    """Return the key that says on which snapshot the plan rests, if it does."""
    return {"snapshot": {"taken_at": iso_utc(age.taken_at), "age": round(age.seconds)}} if age else {}


def _action_summary_json(action: ActionSummary) -> dict[str, object]:
    return {
        "instance": action.instance,
        "verb": action.verb,
        "kind": action.kind,
        "subject": action.subject,
        "name": action.name,
        "changes": [change_json(change) for change in action.changes],
        "delete_files": action.delete_files,
        "outcome": action.outcome,
    }


def _encode_mark(mark: LeaseMark) -> str:
    return encode_json({"owner": mark.owner, "instance": mark.instance, "since": iso_utc(mark.since)})


def _encode_spared(item: SparedTorrent) -> str:
    return encode_json({"infohash": item.infohash, "name": item.name, "reason": item.reason})


def _encode_pending(pending: PendingTorrent) -> str:
    return encode_json(
        {
            "infohash": pending.infohash,
            "name": pending.name,
            "source": position_text(pending.position),
            "group": pending.group,
            "reason": pending.reason,
            "since": pending.since and iso_utc(pending.since),
            "until": pending.until and iso_utc(pending.until),
        }
    )


def _encode_content_result(result: ContentResult) -> str:
    return encode_json(
        {
            "name": result.name,
            "path": result.path,
            "source": position_text(result.position),
            "infohash": result.infohash,
            "magnet": result.magnet,
        }
    )
