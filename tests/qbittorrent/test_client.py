"""The headers of every request of a client, and the proxies and certificate authorities that it goes through."""

from __future__ import annotations

import os

import pytest
import requests

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


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"REQUESTS_CA_BUNDLE": "/etc/own.pem"},
        {"CURL_CA_BUNDLE": "/etc/curl.pem"},
        {"REQUESTS_CA_BUNDLE": "/etc/own.pem", "CURL_CA_BUNDLE": "/etc/curl.pem", "HTTPS_PROXY": "http://proxy:1"},
        {"http_proxy": "http://proxy:1", "NO_PROXY": "box"},
        {"ALL_PROXY": "socks5://proxy:1", "no_proxy": "10.0.0.0/8,.example"},
        {"NO_PROXY": "*"},
    ],
    ids=lambda variables: "+".join(variables) or "none",
)
def test_proxies_and_authorities_come_from_the_environment_as_for_requests(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.lower().endswith(("_proxy", "_ca_bundle"))]:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    for url in ("http://box", "https://box.example/qbt", "http://10.1.2.3:8080"):
        for tls, verify in (({}, True), ({"ca_file": "/ca.pem"}, "/ca.pem"), ({"tls_verify": False}, False)):
            expected = requests.Session().merge_environment_settings(url, {}, None, verify, None)
            arguments = Client(make_instance(url, **tls))._REQUESTS_ARGS
            assert (arguments["proxies"], arguments["verify"]) == (expected["proxies"], expected["verify"])
