"""The overview: is all well, what needs a person, what differs, the instances, and the last runs."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from reconciler.model.desired import DesiredState
from reconciler.model.lazy_dataclass import dataclass
from reconciler.report.text.problems import format_count
from reconciler.web.client_text import interval_text
from reconciler.web.context import WebContext
from reconciler.web.loop_view import LoopView
from reconciler.web.pages.action_groups import (
    NO_ACTIONS,
    NO_GROUPS,
    GroupList,
    OpenActions,
    collect_applied_actions,
    collect_open_actions,
)
from reconciler.web.pages.fleet import advise_shard, build_fleet, explain_shard, find_worse, judge_shards
from reconciler.web.pages.frame import PageFrame
from reconciler.web.pages.groups import GroupRow, build_group_rows
from reconciler.web.pages.instances import build_instance_cells
from reconciler.web.pages.verdict import advise_loop, explain_loop
from reconciler.web.per_run import PerRun

MAX_PROBLEMS_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class RefusedInstance:
    """An instance whose plan the guard refused, and its reasons."""

    name: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FollowedState:
    """The desired state in force: its files and contents in words."""

    files: tuple[str, ...]
    contents: str


@dataclass(frozen=True, slots=True)
class OverviewDigest:
    """The part of the page that changes only with a run: it takes long where a run has many actions."""

    actions: OpenActions = NO_ACTIONS
    groups: tuple[GroupRow, ...] = ()
    applied: GroupList = NO_GROUPS
    refused: tuple[RefusedInstance, ...] = ()
    followed: FollowedState | None = None


class OverviewPage:
    """The first page."""

    def __init__(self, frame: PageFrame, context: WebContext) -> None:
        self._frame, self._board, self._rows, self._peers = frame, context.board, context.rows, context.peers
        self._digests = PerRun[OverviewDigest]()
        self._board.subscribe(self._prepare)

    def get(self, request: Request) -> Response:
        """Return the page."""
        view = self._board.get_view()
        last_run = view.last_run
        digest = self._read_digest(view)
        known_rows = self._rows.get_known() if self._rows else {}
        instances = build_instance_cells(view, known_rows)
        fleet = build_fleet(view, self._peers.read() if self._peers else (), known_rows)
        shards = fleet.shards if fleet else ()
        worse = find_worse(shards)
        return self._frame.respond(
            request,
            view,
            "overview.html",
            "Overview",
            verdict=judge_shards(view, shards),
            sentence=explain_shard(worse) if worse else explain_loop(view, digest.actions),
            advice=advise_shard(worse) if worse else advise_loop(view, digest.actions),
            fleet=fleet,
            worse=worse,
            run=last_run.run if last_run else None,
            digest=digest,
            problems=last_run.problems if last_run else (),
            instances=instances,
            down=sorted((row for row in instances if row.down_reason), key=lambda row: not row.has_refused_credentials),
            interval=interval_text(view.interval),
            problem_limit=MAX_PROBLEMS_SHOWN,
        )

    def _read_digest(self, view: LoopView) -> OverviewDigest:
        return self._digests.read(view.last_run, lambda: build_digest(view)) if view.last_run else OverviewDigest()

    def _prepare(self, view: LoopView) -> None:
        """Make the digest in the thread of the loop, once a run has ended, so that nobody who looks waits for it."""
        with suppress(Exception):  # no page may stop the loop; the next look fails with it, and logs it
            self._read_digest(view)


def build_digest(view: LoopView) -> OverviewDigest:
    """Return the digest of the last run of a view."""
    finished_run, desired = view.last_run, view.last_desired
    if finished_run is None:
        return OverviewDigest()
    refused = [instance for instance in finished_run.run.instances if instance.verdict.refused]
    return OverviewDigest(
        collect_open_actions(finished_run.run),
        build_group_rows(finished_run, desired) if desired else (),
        collect_applied_actions(view.last_change) if view.last_change else NO_GROUPS,
        tuple(RefusedInstance(instance.name, instance.verdict.reasons) for instance in refused),
        _describe_desired(desired) if desired else None,
    )


def _describe_desired(desired: DesiredState) -> FollowedState:
    count = sum(not entry.absent for entry in desired.torrents)
    contents = f"{format_count(count, 'torrent')}, {format_count(len(desired.instances), 'instance')}"
    return FollowedState(desired.yaml_files, contents)
