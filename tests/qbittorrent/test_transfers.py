"""How transfers get on: read along with what a session reads anyway."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from pydantic import ValidationError

from reconciler.model.status import Transfer
from reconciler.qbittorrent import IncrementalSession, Session
from reconciler.qbittorrent.transfers import NO_ETA, TransferStats
from tests.conftest import MakeProxy, MakeServer
from tests.support.incremental_sessions import INCREMENTAL, wait_until_settled
from tests.support.instances import make_instance
from tests.support.raw import RawClient
from tests.support.seeding import keep_introducing_peer, seed_torrent_slowly, upload_torrent

A, B = "a" * 40, "b" * 40
SIZE = 3_000_000


def row(**more: Any) -> dict[str, Any]:
    """What a row tells, with much that a gauge does not look at."""
    return {"eta": NO_ETA, "ratio": 0, "dlspeed": 0, "upspeed": 0, "progress": 0.5, "name": "x", "size": 1, **more}


def listed(*rows: dict[str, Any]) -> bytes:
    """An answer of torrents/info."""
    return json.dumps(rows).encode()


def told(full: bool = False, removed: tuple[str, ...] = (), **torrents: dict[str, Any]) -> bytes:
    """An answer of sync/maindata; `a` and `b` are the hashes."""
    whole = {"rid": 2, "torrents": {key * 40: one for key, one in torrents.items()}, "torrents_removed": list(removed)}
    return json.dumps({**whole, **({"full_update": True} if full else {})}).encode()


CASES = [
    (row(), Transfer(None, 0)),
    (row(eta=90, dlspeed=5), Transfer(90, 0, 5)),
    (row(eta=0), Transfer(0, 0)),
    (row(eta=-1), Transfer(None, 0)),
    (row(eta=90, progress=1), Transfer(None, 0)),  # then it is the time until it has shared enough
    (row(ratio=-1), Transfer()),  # beyond all numbers
    (row(ratio=None), Transfer()),  # how Qt writes NaN
    (row(ratio=1.25, upspeed=7), Transfer(None, 1.25, 0, 7)),
]


@pytest.mark.parametrize(("one", "expected"), CASES)
def test_a_row(one: dict[str, Any], expected: Transfer) -> None:
    gauge = TransferStats()
    gauge.read_list(listed({"hash": A, **one}))
    assert gauge.get(A) == expected
    gauge.read_delta(told(full=True, a=one))
    assert gauge.get(A) == expected
    assert gauge.get(B) is None


def test_deltas_go_on_from_what_maindata_said() -> None:
    gauge = TransferStats()
    gauge.read_delta(told(full=True, a=row(), b=row(upspeed=3)))
    gauge.read_list(
        listed({"hash": A, **row(dlspeed=999)})
    )  # a later read; what follows is told against the one before
    gauge.read_delta(told(a={"eta": 7}))
    assert gauge.get(A) == Transfer(7, 0)
    gauge.read_delta(told(a={"dlspeed": 5, "ratio": 0.5}, removed=(B,)))
    assert (gauge.get(A), gauge.get(B)) == (Transfer(7, 0.5, 5), None)
    gauge.read_delta(told())
    assert gauge.get(A) == Transfer(7, 0.5, 5)
    gauge.read_delta(told(full=True, b=row()))
    assert (gauge.get(A), gauge.get(B)) == (None, Transfer(None, 0))


@pytest.mark.parametrize("bad", [row(eta="soon"), row(dlspeed=None), row(hash="x")])
def test_what_is_not_as_expected_is_no_number(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TransferStats().read_list(listed({"hash": A, **bad}))


def test_real_bytes(version: str, make_server: MakeServer) -> None:
    seeder, server = make_server("5.1.0"), make_server(version)
    key = seed_torrent_slowly(seeder, 1, SIZE, rate=60_000)
    upload_torrent(server, 1, SIZE)

    def shows(session: Session, gauge: TransferStats, condition: Callable[[Transfer], bool]) -> bool:
        session.read_snapshot()
        found = gauge.get(key)
        return found is not None and condition(found)

    with keep_introducing_peer(server, key, seeder):
        for kind in (Session, IncrementalSession):
            gauge = TransferStats()
            with kind(make_instance(server), transfer_stats=gauge) as session:
                downloads = partial(shows, session, gauge, lambda one: one.download_rate > 0 and one.eta is not None)
                RawClient.wait_until(downloads, 60)
        RawClient(seeder).post("torrents/setUploadLimit", hashes=key, limit=0)
        for place, condition in (
            (server, lambda one: one.eta is None),
            (seeder, lambda one: 0.9 < one.ratio < 1.2),
        ):
            gauge = TransferStats()
            with Session(make_instance(place), transfer_stats=gauge) as session:
                RawClient.wait_until(partial(shows, session, gauge, condition), 90)


@INCREMENTAL
def test_it_costs_no_request_and_does_not_disturb_the_snapshot(
    make_server: MakeServer, make_proxy: MakeProxy, new: str
) -> None:
    seeder, server = make_server("5.1.0"), make_server(new)
    proxy = make_proxy(seeder)
    key = seed_torrent_slowly(seeder, 1, SIZE, rate=60_000)
    upload_torrent(server, 1, SIZE)
    gauge = TransferStats()
    with (
        keep_introducing_peer(server, key, seeder),
        IncrementalSession(make_instance(proxy, seeder), transfer_stats=gauge) as mirror,
    ):

        def uploads() -> bool:
            mirror.read_snapshot()
            found = gauge.get(key)
            return found is not None and found.upload_rate > 0

        RawClient.wait_until(uploads, 60)
        first = wait_until_settled(mirror)
        proxy.clear()
        seen, last = set[Transfer | None](), first

        def changes() -> bool:
            nonlocal last
            before, last = last, mirror.read_snapshot()
            same = [torrent.state for torrent in before.torrents] == [torrent.state for torrent in last.torrents]
            assert last is before or not same, "rates and ratio are no part of it"
            seen.add(gauge.get(key))
            return len(seen) >= 3

        RawClient.wait_until(changes, 60)
        assert {request.endpoint for request in proxy.requests} == {"sync/maindata"}
