"""TODO."""

from __future__ import annotations

from typing import TextIO

from reconciler.model.explanation import Explanation, InstanceExplanation
from reconciler.model.plan import Outcome
from reconciler.model.run import ActionResult
from reconciler.report.history import past_run_json
from reconciler.report.json.common import (
    FORMAT_VERSION,
    _encode_action,
    _encode_json,
    _encode_object,
    _guard_json,
    _position_text,
    _write_pieces,
    health_json,
)


def write_explanation(explanation: Explanation, stream: TextIO) -> None:
    """All that is known of one torrent."""
    head = {
        "format_version": FORMAT_VERSION,
        "exit_code": explanation.exit_code,
        "infohash": explanation.infohash or None,
        "name": explanation.name,
        "owner": explanation.owner,
        "pending": explanation.pending_reason,
    }
    parts = map(_encode_instance_explanation, explanation.instances)
    _write_pieces(
        stream,
        _encode_object(
            head,
            {"instances": parts, "recent_runs": (_encode_json(past_run_json(run)) for run in explanation.recent_runs)},
        ),
    )


def _encode_instance_explanation(instance: InstanceExplanation) -> str:
    head = {
        "name": instance.instance,
        "status": instance.status,
        "error": instance.error,
        "source": _position_text(instance.entry.position if instance.entry else None),
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
        "guard": _guard_json(instance.verdict.refused, list(instance.verdict.reasons)),
    }
    lives = (
        _encode_json({"id": t.id, "name": t.name, "state": t.state, "progress": t.progress, "size": t.size})
        for t in instance.live_torrents
    )
    actions = (_encode_action(ActionResult(action, action.hold or Outcome.PLANNED)) for action in instance.actions)
    return "".join(_encode_object(head, {"live": lives, "actions": actions}, " "))
