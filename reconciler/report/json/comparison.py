"""`reconcile diff` as JSON, format version 1: keys may be added, never changed or removed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TextIO

from reconciler.model.comparison import ComparedAction, ComparedInstance, Comparison, IneffectiveChange
from reconciler.model.plan import ObjectKind, Outcome
from reconciler.report.comparison import build_run
from reconciler.report.json.common import (
    FORMAT_VERSION,
    JsonItem,
    action_effect_json,
    action_reason_json,
    action_subject_json,
    encode_json,
    encode_problems,
    guard_json,
    iterate_object,
    position_text,
    write_object,
)
from reconciler.report.summary import add_summaries, summarize_instance


def write_comparison(comparison: Comparison, exit_code: int, stream: TextIO) -> None:
    """Write everything that differs."""
    run = build_run(comparison)
    refused = [instance for instance in comparison.instances if instance.verdict.refused]
    reasons = [f"{instance.name}: {reason}" for instance in refused for reason in instance.verdict.reasons]
    summaries = [summarize_instance(result) for result in run.instances]
    head = {
        "format_version": FORMAT_VERSION,
        "mode": "diff",
        "old": comparison.old,
        "new": comparison.new,
        "exit_code": exit_code,
        "differs": not comparison.is_empty,
        "summary": add_summaries(run, summaries),
        "guard": guard_json(bool(refused), reasons),
    }
    settings = ({"path": change.path, "from": change.before, "to": change.after} for change in comparison.settings)
    pending = (
        {
            "infohash": torrent.infohash or None,
            "name": torrent.name,
            "source": position_text(torrent.position),
            "group": torrent.group,
            "reason": torrent.reason,
        }
        for torrent in comparison.pending
    )
    lists: dict[str, Iterable[JsonItem]] = {
        "settings": map(encode_json, settings),
        "instances": map(_iterate_instance, comparison.instances, summaries),
        "pending": map(encode_json, pending),
        "warnings": encode_problems(comparison.warnings),
    }
    write_object(stream, head, lists)


def _iterate_instance(instance: ComparedInstance, summary: dict[str, int]) -> Iterator[str]:
    head = {
        "name": instance.name,
        "declared": instance.presence,
        "owned": instance.owned,
        "summary": summary,
        "guard": guard_json(instance.verdict.refused, instance.verdict.reasons),
    }
    spared = ({"infohash": item.infohash, "name": item.name, "reason": item.reason} for item in instance.spared)
    lists = {
        "actions": map(_encode_action, instance.actions),
        "spared": map(encode_json, spared),
        "without_effect": map(_encode_ineffective, instance.ineffective),
    }
    return iterate_object(head, lists)


def _encode_action(compared: ComparedAction) -> str:
    action = compared.action
    return encode_json(
        {
            **action_subject_json(action),
            "old_source": position_text(compared.old_position),
            "new_file": compared.new_file,
            **action_effect_json(action),
            "torrents": None if action.kind is ObjectKind.TORRENT else compared.torrents,
            **action_reason_json(action),
            "outcome": action.hold or Outcome.PLANNED,
        }
    )


def _encode_ineffective(change: IneffectiveChange) -> str:
    return encode_json(
        {
            "name": change.subject,
            "infohash": change.infohash,
            "source": position_text(change.position),
            "field": change.field or None,
            "from": change.before,
            "to": change.after,
            "reason": change.reason,
        }
    )
