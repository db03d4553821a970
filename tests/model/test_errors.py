"""The rules by which callers decide about an error of an instance."""

from __future__ import annotations

import pytest

from reconciler.model.errors import (
    AuthenticationError,
    BannedError,
    BrokenResponseError,
    InstanceError,
    InternalError,
    LoginPostponedError,
    MissingCredentialsError,
    ProxyAuthenticationError,
    RejectedError,
    RequestTooLargeError,
    ResponseTimeoutError,
    ServerFaultError,
    SessionLostError,
    StopRequested,
    TlsError,
    UnexpectedReplyError,
    UnreachableError,
    UnsupportedError,
)


@pytest.mark.parametrize(
    ("error", "status", "transient", "unknown_outcome"),
    [
        (InstanceError("x"), "error", False, False),
        (UnreachableError("x"), "unreachable", True, False),
        (TlsError("x"), "unreachable", False, False),
        (ResponseTimeoutError("x"), "unreachable", True, True),
        (BrokenResponseError("x"), "unreachable", True, True),
        (ServerFaultError("x"), "error", True, True),
        (AuthenticationError("x"), "auth_failed", False, False),
        (MissingCredentialsError("x"), "auth_failed", False, False),
        (ProxyAuthenticationError("x"), "auth_failed", False, False),
        (LoginPostponedError("x"), "error", False, False),
        (SessionLostError("x"), "error", True, False),
        (UnexpectedReplyError("x"), "error", False, False),
        (BannedError("x"), "banned", False, False),
        (UnsupportedError("x"), "unsupported", False, False),
        (RejectedError("x", 409), "error", False, False),
        (RequestTooLargeError("x", 413), "error", False, False),
        (InternalError("box", ValueError()), "error", False, False),
    ],
)
def test_an_error_states_its_status_and_what_may_be_repeated(
    error: InstanceError, status: str, transient: bool, unknown_outcome: bool
) -> None:
    assert (str(error.status), error.transient, error.unknown_outcome) == (status, transient, unknown_outcome)


def test_a_refusal_keeps_its_http_status() -> None:
    error = RequestTooLargeError("box: the request is too large", 413)
    assert isinstance(error, RejectedError)
    assert (str(error), error.http_status) == ("box: the request is too large", 413)


def test_an_internal_error_shows_the_type_of_its_cause_but_not_its_text() -> None:
    cause = KeyError("passkey-123")
    error = InternalError("box", cause)
    assert str(error).startswith("box: internal error: KeyError. Other instances are not affected.")
    assert "passkey-123" not in str(error)
    assert error.__cause__ is cause


def test_a_stop_is_not_an_error_of_an_instance() -> None:
    """A handler for the errors of instances must not swallow a stop."""
    assert StopRequested.__mro__[1] is Exception
