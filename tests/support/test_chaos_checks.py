"""The conditions of a chaos run accuse what they must, and excuse only what a fault has caused."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
import requests

from reconciler.demo.servers import find_free_port
from tests.support.chaos.checks import find_requests_for_others
from tests.support.chaos.faults import HALF_OF_THE_ROWS
from tests.support.chaos.proxy import ChaosProxy, ChaosRequest
from tests.support.chaos.world import IGNORED_NUMBER
from tests.support.magnets import make_infohash, make_magnet


def make_request(endpoint: str, number: int, run: str = "round 1") -> ChaosRequest:
    """A request about one torrent, encoded as it is sent."""
    field, value = ("urls", make_magnet(number)) if endpoint == "torrents/add" else ("hashes", make_infohash(number))
    return ChaosRequest(run, endpoint, urlencode({field: value}).encode())


@pytest.mark.parametrize(
    ("request_", "is_accused"),
    [
        (make_request("torrents/add", 1), False),
        (make_request("torrents/info", 900), False),
        (make_request("torrents/add", 900), True),
        (make_request("torrents/add", IGNORED_NUMBER), False),
        (make_request("torrents/add", IGNORED_NUMBER, run="round 2"), True),
        (make_request("torrents/addTags", IGNORED_NUMBER), True),
        (ChaosRequest("round 1", "torrents/stop", b"hashes=all"), True),
    ],
)
def test_a_change_of_a_torrent_of_others_is_accused(request_: ChaosRequest, is_accused: bool) -> None:
    misleading = ChaosRequest("round 1", "torrents/info", b"", fault=HALF_OF_THE_ROWS)
    assert list(find_requests_for_others([misleading, request_])) == [request_] * is_accused


def test_a_login_that_a_dead_server_never_answered_does_not_count_as_refused() -> None:
    with ChaosProxy(find_free_port("127.0.0.1"), password=lambda: "right") as proxy:
        with pytest.raises(requests.ConnectionError):
            requests.post(f"{proxy.url}/api/v2/auth/login", data={"password": "wrong"}, timeout=30)
        assert [(request.is_refused_login, request.is_answered) for request in proxy.log] == [(True, False)]
