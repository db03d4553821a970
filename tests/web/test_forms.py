"""Forms are read whole or refused, and keep nothing on disk."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import Iterable
from typing import Any

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from reconciler.web.forms import MAX_FIELDS, MAX_FILES, Form, UploadedFile, media_type_of, read_form

BOUNDARY = "multipart/form-data; boundary=b"


def make_request(content_type: str, chunks: Iterable[bytes]) -> Request:
    """Return a request whose body arrives in chunks."""
    messages = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    messages.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Any:
        return messages.pop(0)

    return Request({"type": "http", "headers": [(b"content-type", content_type.encode())]}, receive)


def parse(content_type: str, *chunks: bytes) -> Form:
    """Return the form of a body."""
    return asyncio.run(read_form(make_request(content_type, chunks)))


def part(disposition: str, content: bytes) -> bytes:
    """Return one part of a form."""
    return f"--b\r\nContent-Disposition: form-data; {disposition}\r\n\r\n".encode() + content + b"\r\n"


def test_fields_and_files() -> None:
    body = part('name="category"', "fílms".encode()) + part('name="torrents"; filename="../../a\\"b"', b"d1:\xff\r\ne")
    form = parse(BOUNDARY, body[:40], body[40:], b"--b--\r\n")
    assert form == Form({"category": "fílms"}, (UploadedFile("torrents", '../../a"b', b"d1:\xff\r\ne"),))
    assert parse("application/x-www-form-urlencoded; charset=UTF-8", b"a=1&a=2&b=f%C3%ADlms+x") == Form(
        {"a": "2", "b": "fílms x"}
    )


def test_the_parser_warns_nobody_on_stderr_which_is_our_log() -> None:
    parser_log = logging.getLogger("python_multipart")
    assert not parser_log.propagate
    assert any(isinstance(handler, logging.NullHandler) for handler in parser_log.handlers)


def test_a_large_file_stays_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "TemporaryFile", None)  # fails if it is called
    content = b"x" * (3 << 20)
    (file,) = parse(BOUNDARY, part('name="f"; filename="f"', content), b"--b--\r\n").files
    assert file.content == content


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("", b"a=1", 415),
        ("application/json", b"{}", 415),
        ("multipart/form-data", b"", 400),
        (BOUNDARY, b"nonsense", 400),
        (BOUNDARY, b"--b\r\nX: y\r\n\r\n", 400),
        (BOUNDARY, part('name="a"\r\nX: ' + "x" * 8192, b""), 400),
        (BOUNDARY, part('name="a"' + "\r\n:" * 8192, b""), 400),
        (BOUNDARY, part('name="a"', b"x" * ((1 << 20) + 1)), 400),
        (BOUNDARY, b"".join(part(f'name="f"; filename="{n}"', b"") for n in range(MAX_FILES + 1)), 400),
        (BOUNDARY, b"".join(part('name="f"', b"") for _ in range(MAX_FIELDS + 1)), 400),
        ("application/x-www-form-urlencoded", b"a=1&" * (MAX_FIELDS + 1), 400),
    ],
)
def test_what_is_no_form_or_too_much_is_refused(content_type: str, body: bytes, status: int) -> None:
    with pytest.raises(HTTPException) as refusal:
        parse(content_type, body)
    assert refusal.value.status_code == status


def test_the_type_of_a_body_is_without_parameters() -> None:
    assert media_type_of(make_request("Multipart/Form-Data; boundary=b", [])) == "multipart/form-data"
