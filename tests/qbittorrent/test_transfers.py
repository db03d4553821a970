"""Transfer statistics from the replies that a session reads anyway."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from pydantic import ValidationError

from reconciler.model.rows import NO_ETA
from reconciler.model.status import Transfer
from reconciler.qbittorrent import Session
from reconciler.qbittorrent.incremental_session import IncrementalSession
from reconciler.qbittorrent.transfers import TransferStats
from tests.conftest import MakeProxy, MakeServer
from tests.support.incremental_sessions import INCREMENTAL, wait_until_settled
from tests.support.instances import make_instance
from tests.support.raw import RawClient
from tests.support.seeding import keep_introducing_peer, seed_torrent_slowly, upload_torrent

A, B = "a" * 40, "b" * 40
SIZE = 3_000_000


def row(**more: Any) -> dict[str, Any]:
    """Build a row, with fields that the statistics do not read."""
    return {"eta": NO_ETA, "ratio": 0, "dlspeed": 0, "upspeed": 0, "progress": 0.5, "name": "x", "size": 1, **more}


def list_reply(*rows: dict[str, Any]) -> bytes:
    """Build a reply of torrents/info."""
    return json.dumps(rows).encode()


def delta_reply(full: bool = False, removed: tuple[str, ...] = (), **torrents: dict[str, Any]) -> bytes:
    """Build a reply of sync/maindata; `a` and `b` are the hashes."""
    fields = {"rid": 2, "torrents": {key * 40: row for key, row in torrents.items()}, "torrents_removed": list(removed)}
    return json.dumps({**fields, **({"full_update": True} if full else {})}).encode()


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


@pytest.mark.parametrize(("values", "expected"), CASES)
def test_a_row(values: dict[str, Any], expected: Transfer) -> None:
    stats = TransferStats()
    stats.read_list(list_reply({"hash": A, **values}))
    assert stats.get(A) == expected
    stats.read_delta(delta_reply(full=True, a=values))
    assert stats.get(A) == expected
    assert stats.get(B) is None


def test_deltas_continue_the_last_maindata() -> None:
    stats = TransferStats()
    stats.read_delta(delta_reply(full=True, a=row(), b=row(upspeed=3)))
    stats.read_list(
        list_reply({"hash": A, **row(dlspeed=999)})
    )  # a later read; the next delta continues the reply before it
    stats.read_delta(delta_reply(a={"eta": 7}))
    assert stats.get(A) == Transfer(7, 0)
    stats.read_delta(delta_reply(a={"dlspeed": 5, "ratio": 0.5}, removed=(B,)))
    assert (stats.get(A), stats.get(B)) == (Transfer(7, 0.5, 5), None)
    stats.read_delta(delta_reply())
    assert stats.get(A) == Transfer(7, 0.5, 5)
    stats.read_delta(delta_reply(full=True, b=row()))
    assert (stats.get(A), stats.get(B)) == (None, Transfer(None, 0))


@pytest.mark.parametrize("bad", [row(eta="soon"), row(dlspeed=None), row(hash="x")])
def test_an_unexpected_value_is_an_error(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TransferStats().read_list(list_reply({"hash": A, **bad}))


def test_a_real_transfer(version: str, make_server: MakeServer) -> None:
    seeder, server = make_server(), make_server(version)
    key = seed_torrent_slowly(seeder, 1, SIZE, rate=60_000)
    upload_torrent(server, 1, SIZE)

    def shows(session: Session, stats: TransferStats, condition: Callable[[Transfer], bool]) -> bool:
        session.read_snapshot()
        transfer = stats.get(key)
        return transfer is not None and condition(transfer)

    with keep_introducing_peer(server, key, seeder):
        for kind in (Session, IncrementalSession):
            stats = TransferStats()
            with kind(make_instance(server), transfer_stats=stats) as session:
                downloads = partial(
                    shows, session, stats, lambda transfer: transfer.download_rate > 0 and transfer.eta is not None
                )
                RawClient.wait_until(downloads, 60)
        RawClient(seeder).post("torrents/setUploadLimit", hashes=key, limit=0)
        for box, condition in (
            (server, lambda transfer: transfer.eta is None),
            (seeder, lambda transfer: 0.9 < transfer.ratio < 1.2),
        ):
            stats = TransferStats()
            with Session(make_instance(box), transfer_stats=stats) as session:
                RawClient.wait_until(partial(shows, session, stats, condition), 90)


@INCREMENTAL
def test_statistics_cost_no_request_and_keep_the_snapshot(
    make_server: MakeServer, make_proxy: MakeProxy, version: str
) -> None:
    seeder, server = make_server(), make_server(version)
    proxy = make_proxy(seeder)
    key = seed_torrent_slowly(seeder, 1, SIZE, rate=60_000)
    upload_torrent(server, 1, SIZE)
    stats = TransferStats()
    with (
        keep_introducing_peer(server, key, seeder),
        IncrementalSession(make_instance(proxy, seeder), transfer_stats=stats) as mirror,
    ):

        def uploads() -> bool:
            mirror.read_snapshot()
            transfer = stats.get(key)
            return transfer is not None and transfer.upload_rate > 0

        RawClient.wait_until(uploads, 60)
        first = wait_until_settled(mirror)
        proxy.clear()
        transfers, last = set[Transfer | None](), first

        def changes() -> bool:
            nonlocal last
            before, last = last, mirror.read_snapshot()
            same = [torrent.state for torrent in before.torrents] == [torrent.state for torrent in last.torrents]
            assert last is before or not same, "rates and ratio are no part of a snapshot"
            transfers.add(stats.get(key))
            return len(transfers) >= 3

        RawClient.wait_until(changes, 60)
        assert {request.endpoint for request in proxy.requests} == {"sync/maindata"}
