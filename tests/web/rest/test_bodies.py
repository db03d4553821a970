"""Parameters and bodies: what is wrong is named, and never taken for something else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from reconciler.model.intake import HandedIn
from reconciler.web.rest.bodies import parse_json_object, parse_query, read_changes, read_new_torrent
from reconciler.web.rest.listing import ListQuery

MAGNET = "magnet:?xt=urn:btih:08ada5a7a6183aae1e09d831df6748d566095a10"
JSON = "application/json"
MULTIPART = "multipart/form-data; boundary=b"


def make_request(body: bytes = b"", content_type: str = JSON, query: str = "") -> Request:
    """Return a request with a body."""

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    headers = [(b"content-type", content_type.encode())]
    return Request({"type": "http", "headers": headers, "query_string": query.encode()}, receive)


def read(value: object) -> HandedIn:
    """Return the torrent of a JSON body."""
    return asyncio.run(read_new_torrent(make_request(json.dumps(value).encode())))


def upload(*parts: tuple[str, bytes]) -> bytes:
    """Return a form with parts."""
    lines = (f"--b\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + text for head, text in parts)
    return b"\r\n".join(lines) + b"\r\n--b--\r\n"


def test_an_entry_with_its_source() -> None:
    keys: dict[str, Any] = {"category": "films", "tags": ["a"], "labels": {"movie_id": 12}}
    assert read({"magnet": MAGNET, **keys, "name": None}) == HandedIn(link=MAGNET, keys=keys)
    assert read({"torrent": "https://example.org/a.torrent"}) == HandedIn(link="https://example.org/a.torrent")


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ({}, "needs one source"),
        ({"magnet": MAGNET, "torrent": "https://example.org/"}, "needs one source"),
        ({"torrent": "/etc/passwd"}, '"torrent" must be a text that begins with http'),
        ({"torrent": "file:///etc/passwd"}, "must be a text that begins with"),
        ({"magnet": 5}, "must be a text that begins with"),
        ({"magnet": "https://example.org/a"}, "must be a text that begins with magnet:"),
        ({"magnet": MAGNET, "content": "/data"}, '"content" cannot be used here'),
        ({"magnet": MAGNET, "infohash": "0" * 40}, '"infohash" cannot be used here'),
        ({"magnet": MAGNET, "state": "absent"}, "DELETE makes a torrent absent"),
        ({"magnet": MAGNET} | {f"k{n}": 1 for n in range(101)}, "at most 100 keys"),
    ],
)
def test_entries_that_are_refused(entry: Mapping[str, Any], text: str) -> None:
    with pytest.raises(HTTPException, match=text) as refusal:
        read(entry)
    assert refusal.value.status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"magnet"',
        b"\xff",
        b'{"a": NaN}',
        b'{"a": 1, "a": 2}',
        b'{"a": "\\ud800"}',
        b'{"\\udfff": 1}',
        b'{"a": ' + b"[" * 100_000,
        b'{"a": ' + b"9" * 5000 + b"}",
    ],
)
def test_what_is_no_json_object(body: bytes) -> None:
    with pytest.raises(HTTPException) as refusal:
        parse_json_object(body)
    assert refusal.value.status_code == 400


def test_an_upload_with_keys() -> None:
    body = upload(('name="torrent"; filename="x"', b"d4:infoe"), ('name="keys"', b'{"category": "films"}'))
    handed_in = asyncio.run(read_new_torrent(make_request(body, MULTIPART)))
    assert handed_in == HandedIn(content=b"d4:infoe", keys={"category": "films"})


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [('name="file"; filename="x"', b"d")],
        [('name="torrent"; filename="x"', b"")],
        [('name="torrent"; filename="x"', b"d")] * 2,
        [('name="torrent"; filename="x"', b"d"), ('name="category"', b"films")],
        [('name="torrent"; filename="x"', b"d"), ('name="keys"', b"films")],
        [('name="torrent"; filename="x"', b"d"), ('name="keys"', b'{"magnet": "x"}')],
    ],
)
def test_uploads_that_are_refused(parts: list[tuple[str, bytes]]) -> None:
    with pytest.raises(HTTPException) as refusal:
        asyncio.run(read_new_torrent(make_request(upload(*parts), MULTIPART)))
    assert refusal.value.status_code == 400


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded"])
def test_a_form_that_a_web_page_could_send_is_refused(content_type: str) -> None:
    for read_body in (read_new_torrent, read_changes):
        with pytest.raises(HTTPException) as refusal:
            asyncio.run(read_body(make_request(b"{}", content_type)))
        assert refusal.value.status_code == 415


def test_changes_keep_null_which_removes_a_key() -> None:
    changes = asyncio.run(read_changes(make_request(b'{"category": null, "paused": true}')))
    assert changes == {"category": None, "paused": True}
    for body in (b'{"magnet": "x"}', b'{"state": "absent"}', b"[]"):
        with pytest.raises(HTTPException):
            asyncio.run(read_changes(make_request(body)))


def test_parameters() -> None:
    query = parse_query(ListQuery, make_request(query="label=a:1&label=b:2&limit=5&text="))
    assert (query.label, query.limit, query.text) == (["a:1", "b:2"], 5, "")


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("instanc=x", 'The parameter "instanc" is wrong: it is unknown; there are instance, group'),
        ("limit=x", 'The parameter "limit" is wrong'),
        ("limit=1&limit=2", 'The parameter "limit" is there twice'),
    ],
)
def test_parameters_that_are_refused(query: str, text: str) -> None:
    with pytest.raises(HTTPException, match=text) as refusal:
        parse_query(ListQuery, make_request(query=query))
    assert refusal.value.status_code == 400
