"""TLS and base paths, as behind a reverse proxy."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.demo.servers import QbittorrentServer
from reconciler.model.errors import BrokenResponseError, InstanceError, UnreachableError
from reconciler.model.snapshot import AddOptions
from reconciler.qbittorrent import Session
from tests.support.certificates import make_self_signed_certificate
from tests.support.instances import make_instance, serve_stub
from tests.support.magnets import make_infohash, make_magnet
from tests.support.proxy import Proxy

MakeProxy = Callable[..., Proxy]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1 with its key, in one PEM file."""
    return make_self_signed_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def secure(any_server: QbittorrentServer, make_proxy: MakeProxy, certificate: Path) -> Proxy:
    """A TLS proxy with a base path before a server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    proxy: Proxy = make_proxy(any_server, base_path="/qbt", tls=context)
    return proxy


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_base_path_is_kept(server: QbittorrentServer, make_proxy: MakeProxy, slash: str) -> None:
    proxy = make_proxy(server, base_path="/apps/qbt")
    with Session(replace(make_instance(proxy, server), url=proxy.url + slash)) as session:
        session.add_magnets([make_magnet(1)], AddOptions(stopped=True, auto_tmm=False))
        session.read_snapshot()
    assert proxy.count_requests("torrents/info") == 1


@pytest.mark.parametrize("by", ["ca_file", "no verification", "environment"])
def test_tls_with_an_own_certificate(
    secure: Proxy, any_server: QbittorrentServer, certificate: Path, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = make_instance(secure, any_server)
    if by == "ca_file":
        instance = replace(instance, ca_file=str(certificate))
    if by == "no verification":
        instance = replace(instance, tls_verify=False)
    if by == "environment":
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with Session(instance) as session:
        assert session.read_snapshot().torrents == ()
        session.add_tags([make_infohash(1)], ["x"])


def test_an_untrusted_certificate_is_a_permanent_error(secure: Proxy, any_server: QbittorrentServer) -> None:
    with pytest.raises(UnreachableError, match=r"certificate of https://127.0.0.1:.*not trusted.*tls.ca_file") as error:
        Session(make_instance(secure, any_server)).open()
    assert not error.value.transient
    assert secure.requests == []


def test_a_certificate_of_another_name_is_not_trusted(
    secure: Proxy, any_server: QbittorrentServer, certificate: Path
) -> None:
    instance = replace(
        make_instance(secure, any_server, ca_file=str(certificate)), url=secure.url.replace("127.0.0.1", "localhost")
    )
    with pytest.raises(UnreachableError, match=r"not valid for 'localhost'|Hostname mismatch"):
        Session(instance).open()


def test_no_verification_takes_precedence_over_the_environment(
    secure: Proxy, any_server: QbittorrentServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
    with Session(make_instance(secure, any_server, tls_verify=False)) as session:
        assert session.request_count == 3


def test_a_missing_or_invalid_ca_file_is_an_error(
    secure: Proxy, any_server: QbittorrentServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing, junk = tmp_path / "missing.pem", tmp_path / "junk.pem"
    junk.write_text("hello")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(missing))
    with pytest.raises(InstanceError, match="REQUESTS_CA_BUNDLE"):
        Session(make_instance(secure, any_server)).open()
    for file, says in ((missing, "missing.pem is not a file"), (junk, "no certificate in PEM")):
        with pytest.raises(UnreachableError, match=says) as error:
            Session(make_instance(secure, any_server, ca_file=str(file))).open()
        assert not error.value.transient


def test_https_to_an_http_server_and_http_to_an_https_server(secure: Proxy, any_server: QbittorrentServer) -> None:
    with pytest.raises(UnreachableError, match=r"did not answer in TLS in time.*http://"):  # qBittorrent waits for more
        Session(replace(make_instance(any_server), url=any_server.url.replace("http:", "https:"))).open()
    with serve_stub({}) as url, pytest.raises(UnreachableError, match=r"does not use TLS.*http://") as error:
        Session(make_instance(url.replace("http:", "https:"))).open()
    assert not error.value.transient
    with pytest.raises(BrokenResponseError):
        Session(replace(make_instance(secure, any_server), url=secure.url.replace("https:", "http:"))).open()
    assert secure.requests == []
