"""Who may ask for what: the token, the names that we answer to, and the headers that keep a browser harmless."""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from reconciler.model.secret import Secret

TokenReader = Callable[[], Secret]  # read for each request, since a file of it may be replaced; raises `TokenError`
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
    """The file of a token is of no use; the message says why, and never what is in it."""


def read_token(path: Path) -> Secret:
    """The token in a file, without the white space around it. Raises `TokenError`."""
    try:
        token = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise TokenError(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError:
        raise TokenError(f"{path} is not text") from None
    if len(token) < MIN_TOKEN_LENGTH or any(sign.isspace() for sign in token):
        raise TokenError(
            f"{path} must hold one word of {MIN_TOKEN_LENGTH} characters or more, such as: openssl rand -hex 32"
        )
    return Secret(token)


def is_authorized(authorization: str, token: Secret) -> bool:
    """Is it `Bearer TOKEN`, or `Basic` with the token as the password, which is all that a URL can carry?"""
    scheme, _, value = authorization.strip().partition(" ")
    given = value.strip().encode("latin-1", "replace")
    if scheme.lower() == "basic":
        given = _decode_password(given)
    elif scheme.lower() != "bearer":
        given = b""
    return hmac.compare_digest(given, token.reveal().encode())


def is_loopback(host: str) -> bool:
    """Can nobody but this machine reach a server that listens there?"""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_local_name(header: str) -> bool:
    """Is this `Host` an address or `localhost`? A page that has its own name rebound to us is neither."""
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
