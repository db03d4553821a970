"""The token of a request, and what lets a browser do nothing by itself."""

from __future__ import annotations

import base64

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from structlog.testing import capture_logs

from reconciler.model.secret import Secret
from reconciler.web.auth import TokenError, TokenReader
from reconciler.web.token_check import require_token
from tests.support.status_site import TOKEN

PASSWORD = "Basic " + base64.b64encode(b"x:" + TOKEN.reveal().encode()).decode()


def find_status(authorization: str, read_token: TokenReader | None, *, allow_password: bool = True) -> int:
    """Return the status of the refusal; 0 if the request is let in."""
    request = Request({"type": "http", "headers": [(b"authorization", authorization.encode())]})
    try:
        require_token(request, read_token, "It is", allow_password=allow_password)
    except HTTPException as refusal:
        return refusal.status_code
    return 0


@pytest.mark.parametrize(
    ("authorization", "allow_password", "status"),
    [
        (f"Bearer {TOKEN.reveal()}", False, 0),
        (PASSWORD, True, 0),
        (PASSWORD, False, 401),
        ("Basic Og==", False, 401),
        ("Bearer wrong", True, 401),
        ("", False, 401),
    ],
)
def test_the_token_lets_in_and_its_password_only_where_it_may(
    authorization: str, allow_password: bool, status: int
) -> None:
    assert find_status(authorization, lambda: TOKEN, allow_password=allow_password) == status


def test_without_a_token_file_nobody_is_let_in() -> None:
    with pytest.raises(HTTPException, match=r"It is disabled: no token is configured \(--token-file\)\."):
        require_token(Request({"type": "http", "headers": []}), None, "It is")


def test_a_token_that_cannot_be_read_lets_nobody_in() -> None:
    def fail() -> Secret:
        raise TokenError("token: No such file")

    with capture_logs() as logs:
        assert find_status(f"Bearer {TOKEN.reveal()}", fail) == 503
    assert [line["reason"] for line in logs] == ["token: No such file"]
