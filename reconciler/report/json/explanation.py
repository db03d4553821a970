"""TODO."""

from __future__ import annotations

from typing import TextIO

from reconciler.model.explanation import Explanation, Whereabouts
from reconciler.model.plan import Outcome
from reconciler.model.run import ActionResult
from reconciler.report.history import past_run
from reconciler.report.json.common import (
    FORMAT_VERSION,
    action_json,
    encode,
    guard_json,
    health_json,
    object_pieces,
    position_json,
    write_pieces,
)


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
    write_pieces(
        stream, object_pieces(head, {"instances": parts, "lately": (encode(past_run(run)) for run in found.lately)})
    )


def _whereabouts(part: Whereabouts) -> str:
    head = {
        "name": part.instance,
        "status": part.status,
        "error": part.error,
        "source": position_json(part.entry.at if part.entry else None),
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
        "guard": guard_json(part.verdict.refused, list(part.verdict.reasons)),
    }
    lives = (
        encode({"id": t.id, "name": t.name, "state": t.state, "progress": t.progress, "size": t.size})
        for t in part.lives
    )
    actions = (action_json(ActionResult(action, action.hold or Outcome.PLANNED)) for action in part.actions)
    return "".join(object_pieces(head, {"live": lives, "actions": actions}, " "))
