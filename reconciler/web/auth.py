"""Access to the HTTP server: the token, accepted host names, and headers that restrict browsers."""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from reconciler.model.links import redact_path
from reconciler.model.secret import Secret
from reconciler.regular_file import MAX_SMALL_FILE_BYTES, read_regular_file

TokenReader = Callable[[], Secret]  # called for each request, since the token file may be replaced; raises `TokenError`
MIN_TOKEN_LENGTH: Final = 16  # characters of a token
SECURITY_HEADERS: Final[Mapping[str, str]] = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
STRICT_CSP: Final = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


class TokenError(Exception):
    """The token file is unusable; the message says why, and never contains the token."""


def read_token(path: Path) -> Secret:
    """Read a token, without the white space and byte order mark around it. Raises `TokenError`."""
    shown_path = redact_path(str(path))  # somebody may have given the token itself
    try:
        token = read_regular_file(path, MAX_SMALL_FILE_BYTES).decode("utf-8-sig").strip()
    except OSError as error:
        raise TokenError(f"{shown_path}: {error.strerror or type(error).__name__}") from error
    except UnicodeDecodeError:
        raise TokenError(f"{shown_path} is not text") from None
    if len(token) < MIN_TOKEN_LENGTH or any(character.isspace() for character in token):
        raise TokenError(
            f"{shown_path} must hold one word of {MIN_TOKEN_LENGTH} characters or more, such as: openssl rand -hex 32"
        )
    return Secret(token)


def is_authorized(authorization: str, token: Secret, *, allow_password: bool = True) -> bool:
    """True for `Bearer TOKEN`, and, if allowed, for `Basic` with the token as the password, which URLs can contain."""
    scheme, _, value = authorization.strip().partition(" ")
    given = value.strip().encode("latin-1", "replace")
    if scheme.lower() == "basic" and allow_password:
        given = _decode_password(given)
    elif scheme.lower() != "bearer":
        given = b""
    return hmac.compare_digest(given, token.reveal().encode())


def is_loopback(host: str) -> bool:
    """True if only this machine can reach a server that listens on `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_local_name(header: str) -> bool:
    """True if a `Host` header is an address or `localhost`. A web page whose name was rebound to us sends neither."""
    try:
        host = urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return False
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return True


def _decode_password(encoded: bytes) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True).partition(b":")[2]
    except binascii.Error:
        return b""
