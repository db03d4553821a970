"""A request goes out as requests would send it, whatever the address, the form and the cookies that replies bring."""

from __future__ import annotations

import http.cookiejar
from collections import deque
from email.message import Message
from types import SimpleNamespace
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import example, given
from qbittorrentapi.definitions import APINames
from qbittorrentapi.request import QbittorrentSession, QbittorrentURL
from requests import PreparedRequest, Response
from requests.exceptions import InvalidHeader, InvalidURL
from urllib3 import HTTPResponse

from reconciler.qbittorrent import direct_session
from reconciler.qbittorrent.direct_session import DirectSession, EndpointUrl
from reconciler.qbittorrent.limited_adapter import LimitedAdapter

HEADERS = {"Accept-Encoding": "identity", "X-Token": "secret", "Authorization": "Bearer qbt_1"}
SENDING = {"timeout": (2.0, 20.0), "verify": "/etc/ca.pem", "proxies": {"http": "http://proxy:3128"}}
NOON = 1_800_000_000.0  # epoch seconds
COOKIES = (
    "SID=one; HttpOnly; path=/",
    "QBT_SID_8080=a+b/c=; HttpOnly; SameSite=Lax; path=/",
    "QBT_SID_8080=short; Max-Age=60; path=/",
    "QBT_SID_8080=; expires=Thu, 01-Jan-1970 00:00:00 GMT; path=/",
    "proxy=x; path=/qbt/",
    "proxy=y; path=/elsewhere",
    "node=z",
    "deep=w; path=/qbt/api/v2/torrents",
    "safe=v; Secure; path=/",
    'quoted="two words"; path=/',
    "alien=u; Domain=example.com; path=/",
)

Sent = tuple[str | None, str | None, str, dict[str, str], Any, dict[str, Any]]


class RecordingAdapter(LimitedAdapter):
    """Sends nothing. Each reply brings the next of `cookies`."""

    def __init__(self, cookies: list[str | None]) -> None:
        super().__init__(None, None, max_retries=0)
        self.sent: list[Sent] = []
        self._cookies = deque(cookies)

    def send(self, request: PreparedRequest, *args: Any, **arguments: Any) -> Response:
        """Record the request as it would be sent, and return a reply."""
        sending = {name: value for name, value in arguments.items() if name in SENDING}
        target = self.request_url(request, {})
        self.sent.append((request.method, request.url, target, dict(request.headers), request.body, sending))
        message = Message()
        if self._cookies and (cookie := self._cookies.popleft()):
            message["Set-Cookie"] = cookie
        raw = HTTPResponse(b"", headers=dict(message), original_response=SimpleNamespace(msg=message))  # type: ignore[arg-type]
        return self.build_response(request, raw)


def make_sessions(cookies: list[str | None]) -> tuple[tuple[QbittorrentSession, DirectSession], list[RecordingAdapter]]:
    """A session of the library and one of ours, and their adapters."""
    adapters = [RecordingAdapter(cookies), RecordingAdapter(cookies)]
    library = QbittorrentSession()
    library.trust_env = False
    library.headers.update(HEADERS)
    for scheme in ("http://", "https://"):
        library.mount(scheme, adapters[0])
    return (library, DirectSession(adapters[1], HEADERS)), adapters


def send(session: QbittorrentSession, method: str, url: str, form: dict[str, Any], **more: Any) -> None:
    """Send a request as the library does."""
    arguments: dict[str, Any] = {"headers": {}, "params": {}, "files": {}, **SENDING, **more}
    session.request(method=method, url=url, data=form, allow_redirects=False, **arguments)


bases = st.sampled_from(
    [
        "http://box:8080",
        "https://user:p%40ss@box/qbt",
        "http://bücher.example/ä b",
        "HTTP://Box/a%20b/~c",
        "http://[::1]:1",
    ]
)
endpoints = st.sampled_from(["auth/login", "sync/maindata", "torrents/info", "app/version"])
values = st.one_of(st.text(max_size=5), st.integers(), st.booleans(), st.none(), st.just("a&b=c|é\n"))
value_lists = st.one_of(values, st.lists(values, max_size=2), st.tuples(st.none(), values))
names = st.sampled_from(["rid", "hashes", "save path", "ü"])
forms = st.one_of(
    st.dictionaries(names, values, max_size=3),
    st.dictionaries(names, value_lists, max_size=3).map(lambda form: {"urls": "magnet:", **form}),  # as torrents/add
)
pauses = st.sampled_from([0, 0, 30, 61])
cookies = st.sampled_from([None, *COOKIES])
Step = tuple[str, str, dict[str, Any], str | None, int]
steps: st.SearchStrategy[Step] = st.one_of(
    st.tuples(st.just("post"), endpoints, forms, cookies, pauses),
    st.tuples(st.just("get"), endpoints, st.just({}), cookies, pauses),
)


