"""Calls of the adapters without a server: a torrent of the catalogue, an intake that remembers, rows that are fixed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from reconciler.model.desired import DesiredCategory, DesiredState, DesiredTorrent, Policy
from reconciler.model.gateway import GatewaySettings, ServiceSettings
from reconciler.model.infohash import InfoHashes
from reconciler.model.intake import HandedIn, HandInResult, IntakeError
from reconciler.model.magnet import parse_magnet
from reconciler.model.position import Position
from reconciler.model.rows import InstanceRows, InstanceUnavailable, Reply
from reconciler.web.catalogue import CatalogueView, KnownTorrent
from reconciler.web.services.calls import Call
from reconciler.web.services.infohashes import InfohashWaiter
from tests.support.fake_time import FakeTime

HERE = Position("intake.yaml", 3, 5)
HASH_A, HASH_B = "a" * 40, "b" * 40


def make_entry(infohash: str, labels: Mapping[str, str] | None = None) -> DesiredTorrent:
    """Return an entry of the intake."""
    return DesiredTorrent(HERE, InfoHashes(v1=infohash), None, "box", labels=dict(labels or {}))


class RecordingIntake:
    """An intake that keeps what it is told. `error`: raised by every change; `known`: the infohashes of its entries."""

    def __init__(self, *known: str) -> None:
        self.known = set(known)
        self.error: IntakeError | None = None
        self.handed_in: list[HandedIn] = []
        self.changes: list[tuple[Sequence[str], Mapping[str, Any]]] = []
        self.fetched: dict[str, str] = {}
        self.removals: list[tuple[Sequence[str], bool]] = []
        self.entries = {infohash: make_entry(infohash) for infohash in known}

    def hand_in(self, torrents: Sequence[HandedIn]) -> list[HandInResult]:
        """Accept everything; the infohash of a URL is not known yet."""
        self._fail()
        self.handed_in += torrents
        return [
            HandInResult(str(parse_magnet(torrent.link).infohashes) if torrent.link.startswith("magnet:") else "", HERE)
            for torrent in torrents
        ]

    def find_infohash(self, url: str) -> str:
        """Return what was set for the URL."""
        return self.fetched.get(url, "")

    def change(self, infohashes: Sequence[str], changes: Any) -> None:
        """Note a change."""
        self._fail(infohashes)
        self.changes.append((infohashes, changes))

    def remove(self, infohashes: Sequence[str], *, delete_files: bool) -> None:
        """Note a removal."""
        self._fail(infohashes)
        self.removals.append((infohashes, delete_files))

    @property
    def unfetched(self) -> Mapping[str, DesiredTorrent]:
        """Return nothing."""
        return {}

    @property
    def categories(self) -> Mapping[str, DesiredCategory]:
        """Return no categories."""
        return {}

    def set_category(self, name: str, save_path: str | None, *, download_path: str | bool | None = None) -> None:
        """Take no notice."""

    def remove_categories(self, names: Sequence[str]) -> None:
        """Take no notice."""

    def _fail(self, infohashes: Sequence[str] = ()) -> None:
        if self.error:
            raise self.error
        if infohashes and not self.known.intersection(infohashes):
            raise KeyError(infohashes[0])


@dataclass
class FixedRows:
    """Rows and replies that do not change. `replies` by endpoint; an instance without any is away."""

    instances: dict[str, InstanceRows] = field(default_factory=dict)
    replies: dict[str, Reply] = field(default_factory=dict)
    requests: list[tuple[str, str, Mapping[str, str]]] = field(default_factory=list)

    def read(self, *, is_urgent: bool = False) -> Mapping[str, InstanceRows]:
        """Return the rows."""
        return self.instances

    def ask(self, instance: str, endpoint: str, parameters: Mapping[str, str]) -> Reply:
        """Return the reply to an endpoint."""
        self.requests.append((instance, endpoint, parameters))
        if endpoint not in self.replies:
            raise InstanceUnavailable(f"{instance}: no answer")
        return self.replies[endpoint]

    get_known = read
    send = ask


def make_known(
    infohash: str = HASH_A,
    *,
    instance: str | None = "box",
    labels: Mapping[str, str] | None = None,
    sync_state: str = "in_sync",
    reason: str = "",
    **row: Any,
) -> KnownTorrent:
    """Return a torrent of the catalogue that is being downloaded, or is queued where no instance has it."""
    default = {
        "hash": infohash,
        "name": "Debian",
        "state": "downloading" if instance else "queuedDL",
        "progress": 0.25 if instance else 0,
        "size": 1000 if instance else -1,
        "amount_left": 750 if instance else 0,
        "save_path": "/data/linux",
        "content_path": "/data/linux/Debian" if instance else "",
        "category": "linux",
        "added_on": 1_700_000_000 if instance else -1,
        "completion_on": -1,
        "eta": 60 if instance else 8_640_000,
    }
    instances = (instance,) if instance else ()
    return KnownTorrent(
        {**default, **row}, instance, instances, make_entry(infohash, labels), True, True, sync_state, reason, HERE
    )


def make_call(
    intake: RecordingIntake, body: Any = None, *, query: str = "", creator: str = "", **path_params: str
) -> Call:
    """Return a call as the routes make it. `body`: sent as it is if it is text, else as JSON."""
    content = body.encode() if isinstance(body, str) else b"" if body is None else json.dumps(body).encode()
    scope = {"type": "http", "query_string": query.encode(), "path_params": path_params, "headers": []}
    services = ServiceSettings(True, None, True, True, creator)
    gateway = GatewaySettings(HERE, services=services)
    waiter = InfohashWaiter(FakeTime().clock)
    return Call(Request(scope), content, DesiredState(Policy.SYNC, {}), gateway, intake, waiter.wait)


def answer(endpoint: Callable[[Call, CatalogueView], Response], call: Call, *torrents: KnownTorrent) -> tuple[int, Any]:
    """Return the status and the document that an endpoint answers."""
    view = CatalogueView({torrent.row["hash"]: torrent for torrent in torrents})
    response = endpoint(call, view)
    body = bytes(response.body)
    return response.status_code, json.loads(body) if body else None
