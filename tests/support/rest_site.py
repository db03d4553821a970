"""A world without servers behind the real HTTP side: rows that are fixed, and an intake in memory."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.desired.json_schema.build import build_json_schema
from reconciler.model.codes import Code
from reconciler.model.desired import DesiredCategory, DesiredState, DesiredTorrent, Instance, Policy
from reconciler.model.gateway import IntakeSettings
from reconciler.model.infohash import InfoHashes
from reconciler.model.intake import DeclaredElsewhere, EntryChanges, HandedIn, HandInResult, IntakeError, make_url_id
from reconciler.model.live_state import LiveInstance, LiveState
from reconciler.model.magnet import MagnetError, parse_magnet
from reconciler.model.position import Position, Problem
from reconciler.model.rows import InstanceRows, Reply, Row
from reconciler.model.torrent_file import TorrentFileError, UnknownSource, identify_torrent
from reconciler.web import StatusBoard, WebContext, WebServer, serve
from reconciler.web.auth import TokenReader
from tests.support.example_runs import converged
from tests.support.known_torrents import make_known_torrent
from tests.support.planner_inputs import make_snapshot
from tests.support.status_site import NOON, TOKEN, HttpAnswer, make_finished_run

PATH = "/api/v1/torrents"
BEARER = {"Authorization": f"Bearer {TOKEN.reveal()}"}
INTAKE_FILE = "intake.yaml"
DECLARED = DesiredTorrent(Position("desired.yaml", 12, 5), InfoHashes(v1="d" * 40), None, "home", name="Declared")
DESIRED = DesiredState(
    Policy.SYNC,
    {"home": Instance("home", Position("desired.yaml", 2, 3), "http://home")},
    (DECLARED,),
    intake=IntakeSettings(Position("desired.yaml", 1, 1), INTAKE_FILE, "home"),
)
LIVE_STATE = LiveState(NOON, "home", (LiveInstance("home", "http://home", make_snapshot([])),))


@dataclass
class FixedRows:
    """The rows of one instance."""

    rows: dict[str, Row] = field(default_factory=dict)

    def read(self, *, is_urgent: bool = False) -> Mapping[str, InstanceRows]:
        """Return the rows of the instance."""
        return {"home": InstanceRows("home", self.rows, version="v5.1.0", is_read=True)}

    def ask(self, instance: str, endpoint: str, parameters: Mapping[str, str]) -> Reply:
        """Nothing is asked."""
        raise NotImplementedError

    get_known = read
    send = ask


class MemoryIntake:
    """An intake whose entries are in memory. `failure` is raised by the next change."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[str, DesiredTorrent] = {}
        self.failure: Exception | None = None
        self.changes: list[tuple[str, EntryChanges]] = []

    @property
    def entries(self) -> Mapping[str, DesiredTorrent]:
        """The entries by infohash."""
        return {key: entry for key, entry in self._entries.items() if not entry.unknown_source}

    @property
    def unfetched(self) -> Mapping[str, DesiredTorrent]:
        """The entries of URLs, none of which is ever fetched."""
        return {key: entry for key, entry in self._entries.items() if entry.unknown_source}

    @property
    def categories(self) -> Mapping[str, DesiredCategory]:
        """No category."""
        return {}

    def hand_in(self, torrents: Sequence[HandedIn]) -> list[HandInResult]:
        """Add the torrents."""
        self._fail()
        with self._lock:
            return [self._add(torrent) for torrent in torrents]

    def change(
        self, infohashes: Sequence[str], changes: EntryChanges | Callable[[DesiredTorrent], EntryChanges]
    ) -> None:
        """Change the category, which stands for all keys."""
        self._fail(*infohashes)
        with self._lock:
            for infohash in infohashes:
                entry = self._entries[infohash]
                given = changes(entry) if callable(changes) else changes
                self.changes.append((infohash, given))
                category = given.get("category", entry.category)
                if category is not None and not isinstance(category, str):
                    raise IntakeError(Problem(entry.position, Code.NOT_TEXT, "category must be text"))
                self._entries[infohash] = replace(entry, category=category)

    def remove(self, infohashes: Sequence[str], *, delete_files: bool) -> None:
        """Mark the entries as absent."""
        self._fail(*infohashes)
        with self._lock:
            for infohash in self._entries.keys() & set(infohashes):
                entry = self._entries[infohash]
                self._entries[infohash] = replace(entry, absent=True, delete_files=delete_files)

    def find_infohash(self, url: str) -> str:
        """Return no infohash."""
        return ""

    def forget(self, infohash: str) -> None:
        """Drop an entry, as after its deletion."""
        del self._entries[infohash]

    def set_category(self, name: str, save_path: str | None, *, download_path: str | bool | None = None) -> None:
        """No category."""

    def remove_categories(self, names: Sequence[str]) -> None:
        """No category."""

    def _add(self, torrent: HandedIn) -> HandInResult:
        position = Position(INTAKE_FILE, len(self._entries) + 3, 5)
        try:
            source = parse_magnet(torrent.link) if torrent.link.startswith("magnet:") else None
            infohashes = source.infohashes if source else None
            if torrent.content:
                infohashes = identify_torrent(torrent.content).infohashes
        except (MagnetError, TorrentFileError) as error:
            return HandInResult(problem=Problem(position, Code.MAGNET, str(error)))
        if infohashes is None:
            unknown = UnknownSource(torrent.link, "h", "it is not fetched")
            entry = DesiredTorrent(position, None, None, "home", unknown_source=unknown)
            self._entries[make_url_id(torrent.link)] = entry
            return HandInResult(position=position)
        infohash = str(infohashes)
        if infohash == DECLARED.infohash:
            return HandInResult(infohash, DECLARED.position, is_known=True)
        if known := self._entries.get(infohash):
            return HandInResult(infohash, known.position, is_known=True)
        category = torrent.keys.get("category")
        if category is not None and not isinstance(category, str):
            return HandInResult(problem=Problem(position, Code.NOT_TEXT, "category must be text"))
        self._entries[infohash] = DesiredTorrent(position, infohashes, source, "home", category=category)
        return HandInResult(infohash, position)

    def _fail(self, *infohashes: str) -> None:
        failure, self.failure = self.failure, None
        if failure:
            raise failure
        if DECLARED.infohash in infohashes:
            raise DeclaredElsewhere(Problem(DECLARED.position, Code.DUPLICATE_TORRENT, "people declare it"))


