"""`reconcile explain` as JSON, format version 1: keys may be added, never changed or removed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TextIO

from reconciler.model.explanation import Explanation, InstanceExplanation
from reconciler.report.history import past_run_json
from reconciler.report.json.common import (
    FORMAT_VERSION,
    JsonItem,
    encode_actions,
    encode_json,
    fault_json,
    guard_json,
    health_json,
    iterate_object,
    position_text,
    write_object,
)


def write_explanation(explanation: Explanation, stream: TextIO) -> None:
    """Write everything about one torrent."""
    head = {
        "format_version": FORMAT_VERSION,
        "exit_code": explanation.exit_code,
        "infohash": explanation.infohash or None,
        "name": explanation.name,
        "owner": explanation.owner,
        "pending": explanation.pending_reason,
    }
    lists: dict[str, Iterable[JsonItem]] = {
        "instances": map(_iterate_instance, explanation.instances),
        "recent_runs": (encode_json(past_run_json(run)) for run in explanation.recent_runs),
    }
    write_object(stream, head, lists)


def _iterate_instance(instance: InstanceExplanation) -> Iterator[str]:
    head = {
        "name": instance.instance,
        "status": instance.status,
        "error": instance.error,
        "source": position_text(instance.entry.position if instance.entry else None),
        "absent": bool(instance.entry and instance.entry.absent),
        "owned": instance.owned,
        "owners": list(instance.other_owners),
        "health": health_json(instance.health),
        "fields": [
            {"field": view.field, "declared": view.declared, "live": view.live, "differs": view.differs}
            for view in instance.fields
        ],
        "group": instance.group,
        "placement": instance.placement_reason,
        "spared": instance.spared_reason,
        "fault": instance.fault and fault_json(instance.fault),
        "guard": guard_json(instance.verdict.refused, instance.verdict.reasons),
    }
    live_torrents = (
        encode_json(
            {
                "id": torrent.id,
                "name": torrent.name,
                "state": torrent.state,
                "progress": torrent.progress,
                "size": torrent.size,
            }
        )
        for torrent in instance.live_torrents
    )
    return iterate_object(head, {"live": live_torrents, "actions": encode_actions(instance.results)})
