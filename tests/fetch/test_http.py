"""One file over HTTP, from real web servers on loopback that misbehave."""

from __future__ import annotations

import gzip
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from reconciler.fetch import http
from reconciler.fetch.http import TransientFetchError, download_file, resolve_addresses
from reconciler.model.torrent_file import TorrentFileError
from tests.support.certificates import make_self_signed_certificate
from tests.support.web import Answer, FixedWebServer, WebHandler

MOST = 1 << 20
BODY = b"d4:infode" * 100
INTERNET = "127.0.0.9"  # counts as an address of the internet in these tests

MakeWeb = Callable[..., FixedWebServer]


@pytest.fixture
def make_web(monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeWeb]:
    """Start web servers. There is no proxy; only the address `INTERNET` counts as public."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setattr(http, "is_public", lambda address: address == INTERNET)
    with ExitStack() as stack:
        yield lambda answers, **options: stack.enter_context(FixedWebServer(answers, **options))


def failure_text(url: str, kind: type[TorrentFileError] = TorrentFileError, most: int = MOST) -> str:
    """Return the text of the error that a download raises."""
    with pytest.raises(TorrentFileError) as error:
        download_file(url, most)
    assert type(error.value) is kind
    text = str(error.value)
    assert "key=secret" not in text and not text.endswith(".") and text.isprintable()
    return text


def test_a_file_is_downloaded(make_web: MakeWeb) -> None:
    web = make_web({"/a%20b/ü.torrent".replace("ü", "%C3%BC"): BODY})
    assert download_file(web.url_of("/a b/ü.torrent?key=secret"), MOST) == BODY
    ((path, headers),) = web.requests
    assert path == "/a%20b/%C3%BC.torrent?key=secret"
    assert headers["Host"] == f"127.0.0.1:{web.port}"
    assert headers["Accept-Encoding"] == "identity"


def chunked(handler: WebHandler) -> None:
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    for start in range(0, len(BODY), 100):
        chunk = BODY[start : start + 100]
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
    handler.wfile.write(b"0\r\n\r\n")


def until_the_end(handler: WebHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(BODY)
    handler.close_connection = True


def compressed(handler: WebHandler) -> None:
    handler.send_answer(200, gzip.compress(BODY), Content_Encoding="gzip")


@pytest.mark.parametrize("answer", [chunked, until_the_end, compressed])
def test_a_body_in_every_framing(make_web: MakeWeb, answer: Answer) -> None:
    assert download_file(make_web({"/": answer}).url_of(), MOST) == BODY


def cut(handler: WebHandler) -> None:
    handler.send_answer(200, BODY[:100], Content_Length=str(len(BODY)))
    handler.close_connection = True


def endless(handler: WebHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b"x" * 65536)


def bomb(handler: WebHandler) -> None:
    handler.send_answer(200, gzip.compress(bytes(50 << 20)), Content_Encoding="gzip")


def damaged(handler: WebHandler) -> None:
    handler.send_answer(200, gzip.compress(BODY)[:10] + b"\xff" * 50, Content_Encoding="gzip")


def hang_up(handler: WebHandler) -> None:
    handler.close_connection = True


@pytest.mark.parametrize(
    ("answer", "message", "kind"),
    [
        (404, "answered 404 Not Found", TorrentFileError),
        (401, "answered 401 Unauthorized: it may want a login, or another key in the url", TorrentFileError),
        (403, "answered 403 Forbidden: it may want a login", TorrentFileError),
        (204, "answered 204 No Content", TorrentFileError),
        (304, "answered 304 Not Modified", TorrentFileError),
        (429, "answered 429 Too Many Requests", TransientFetchError),
        (503, "answered 503 Service Unavailable", TransientFetchError),
        (599, "answered 599", TransientFetchError),
        (cut, "connection to 127.0.0.1", TransientFetchError),
        (hang_up, "connection to 127.0.0.1", TransientFetchError),
        (endless, "more than 1 MiB", TorrentFileError),
        (bomb, "more than 1 MiB", TorrentFileError),
        (damaged, "compressed and damaged", TorrentFileError),
        ("", "redirects to nowhere", TorrentFileError),
        ("ftp://example.org/", "neither http nor https", TorrentFileError),
        ("file:///etc/passwd", "neither http nor https", TorrentFileError),
        ("http://[::1", "malformed", TorrentFileError),
        ("/", "redirects more than 5 times", TorrentFileError),
    ],
)
def test_the_error_has_the_reason(
    make_web: MakeWeb, answer: Answer, message: str, kind: type[TorrentFileError]
) -> None:
    assert message in failure_text(make_web({"/": answer}).url_of("/?key=secret"), kind)


def test_no_server(make_web: MakeWeb) -> None:
    web = FixedWebServer()
    with web:
        port = web.port
    assert (
        failure_text(f"http://127.0.0.1:{port}/?key=secret", TransientFetchError)
        == f"no connection to 127.0.0.1:{port}"
    )
    assert "cannot be resolved" in failure_text("http://no-such-host.invalid/?key=secret", TransientFetchError)


def test_a_slow_download_times_out(make_web: MakeWeb) -> None:
    moments = iter(range(0, 1000, 25))

    def drip(handler: WebHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b"d")
            time.sleep(0.01)

    web = make_web({"/": drip})
    with pytest.raises(TransientFetchError, match="did not send it in time"):
        download_file(web.url_of(), MOST, 60.0, now=lambda: float(next(moments)))


def test_a_silent_server_times_out(make_web: MakeWeb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "READ_TIMEOUT", 0.2)
    requests: list[WebHandler] = []

    def hang(handler: WebHandler) -> None:
        requests.append(handler)
        handler.connection.recv(1)  # until the other side gives up

    assert "did not answer in time" in failure_text(make_web({"/": hang}).url_of(), TransientFetchError)
    assert requests


def test_redirects_are_followed(make_web: MakeWeb) -> None:
    web = make_web({"/file": BODY, "/c": "file"})
    other = make_web({"/b": web.url_of("/c")})
    web.answers["/a"] = other.url_of("/b")
    assert download_file(web.url_of("/a"), MOST) == BODY
    assert [path for path, _ in web.requests] == ["/a", "/c", "/file"]


def test_a_redirect_to_a_magnet_link_is_that_link(make_web: MakeWeb) -> None:
    link = "magnet:?xt=urn:btih:08ada5a7a6183aae1e09d831df6748d566095a10&tr=http%3A%2F%2Ft%2Fkey"
    web = make_web({"/a": "/b", "/b": link.replace("magnet", "MAGNET")})
    assert download_file(web.url_of("/a"), MOST).decode() == link.replace("magnet", "MAGNET")


def test_as_many_redirects_as_are_allowed(make_web: MakeWeb) -> None:
    web = make_web({"/0": BODY, **{f"/{n}": f"/{n - 1}" for n in range(1, 7)}})
    assert download_file(web.url_of("/5"), MOST) == BODY
    assert "redirects more than 5 times" in failure_text(web.url_of("/6"))


def test_no_redirect_leads_from_the_internet_into_a_private_network(make_web: MakeWeb) -> None:
    inside = make_web({"/": BODY})
    outside = make_web({"/in": inside.url_of(), "/on": "/in"}, address=INTERNET)
    outside.answers["/named"] = inside.url_of(host="localhost")
    for path in ("/in", "/on", "/named"):
        assert "into a private network" in failure_text(outside.url_of(path))
    assert inside.requests == []


def test_an_entry_may_name_a_server_in_a_private_network(make_web: MakeWeb) -> None:
    inside = make_web({"/": BODY})
    outside = make_web({"/file": BODY}, address=INTERNET)
    inside.answers |= {"/out": outside.url_of("/file"), "/within": "/"}
    outside.answers["/back"] = inside.url_of()
    assert download_file(inside.url_of("/within"), MOST) == download_file(inside.url_of("/out"), MOST) == BODY

    inside.answers["/there-and-back"] = outside.url_of("/back")
    assert "into a private network" in failure_text(inside.url_of("/there-and-back"))


def test_the_connection_goes_to_the_checked_address(make_web: MakeWeb, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that resolves to another address each time must not pass the check."""
    inside = make_web({"/": BODY})
    outside = make_web({"/": BODY, "/on": f"http://rebinding.example:{inside.port}/"}, address=INTERNET)
    answers = iter([["127.0.0.1", INTERNET], ["127.0.0.1"]])
    monkeypatch.setattr(
        http,
        "resolve_addresses",
        lambda host, port: next(answers) if "rebind" in host else resolve_addresses(host, port),
    )
    assert "no connection" in failure_text(outside.url_of("/on"), TransientFetchError), (
        "only the address of the internet is tried"
    )
    assert inside.requests == []


