"""Small worlds for planner tests, written as data: `{policy, live, desired, …}`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from reconciler.model.desired import (
    Desired,
    DesiredCategory,
    DesiredTags,
    DesiredTorrent,
    GuardLimits,
    Instance,
    Policy,
)
from reconciler.model.health import Health, State, WhenUnhealthy
from reconciler.model.infohash import InfoHashes
from reconciler.model.magnet import parse_magnet
from reconciler.model.plan import Action, InstancePlan, Kind, Value
from reconciler.model.position import Position
from reconciler.model.snapshot import LiveCategory, LiveTorrent, Snapshot

OURS = "reconcile:home"


def v1(letter: str) -> str:
    """A made-up v1 infohash for a torrent that is called by a letter."""
    return hashlib.sha1(letter.encode()).hexdigest()


def v2(letter: str) -> str:
    """A made-up v2 infohash."""
    return hashlib.sha256(letter.encode()).hexdigest()


def hashes(names: str) -> InfoHashes:
    """`a` is v1, `a2` is v2, `a+a2` is hybrid."""
    parts = {name[-1] == "2" and len(name) > 1: name for name in names.split("+")}
    old, new = parts.get(False), parts.get(True)
    return InfoHashes(v1(old) if old else None, v2(new[0]) if new else None)


def live_torrent(row: Mapping[str, Any]) -> LiveTorrent:
    """A live torrent from `{hash, tags, …}`; `id` defaults to qBittorrent's own choice."""
    found = hashes(row["hash"])
    return LiveTorrent(
        id=row.get("id") or (found.v2[:40] if found.v2 else str(found.v1)),
        infohashes=found,
        name=row.get("name", row["hash"]),
        stopped=row.get("stopped", False),
        state=row.get("state", "stalledDL"),
        category=row.get("category", ""),
        tags=frozenset(row.get("tags", [])),
        save_path=row.get("save_path", "/downloads"),
        auto_tmm=row.get("auto_tmm", False),
        size=row.get("size", 0),
        force_start=row.get("forced", False),
    )


def desired_torrent(row: Mapping[str, Any], line: int) -> DesiredTorrent:
    """An entry from `{hash, category, …}`."""
    found = hashes(row["hash"])
    xts = [f"xt=urn:btih:{found.v1}"] * bool(found.v1) + [f"xt=urn:btmh:1220{found.v2}"] * bool(found.v2)
    tags = row.get("tags")
    only = isinstance(tags, dict)
    return DesiredTorrent(
        at=Position("desired.yaml", line, 1),
        infohashes=found,
        magnet=parse_magnet("magnet:?" + "&".join(xts) + f"&dn={row['hash']}"),
        instance=row.get("instance", "box"),
        absent=row.get("state") == "absent",
        name=row.get("name"),
        category=row.get("category"),
        tags=None if tags is None else DesiredTags(frozenset(tags["only"] if only else tags), only),
        save_path=row.get("save_path"),
        paused=row.get("paused"),
        protect=row.get("protect"),
    )


def desired_state(case: Mapping[str, Any]) -> Desired:
    """The desired state of a case."""
    here = Position("desired.yaml", 1, 1)
    names = case.get("instances", ["box"])
    reaction = WhenUnhealthy(case.get("when_unhealthy", "leave"))
    return Desired(
        policy=Policy(case.get("policy", "sync")),
        instances={name: Instance(name, here, f"http://{name}", when_unhealthy=reaction) for name in names},
        torrents=tuple(desired_torrent(row, line) for line, row in enumerate(case.get("desired", []), 1)),
        categories={
            name: DesiredCategory(name, here, path) for name, path in case.get("declared_categories", {}).items()
        },
        owner="home",
        delete_files=case.get("delete_files", False),
        guard=GuardLimits(**case.get("guard", {})),
        suspend=case.get("suspend", False),
    )


def healths(case: Mapping[str, Any]) -> dict[str, Health]:
    """The health of `box`: `unhealthy` says what is wrong with it, if anything is."""
    since = datetime(2026, 1, 2, tzinfo=UTC)
    error = case.get("unhealthy")
    return {"box": Health(State.VPN_DOWN if error else State.OK, since, error)}


def snapshot(rows: Sequence[Mapping[str, Any]], categories: Mapping[str, str] | None = None) -> Snapshot:
    """A snapshot of the live rows."""
    known = {name: LiveCategory(name, path) for name, path in (categories or {}).items()}
    return Snapshot("v5.1.0", "2.11.4", tuple(live_torrent(row) for row in rows), known)


def lines(plan: InstancePlan) -> list[str]:
    """A plan as short lines: `verb name field=value … (hold) !disruptive`."""
    return [_line(action) for action in plan.actions]


def _line(action: Action) -> str:
    kind = "" if action.kind is Kind.TORRENT else f"{action.kind} "
    parts = [f"{action.verb} {kind}{action.name}"]
    parts += [f"{change.field}={_text(change.after)}" for change in action.changes]
    parts += ["+files"] * action.delete_files
    parts += ["!disruptive"] * action.disruptive
    parts += [f"({action.hold})"] if action.hold else []
    return " ".join(parts)


def _text(value: Value) -> str:
    return ",".join(value) if isinstance(value, tuple) else "null" if value is None else str(value)
