"""Small worlds for planner tests, written as data: `{policy, live, desired, …}`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

from reconciler.desired.builders.options import build_options
from reconciler.model.content import Content, ContentReference, CreationSpec, CreatorTask, TaskState, TorrentExport
from reconciler.model.desired import (
    DesiredCategory,
    DesiredPreference,
    DesiredState,
    DesiredTags,
    DesiredTorrent,
    GuardLimits,
    Instance,
    Policy,
)
from reconciler.model.files import LiveFile, Priority
from reconciler.model.gateway import IntakeSettings
from reconciler.model.groups import Group, Member, MovePolicy, Strategy
from reconciler.model.health import Health, HealthState, UnhealthyPolicy
from reconciler.model.infohash import InfoHashes
from reconciler.model.links import append_links
from reconciler.model.magnet import Magnet, parse_magnet
from reconciler.model.metainfo import parse_metainfo
from reconciler.model.plan import Action, DeleteTorrent, FieldValue, InstancePlan, ObjectKind
from reconciler.model.position import Position
from reconciler.model.preferences import PreferenceValue, canonicalize_preference
from reconciler.model.secret import Secret
from reconciler.model.snapshot import LiveCategory, LiveOptions, LiveTorrent, SharedAmount, ShareLimits, Snapshot
from reconciler.model.torrent_file import TorrentFile, UnknownSource
from reconciler.plan.context import PlanContext
from reconciler.testing.releases import WEB_API_VERSIONS, default_libtorrent
from tests.support.torrents import make_torrent

OWNER_TAG = "reconcile:home"
CONTEXT = PlanContext("home", Policy.SYNC, delete_files=False, take_over=False)
_PLAIN_OPTIONS = (
    "force_start",
    "sequential",
    "first_last_piece_first",
    "super_seeding",
    "download_limit",
    "upload_limit",
)


def make_v1_hash(letter: str) -> str:
    """A made-up v1 infohash for a torrent that is called by a letter."""
    return hashlib.sha1(letter.encode()).hexdigest()


def make_v2_hash(letter: str) -> str:
    """A made-up v2 infohash."""
    return hashlib.sha256(letter.encode()).hexdigest()


@cache
def make_torrent_file(name: str) -> TorrentFile:
    """The made-up .torrent file that is called by a number and a kind, as in `7:hybrid`."""
    number, kind = name.split(":")
    data = make_torrent(int(number), kind)  # type: ignore[arg-type]
    metainfo = parse_metainfo(data)
    return TorrentFile(f"{name}.torrent", metainfo.infohashes, name, len(data), lambda: data)


def parse_hashes(names: str) -> InfoHashes:
    """`a` is v1, `a2` is v2, `a+a2` is hybrid; `7:v1`, `7:v2` and `7:hybrid` are what made-up files have."""
    if ":" in names:
        return make_torrent_file(names).infohashes
    parts = {name[-1] == "2" and len(name) > 1: name for name in names.split("+")}
    old, new = parts.get(False), parts.get(True)
    return InfoHashes(make_v1_hash(old) if old else None, make_v2_hash(new[0]) if new else None)


WHOLE_ROW = {"state": "stalledUP", "progress": 1.0, "size": 100}
HALF_ROW = {"state": "downloading", "progress": 0.5, "size": 100}


def make_live_torrent(row: Mapping[str, Any], api: tuple[int, ...] = (2, 11, 4)) -> LiveTorrent:
    """A live torrent from `{hash, tags, …}`; `id` defaults to qBittorrent's own choice.

    `is: whole` and `is: half` say how much of it is there.
    """
    row = {**{"whole": WHOLE_ROW, "half": HALF_ROW}.get(str(row.get("is")), {}), **row}
    infohashes = parse_hashes(row["hash"])
    return LiveTorrent(
        id=row.get("id") or (infohashes.v2[:40] if infohashes.v2 else str(infohashes.v1)),
        infohashes=infohashes,
        name=row.get("name", row["hash"]),
        stopped=row.get("stopped", False),
        state=row.get("state", "stalledDL"),
        category=row.get("category", ""),
        tags=frozenset(row.get("tags", [])),
        save_path=row.get("save_path", "/downloads"),
        auto_tmm=row.get("auto_tmm", False),
        progress=row.get("progress", 0.0),
        size=row.get("size", 0),
        content_path=row.get("content_path", _make_content_path(row, api)),
        has_metadata=row.get("has_metadata", "files" in row),
        options=make_live_options(row, api),
        comment=row.get("comment", "" if api >= (2, 11) else None),
        links=append_links("", row.get("trackers", ()), row.get("web_seeds", ())),
        files=make_live_files(row["files"]) if "files" in row else None,
        stopped_before_check=row.get("stopped_before_check"),
        shared=SharedAmount(*row["shared"]) if "shared" in row else None,
        is_metadata_overdue=row.get("is_metadata_overdue", False),
        added_on=row.get("added_on", 0),
    )


def _make_content_path(row: Mapping[str, Any], api: tuple[int, ...]) -> str:
    """Return the path of the content of a torrent with data, where the server reports it."""
    has_data = row.get("size") and api >= (2, 6, 1)
    return f"{row.get('save_path', '/downloads')}/{row.get('name', row['hash'])}" if has_data else ""


def make_live_options(row: Mapping[str, Any], api: tuple[int, ...]) -> LiveOptions:
    """The options that a row gives, as a server of that version shows them."""
    share = ShareLimits(
        inactive_seeding_time=-2 if api >= (2, 9, 2) else None,
        action="default" if api >= (2, 12) else None,
        mode="Default" if api >= (2, 15, 3) else None,
    )
    given = {name: row[name] for name in _PLAIN_OPTIONS if name in row}
    path = row.get("download_path", "") if api >= (2, 8, 4) else None
    return LiveOptions(**given, share=replace(share, **row.get("share_limits", {})), download_path=path)


def make_live_files(files: Sequence[str]) -> tuple[LiveFile, ...]:
    """Files from texts like `normal a/b.nfo`."""
    parted = (text.partition(" ") for text in files)
    return tuple(LiveFile(index, path, Priority(priority)) for index, (priority, _, path) in enumerate(parted))


def make_content(row: Mapping[str, Any]) -> Content:
    """Build the content of an entry from a path or a full row; `exported` is the file that already holds it."""
    given = {"path": row["content"]} if isinstance(row["content"], str) else dict(row["content"])
    held = parse_hashes(row["exported"]) if "exported" in row else None
    return Content(
        **given, export=TorrentExport(row["export"], f"/here/{row['export']}", held) if "export" in row else None
    )


def make_content_entry(row: Mapping[str, Any], line: int, rows: Sequence[Mapping[str, Any]]) -> DesiredTorrent:
    """An entry from `{content, …}` or `{content_of: NAME, …}`; the latter finds its content among the `rows`."""
    made: Content | ContentReference
    if "content" in row:
        made = make_content(row)
        row = {**row, "save_path": made.parent_folder, "ignore_changes": [*row.get("ignore_changes", ()), "save_path"]}
    else:
        lender = next(other for other in rows if other.get("name") == row["content_of"] and "content" in other)
        made = ContentReference(row["content_of"], lender.get("instance", "box"), make_content(lender))
    return replace(make_desired_torrent({**row, "hash": "x"}, line), infohashes=None, source=None, content=made)


def make_creator_task(row: Mapping[str, Any]) -> CreatorTask:
    """A task from `{content, state, made, …}`; `make_created_torrent` is the name of a made-up .torrent file."""
    state = TaskState(row.get("state", "finished"))
    of = CreationSpec(row["content"], piece_size=16_384 if state is TaskState.FINISHED else 0, **row.get("of", {}))
    file = make_torrent_file(row["made"]) if "made" in row else None
    return CreatorTask(row.get("id", "task-1"), of, state, row.get("progress", 0.0), row.get("error", ""), file)


def make_desired_torrent(row: Mapping[str, Any], line: int) -> DesiredTorrent:
    """An entry from `{hash, category, …}`; `source` is `magnet` (with its `link_trackers`), `torrent` or `infohash`."""
    infohashes = parse_hashes(row["hash"])
    source: Magnet | TorrentFile | None = None
    xts = [f"xt=urn:btih:{infohashes.v1}"] * bool(infohashes.v1) + [f"xt=urn:btmh:1220{infohashes.v2}"] * bool(
        infohashes.v2
    )
    if row.get("source", "magnet") == "magnet":
        links = append_links("", row.get("link_trackers", ()), ())
        source = parse_magnet("magnet:?" + "&".join(xts) + f"&dn={row['hash']}{links}")
    elif row["source"] == "torrent":
        source = make_torrent_file(row["hash"])
    tags = row.get("tags")
    only = isinstance(tags, dict)
    return DesiredTorrent(
        position=Position("intake.yaml" if row.get("handed_in") else "desired.yaml", line, 1),
        infohashes=infohashes,
        source=source,
        instance=row.get("instance", "box"),
        absent=row.get("state") == "absent",
        name=row.get("name"),
        category=row.get("category"),
        tags=None if tags is None else DesiredTags(frozenset(tags["only"] if only else tags), only),
        save_path=row.get("save_path"),
        paused=row.get("paused"),
        protect=row.get("protect"),
        is_handed_in=row.get("handed_in", False),
        **build_options(dict(row)),
    )


def make_unknown_entry(row: Mapping[str, Any], line: int) -> DesiredTorrent:
    """An entry from `{url: HOST, …}`, whose URL could not be fetched."""
    source = UnknownSource(f"http://{row['url']}/", row["url"], f"it could not be fetched: {row['url']} is down")
    entry = make_desired_torrent({**row, "hash": "x"}, line)
    return replace(entry, infohashes=None, source=None, unknown_source=source)


def make_desired_state(case: Mapping[str, Any]) -> DesiredState:
    """The desired state of a case."""
    here = Position("desired.yaml", 1, 1)
    rows = case.get("desired", [])
    names = case.get("instances") or sorted({"box", *(row.get("instance", "box") for row in rows)})
    reaction = UnhealthyPolicy(case.get("when_unhealthy", "leave"))
    return DesiredState(
        policy=Policy(case.get("policy", "sync")),
        instances={
            name: Instance(
                name,
                here,
                case.get("url", "http://127.0.0.1"),
                preferences=make_preferences(case, here),
                when_unhealthy=reaction,
                data=case.get("data", {}).get(name),
            )
            for name in names
        },
        torrents=tuple(
            make_desired_torrent(row, line)
            if "hash" in row
            else make_unknown_entry(row, line)
            if "url" in row
            else make_content_entry(row, line, rows)
            for line, row in enumerate(rows, 1)
        ),
        categories={
            name: DesiredCategory(name, here, *(paths if isinstance(paths, list) else [paths]))
            for name, paths in case.get("declared_categories", {}).items()
        },
        owner="home",
        delete_files=case.get("delete_files", False),
        quarantine_days=case.get("quarantine"),
        prune_categories=case.get("prune_categories", False),
        guard=GuardLimits(**case.get("guard", {})),
        suspend=case.get("suspend", False),
        intake=IntakeSettings(here, "intake.yaml", "box", **case["intake"]) if "intake" in case else None,
        groups={name: make_group(name, row) for name, row in case.get("groups", {}).items()},
    )


def make_group(name: str, row: Mapping[str, Any]) -> Group:
    """A group from its YAML."""
    members = tuple(Member(member) if isinstance(member, str) else Member(**member) for member in row["members"])
    moves = MovePolicy(row.get("failback") or row.get("rebalance") or "never")
    here = Position("desired.yaml", 1, 1)
    return Group(name, here, Strategy(row["strategy"]), members, row.get("failover_after", 120.0), moves)


def make_health_by_instance(case: Mapping[str, Any]) -> dict[str, Health]:
    """The health of `box`: `unhealthy` says what is wrong with it, if anything is."""
    since = datetime(2026, 1, 2, tzinfo=UTC)
    error = case.get("unhealthy")
    return {"box": Health(HealthState.VPN_DOWN if error else HealthState.OK, since, error)}


def make_preferences(case: Mapping[str, Any], position: Position) -> dict[str, DesiredPreference]:
    """The declared preferences of a case; `{secret: text}` for one that came from a file."""
    given: Mapping[str, Any] = case.get("declared_preferences", {})
    return {
        name: DesiredPreference(name, position, make_preference_value(name, value)) for name, value in given.items()
    }


def make_preference_value(name: str, value: Any) -> PreferenceValue:
    """A value as the model has it."""
    secret = isinstance(value, dict) and "secret" in value
    return canonicalize_preference(name, Secret(value["secret"]) if secret else value)


def make_snapshot(
    rows: Sequence[Mapping[str, Any]],
    categories: Mapping[str, Any] | None = None,
    preferences: Mapping[str, Any] | None = None,
    version: str = "5.1.0",
    libtorrent: str = "",
) -> Snapshot:
    """A snapshot of the live rows. A category is its path, or `[path, download path]`."""
    live_categories = {}
    for name, paths in (categories or {}).items():
        path, incomplete = paths if isinstance(paths, list) else (paths, None)
        live_categories[name] = LiveCategory(name, path, download_path=incomplete)
    values = {name: make_preference_value(name, value) for name, value in (preferences or {}).items()}
    api = tuple(map(int, WEB_API_VERSIONS[version].split(".")))
    torrents = tuple(make_live_torrent(row, api) for row in rows)
    return Snapshot(
        f"v{version}",
        WEB_API_VERSIONS[version],
        torrents,
        live_categories,
        libtorrent=libtorrent or default_libtorrent(api),
        preferences=values,
    )


def render_plan_lines(plan: InstancePlan) -> list[str]:
    """A plan as short lines: `verb name field=value … (hold) !disruptive`."""
    return [_render_action(action) for action in plan.actions]


def _render_action(action: Action) -> str:
    kind = "" if action.kind is ObjectKind.TORRENT else f"{action.kind} "
    parts = [f"{action.verb} {kind}{action.name}"]
    parts += [f"{change.field}={_render_value(change.after)}" for change in action.changes]
    parts += ["+files"] * (isinstance(action, DeleteTorrent) and action.delete_files)
    parts += ["!disruptive"] * action.disruptive
    parts += [f"({action.hold})"] if action.hold else []
    return " ".join(parts)


def _render_value(value: FieldValue) -> str:
    return ",".join(value) if isinstance(value, tuple) else "null" if value is None else str(value)
