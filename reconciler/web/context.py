"""The context of the HTTP side: what the routes show and ask for, as the command line injects it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any, Final

from reconciler.engine.events import FinishedRun
from reconciler.model.desired import DesiredState, Policy
from reconciler.model.explanation import Explanation
from reconciler.model.history import History
from reconciler.model.intake import Intake
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.rows import InstanceRows, LiveRows
from reconciler.model.suspension import SuspensionTimes
from reconciler.web.auth import TokenReader
from reconciler.web.peers import Peers
from reconciler.web.status_board import StatusBoard

NOTHING_DECLARED: Final = DesiredState(Policy.CREATE_ONLY, {})

NO_SCHEMA: Final[Mapping[str, Any]] = {"$defs": {"TorrentEntry": {"properties": {"magnet": {}, "torrent": {}}}}}


ExplainRun = Callable[[FinishedRun, str, Collection[str], Mapping[str, InstanceRows]], Explanation | None]


@dataclass(frozen=True, slots=True)
class LoopControls:
    """The things that a person can do with the loop.

    `accept_plan` lets the next run carry out the plan with this hash. `suspend` leaves an instance alone until a time
    (UTC), and returns False if a restart would end that; `resume` ends it, and returns False if a restart would bring
    it back.
    """

    accept_plan: Callable[[str], None]
    suspend: Callable[[str, datetime], bool]
    resume: Callable[[str], bool]
    list_suspended: Callable[[], SuspensionTimes]


@dataclass(frozen=True, slots=True)
class WebContext:
    """The things that every route may use. Everything in it is safe from any thread.

    `get_desired` returns the desired state in force, which may declare a gateway or not, and `read_schema` the JSON
    Schema of desired states. `request_reload` returns at once. `token_reader` None: no token is configured. `intake`,
    `rows`, `history` and `peers` None: there is no intake, nobody to read the instances, no journal, or no other shard.
    `is_public`: everyone who can reach the server may read. `controls` None: a dry-run, which changes nothing.
    `command` repeats a run, to be completed with an approval.
    `explain_run` explains the torrent with a name and ids by a run that has ended and the rows as they are now; None if
    that run made no plan.
    """

    board: StatusBoard
    get_desired: Callable[[], DesiredState] = lambda: NOTHING_DECLARED
    request_reload: Callable[[], None] = lambda: None
    read_schema: Callable[[], Mapping[str, Any]] = lambda: NO_SCHEMA
    token_reader: TokenReader | None = None
    is_public: bool = False
    controls: LoopControls | None = None
    intake: Intake | None = None
    rows: LiveRows | None = None
    history: History | None = None
    peers: Peers | None = None
    explain_run: ExplainRun = lambda _run, _name, _ids, _rows: None
    command: str = "reconcile"