def test_every_address_of_a_host_is_tried(make_web: MakeWeb, monkeypatch: pytest.MonkeyPatch) -> None:
    web = make_web({"/": BODY})
    monkeypatch.setattr(http, "resolve_addresses", lambda host, port: ["127.0.0.7", "127.0.0.1"])
    assert download_file(web.url_of(host="two.example"), MOST) == BODY
    assert web.requests[0][1]["Host"] == f"two.example:{web.port}"


@pytest.fixture
def secure(make_web: MakeWeb, tmp_path: Path) -> tuple[FixedWebServer, Path]:
    """A web server with a self-signed certificate for 127.0.0.1, and the certificate."""
    certificate = make_self_signed_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return make_web({"/": BODY}, tls=context), tmp_path / "own.crt"


def test_certificates_are_checked(secure: tuple[FixedWebServer, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    web, certificate = secure
    assert "certificate of 127.0.0.1" in failure_text(web.url_of())
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    assert download_file(web.url_of(), MOST) == BODY
    assert "is not trusted" in failure_text(web.url_of(host="localhost")), "it is for another name"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/file")
    failure_text(web.url_of(), TransientFetchError)


def test_from_https_no_redirect_leads_to_http(
    secure: tuple[FixedWebServer, Path], make_web: MakeWeb, monkeypatch: pytest.MonkeyPatch
) -> None:
    web, certificate = secure
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    plain = make_web({"/": BODY, "/up": web.url_of()})
    web.answers["/down"] = plain.url_of()
    assert download_file(plain.url_of("/up"), MOST) == BODY
    assert "from https to http" in failure_text(web.url_of("/down"))
    assert plain.count_requests("/") == 0


def test_http_to_an_https_server_and_https_to_an_http_server(
    secure: tuple[FixedWebServer, Path], make_web: MakeWeb
) -> None:
    web, _ = secure
    failure_text(web.url_of().replace("https", "http"), TransientFetchError)
    assert "no TLS connection" in failure_text(make_web({}).url_of().replace("http", "https"), TransientFetchError)


def test_the_proxy_of_the_environment_is_used(make_web: MakeWeb, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = make_web({"http://torrents.example/file": BODY})
    monkeypatch.setenv("http_proxy", f"http://user:pass@127.0.0.1:{proxy.port}")
    assert download_file("http://torrents.example/file?key=secret", MOST) == BODY
    ((path, headers),) = proxy.requests
    assert path == "http://torrents.example/file?key=secret"
    assert headers["Host"] == "torrents.example" and headers["proxy-authorization"].startswith("Basic ")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert download_file(make_web({"/": BODY}).url_of(), MOST) == BODY
    assert len(proxy.requests) == 1


def test_redirects_are_checked_through_a_proxy_too(make_web: MakeWeb, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = make_web({"http://torrents.example/in": "http://10.0.0.1/", "http://torrents.example/on": "/file"})
    proxy.answers["http://torrents.example/file"] = BODY
    monkeypatch.setenv("http_proxy", f"127.0.0.1:{proxy.port}")
    assert "into a private network" in failure_text("http://torrents.example/in")
    assert download_file("http://torrents.example/on", MOST) == BODY


def test_it_can_be_stopped(make_web: MakeWeb) -> None:
    class Enough(Exception):
        pass

    def go() -> None:
        raise Enough

    web = make_web({"/": BODY})
    with pytest.raises(Enough):
        download_file(web.url_of(), MOST, check_stop=go)
    assert web.requests == []
