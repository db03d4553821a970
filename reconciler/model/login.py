"""Logins that were not accepted. The server bans our address after five in a row, and never forgets one by itself."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import datetime
from typing import Final, Protocol

from reconciler.model.desired import Instance
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.secret import Secret

SALT_SIZE: Final = 16  # bytes of the salt for `digest_credentials`
_DIGEST_SIZE: Final = 2  # bytes


@dataclass(frozen=True, slots=True)
class LoginRecord:
    """The logins in a row with the same credentials that were not accepted.

    `failures`: logins that may have reached the server; 0: the last login was accepted. `is_refused`: one of them was
    refused; otherwise none was answered. `at`: the time of the last (UTC).
    """

    failures: int
    is_refused: bool
    at: datetime


class LoginStore(Protocol):
    """Keeps login records from process to process, by the URL of the instance and the credentials. Never raises."""

    def read_login(self, url: str, credentials: Secret) -> LoginRecord | None:
        """Return the record of the last login; None if there is none, or it cannot be read."""

    def save_login(self, url: str, credentials: Secret, record: LoginRecord) -> bool:
        """Replace the record. Return False if that failed."""

    def accept_logins(self, url: str, at: datetime) -> None:
        """Let the records of all credentials at this URL begin again: the server forgets what failed."""


def join_credentials(instance: Instance) -> Secret:
    """Return everything that is sent to log in, as one secret: equal only if all of it is."""
    basic_auth = instance.basic_auth
    values = [
        instance.username,
        instance.password and instance.password.reveal(),
        basic_auth and [basic_auth.username, basic_auth.password.reveal()],
        sorted((name, value.reveal()) for name, value in instance.headers.items()),
    ]
    return Secret(json.dumps(values))


def digest_credentials(salt: bytes, credentials: Secret) -> bytes:
    """Return what shows whether credentials have changed, without the credentials: 16 bits of a salted hash.

    It does not help to guess them: one in 65,536 guesses fits.
    """
    text = credentials.reveal().encode("utf-8", "surrogatepass")
    return hmac.digest(salt, text, hashlib.sha256)[:_DIGEST_SIZE]
