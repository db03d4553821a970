"""The token file of the HTTP server."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reconciler.web import TokenError, read_token
from tests.support.status_site import TOKEN


@pytest.mark.parametrize(("before", "after"), [("", "\n"), ("", "\r\n"), ("\ufeff", "")])
def test_a_token_is_read_without_what_editors_add(before: str, after: str, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_bytes(f"{before}{TOKEN.reveal()}{after}".encode())
    assert read_token(file) == TOKEN
    assert TOKEN.reveal() not in repr(read_token(file))


@pytest.mark.parametrize("content", [b"", b"\n", b"short", b"two words of a good length", b"\xff" * 20])
def test_invalid_token_is_reported_and_not_shown(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    with pytest.raises(TokenError, match=str(file)) as caught:
        read_token(file)
    assert "two words" not in str(caught.value)


@pytest.mark.timeout(20)
def test_a_token_is_read_from_a_regular_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "token")
    for path in (tmp_path / "token", Path("/dev/zero")):
        with pytest.raises(TokenError, match="it is not a regular file"):
            read_token(path)


def test_missing_token_file(tmp_path: Path) -> None:
    with pytest.raises(TokenError, match="No such file"):
        read_token(tmp_path / "nowhere")