@example(
    base="http://box",
    conversation=[
        ("post", "sync/maindata", {}, "SID=short; Max-Age=60; path=/", 0),
        ("post", "sync/maindata", {}, None, 30),
        ("post", "sync/maindata", {}, None, 30),
    ],
)
@example(
    base="https://user:p%40ss@box/qbt",
    conversation=[
        ("post", "auth/login", {}, "deep=w; path=/qbt/api/v2/torrents", 0),
        ("post", "auth/login", {}, "SID=one; path=/", 0),
        ("post", "sync/maindata", {}, None, 0),
        ("post", "torrents/info", {}, None, 0),
        ("post", "sync/maindata", {}, None, 0),
    ],
)
@given(base=bases, conversation=st.lists(steps, min_size=1, max_size=8))
def test_it_sends_what_requests_sends(base: str, conversation: list[Step]) -> None:
    sessions, adapters = make_sessions([cookie for *_, cookie, _ in conversation])
    now = NOON
    clock = SimpleNamespace(time=lambda: now)
    with pytest.MonkeyPatch.context() as patch:
        for module in (http.cookiejar, direct_session):
            patch.setattr(module, "time", clock)
        for method, endpoint, form, _, pause in conversation:
            now += pause
            for session in sessions:
                send(session, method, f"{base}/api/v2/{endpoint}", dict(form))
    assert adapters[1].sent == adapters[0].sent


@pytest.mark.parametrize(
    "more",
    [{"files": {"a": ("a.torrent", b"d4:infoe")}}, {"params": {"hash": "ä b"}}, {"headers": {"X-Other": "1"}}],
)
def test_what_is_no_plain_form_goes_through_requests(more: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("urllib3.filepost.choose_boundary", lambda: "boundary")
    sessions, adapters = make_sessions([COOKIES[0], COOKIES[1]])
    for session in sessions:
        send(session, "post", "http://box/api/v2/torrents/add", {"paused": "true"}, **more)
        send(session, "post", "http://box/api/v2/torrents/info", {})
    assert "SID=one" in adapters[1].sent[1][3]["Cookie"]
    assert adapters[1].sent == adapters[0].sent


@pytest.mark.parametrize(
    "host", ["http://box:8080", "https://box/qbt", "https://box/qbt/", "HTTP://Box/a%20b", "http://[::1]:1"]
)
def test_the_address_of_an_endpoint_is_that_of_the_library(host: str) -> None:
    client: Any = SimpleNamespace(
        host=host, port=None, _FORCE_SCHEME_FROM_HOST=True, _trigger_session_initialization=lambda: None
    )
    for namespace, method in ((APINames.Sync, "maindata"), ("torrents", "info")):
        library = QbittorrentURL(client).build(namespace, method, {}, {})
        assert EndpointUrl(client).build(namespace, method, {}, {}) == library


@pytest.mark.parametrize("name", ["Cookie", "cookie", "COOKIE"])
def test_a_declared_cookie_header_is_the_only_one(name: str) -> None:
    sessions, adapters = make_sessions([None, COOKIES[0]])
    for session in sessions:
        session.headers[name] = "own=1"
        for _ in range(3):
            send(session, "post", "http://box/api/v2/app/version", {})
    headers = [[(name.lower(), value) for name, value in sent[3].items()] for sent in adapters[1].sent]
    assert headers == [[(name.lower(), value) for name, value in sent[3].items()] for sent in adapters[0].sent]
    assert all(("cookie", "own=1") in pairs for pairs in headers)


def test_what_cannot_be_sent_is_refused_each_time() -> None:
    (_, session), adapters = make_sessions([])
    for _ in range(2):
        with pytest.raises(InvalidURL):
            send(session, "post", "http:///api/v2/app/version", {})
    (_, session), adapters = make_sessions([])
    session.headers["X-Token"] = "two\nlines"
    for _ in range(2):
        with pytest.raises(InvalidHeader):
            send(session, "post", "http://box/api/v2/app/version", {})
    assert adapters[1].sent == []
