"""A catalogue over rows, entries and runs that a test sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from reconciler.engine.events import FinishedRun
from reconciler.model.desired import DesiredCategory, DesiredState, DesiredTorrent, Instance, Policy
from reconciler.model.gateway import GatewaySettings, IntakeSettings
from reconciler.model.infohash import InfoHashes
from reconciler.model.intake import Intake
from reconciler.model.position import Position
from reconciler.model.rows import InstanceRows, InstanceUnavailable, Reply, Row
from reconciler.model.run import InstanceResult, Run, RunMode, Status
from reconciler.retry import utc_now
from reconciler.web.catalogue import Catalogue
from reconciler.web.client_rows import EMPTY_ROW
from reconciler.web.context import WebContext
from reconciler.web.peers import Peer
from reconciler.web.status_board import StatusBoard

POSITION = Position("desired.yaml", 7, 5)


def make_row(letter: str, **fields: Any) -> Row:
    """A row of 5.1 of the torrent whose infohash consists of a letter."""
    key = letter * 40
    magnet = f"magnet:?xt=urn:btih:{key}&dn={letter}"
    texts = {"hash": key, "infohash_v1": key, "name": letter, "magnet_uri": magnet, "save_path": "/data"}
    return {**EMPTY_ROW, **texts, "state": "stalledUP", "progress": 1, "total_size": 10, **fields}


def make_rows(name: str, *rows: Row, **fields: Any) -> InstanceRows:
    """An instance that was read, or was not."""
    return replace(InstanceRows(name, {row["hash"]: row for row in rows}, is_read=True), **fields)


def make_entry(letter: str, instance: str = "home", **fields: Any) -> DesiredTorrent:
    """An entry for the torrent whose infohash consists of a letter."""
    values: dict[str, Any] = {"source": None, **fields}
    return DesiredTorrent(POSITION, InfoHashes(v1=letter * 40), instance=instance, **values)


@dataclass
class StubRows:
    """Implements `LiveRows`: what a test says. `replies` by endpoint."""

    instances: Mapping[str, InstanceRows] = field(default_factory=dict)
    replies: dict[str, Reply | Callable[[Mapping[str, str]], Reply]] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    def read(self, *, is_urgent: bool = False) -> Mapping[str, InstanceRows]:
        """The rows of a test."""
        return self.instances

    def ask(self, instance: str, endpoint: str, parameters: Mapping[str, str]) -> Reply:
        """The reply of a test, or none."""
        self.asked.append((instance, endpoint, dict(parameters)))
        reply = self.replies.get(endpoint)
        if reply is None:
            raise InstanceUnavailable(f"{instance}: it is away")
        return reply(parameters) if callable(reply) else reply

    get_known = read
    send = ask


@dataclass
class StubIntake:
    """The reading half of an `Intake`."""

    entries: Mapping[str, DesiredTorrent] = field(default_factory=dict)
    categories: Mapping[str, DesiredCategory] = field(default_factory=dict)


@dataclass
class StubPeers:
    """Implements `Peers`: what a test says."""

    peers: tuple[Peer, ...] = ()

    def read(self) -> tuple[Peer, ...]:
        """The peers of a test."""
        return self.peers


class CatalogueWorld:
    """Everything that a catalogue reads, to be set by a test, and the catalogue."""

    def __init__(self, *instances: InstanceRows, names: tuple[str, ...] = ("home", "away")) -> None:
        declared = {name: Instance(name, POSITION, f"http://{name}") for name in names}
        self.desired = DesiredState(
            Policy.SYNC,
            declared,
            owner="me",
            intake=IntakeSettings(POSITION, "intake.yaml", "home"),
            gateway=GatewaySettings(POSITION, "arr"),
        )
        self.rows, self.intake, self.peers = StubRows(), StubIntake(), StubPeers()
        self.set_rows(*instances)
        self.board = StatusBoard(60.0)
        intake = cast("Intake", self.intake)
        self.context = WebContext(self.board, lambda: self.desired, intake=intake, rows=self.rows, peers=self.peers)
        self.catalogue = Catalogue(self.context)

    def set_rows(self, *instances: InstanceRows) -> None:
        """Set what the instances have."""
        self.rows.instances = {rows.name: rows for rows in instances}

    def declare(self, *entries: DesiredTorrent, **fields: Any) -> None:
        """Put entries in force."""
        self.desired = replace(self.desired, torrents=entries, **fields)

    def hand_in(self, *entries: DesiredTorrent) -> None:
        """Write entries to the intake."""
        self.intake.entries = {torrent_id: entry for entry in entries for torrent_id in entry.ids}

    def end_run(self, **fields: Any) -> None:
        """A run on the desired state in force ends. It was about all instances unless `fields` say otherwise."""
        self.board.on_run_start(self.desired)
        instances = tuple(InstanceResult(name, Status.OK) for name in self.desired.instances)
        run = replace(Run(RunMode.APPLY, "", 0, instances), **fields)
        self.board.on_run_end(FinishedRun(run, "interval", utc_now(), 1.0))