class RestSite:
    """A running server with an intake and rows that a test changes."""

    def __init__(self, board: StatusBoard, token: TokenReader | None) -> None:
        self.intake, self.rows, self.board = MemoryIntake(), FixedRows(), board
        context = WebContext(
            board,
            get_desired=lambda: DESIRED,
            read_schema=build_json_schema,
            token_reader=token,
            intake=self.intake,
            rows=self.rows,
        )
        self.server: WebServer = serve(context, "0")

    def request(
        self,
        path: str,
        method: str = "GET",
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> HttpAnswer:
        """Send one request with the token; a body that is not bytes is JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        kind = {"Content-Type": "application/json"} if data is not None else {}
        try:
            connection.request(method, path, data, {**BEARER, **kind, **(headers or {})})
            answer = connection.getresponse()
            return HttpAnswer(answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def run(self) -> None:
        """Let a run end that has carried out every entry of the intake."""
        self.board.on_run_start(replace(DESIRED, torrents=(*DESIRED.torrents, *self.intake.entries.values())))
        self.board.on_run_end(replace(make_finished_run(converged()), live_state=LIVE_STATE))

    def put_row(self, number: int, **row: Any) -> str:
        """Let the instance have a torrent, and return its infohash."""
        full_row = make_known_torrent(number, **row).row
        self.rows.rows = {**self.rows.rows, full_row["hash"]: full_row}
        return str(full_row["hash"])


MakeRestSite = Callable[..., RestSite]
