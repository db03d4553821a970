"""Addresses of this machine, which need no compression."""

from __future__ import annotations

import pytest

from reconciler.model.desired import BasicAuth
from reconciler.model.secret import Secret
from reconciler.qbittorrent.client import Client, is_loopback
from tests.support.instances import make_instance


@pytest.mark.parametrize(
    "url", ["http://localhost:8080", "http://127.0.0.1/qbt/", "https://[::1]:8080/", "http://127.9.9.9"]
)
def test_loopback_urls(url: str) -> None:
    assert is_loopback(url)


@pytest.mark.parametrize("url", ["http://qbittorrent:8080", "http://10.0.0.1", "https://localhost.example/", "http://"])
def test_other_urls(url: str) -> None:
    assert not is_loopback(url)


def test_credentials_for_a_proxy_are_headers_of_every_request() -> None:
    instance = make_instance(
        "http://box", basic_auth=BasicAuth("bö", Secret("x:y")), headers={"X-Token": Secret("secret")}
    )
    headers = Client(instance)._session.headers
    assert (headers["Authorization"], headers["X-Token"]) == ("Basic YsO2Ong6eQ==", "secret")
