"""The pages of 10,000 torrents, without a qBittorrent: their rows, entries and plan are made up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Final

from reconciler.engine.events import FinishedRun
from reconciler.model.desired import DesiredState, Instance, Policy
from reconciler.model.plan import Outcome, Verb
from reconciler.model.position import Position
from reconciler.model.run import ActionResult, Run, RunMode
from reconciler.retry import utc_now
from reconciler.web import StatusBoard, WebContext, serve
from tests.support.example_runs import PLAN_HASH, make_instance_result, make_torrent_action
from tests.support.known_torrents import make_known_torrent
from tests.support.rest_site import FixedRows

COUNT: Final = 10_000
SOUGHT: Final = 7_777  # the number in the name of the torrent that somebody looks for
_HOME: Final = Instance("home", Position("desired.yaml", 2, 3), "http://127.0.0.1:9")


@contextmanager
def serve_many_torrents(count: int = COUNT) -> Iterator[str]:
    """Serve the pages of so many torrents, and a dry-run's plan that adds as many. Yields the address."""
    torrents = [make_known_torrent(number, name=f"Film {number} (2026) 1080p.mkv") for number in range(count)]
    entries = tuple(replace(torrent.entry, instance="home") for torrent in torrents if torrent.entry)
    desired = DesiredState(Policy.SYNC, {"home": _HOME}, entries)
    actions = [
        make_torrent_action(Verb.ADD, f"Planned {number}", "not on the instance", number=number)
        for number in range(count)
    ]
    result = make_instance_result(
        "home", tuple(ActionResult(action, Outcome.PLANNED) for action in actions), owned=count, unchanged=count
    )
    board = StatusBoard(60.0)
    board.on_run_start(desired)
    board.on_run_end(
        FinishedRun(
            Run(RunMode.DRY_RUN, PLAN_HASH, 0, (result,)), "interval", utc_now() - timedelta(seconds=2), seconds=1.0
        )
    )
    rows = FixedRows({str(torrent.row["hash"]): torrent.row for torrent in torrents})
    with serve(WebContext(board, get_desired=lambda: desired, rows=rows), "0") as server:
        yield server.url + "/"
