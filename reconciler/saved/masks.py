"""Hashes in place of what a saved live state must not contain, and the declared values that they stand for.

See docs/decisions/0111-a-snapshot-has-what-a-plan-needs-and-no-secret.md.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from reconciler.model.links import mask_url, normalize_url, redact_api_url

_URL_DIGITS: Final = 16
_TEXT_DIGITS: Final = 12
_PASSKEY: Final = re.compile(r"[0-9a-zA-Z_-]{24,}")


def hash_url(url: str) -> str:
    """Return a hash of a whole URL, to find it again among others."""
    return _hash(url.strip(), _URL_DIGITS)


def hash_text(text: str) -> str:
    """Return a hash of a free text."""
    return _hash(text, _TEXT_DIGITS)


def hash_name(name: str) -> str:
    """Return a name for people that stands for this one: `name-0123456789ab`."""
    return f"name-{hash_text(name)}" if name else ""


def may_have_secret(text: str) -> bool:
    """True if a free text contains a URL, or a word that may be a passkey."""
    return "://" in text or bool(_PASSKEY.search(text))


def hide_url(text: str, url: str) -> str:
    """Return a message without the URL of an instance, which a desired state may keep secret, and without its host."""
    if not url:
        return text
    parts = urlsplit(url)
    addresses = [address for address in (parts.netloc, parts.hostname or "") if "." in address or ":" in address]
    for address in (url, redact_api_url(url), *addresses):
        text = text.replace(address, "its url")
    return text


class UrlFinder:
    """Finds the declared URL that a masked one stands for; one that is not declared stays masked."""

    def __init__(self, declared: Iterable[str]) -> None:
        self._declared = {normalize_url(mask_url(url)): url for url in declared}

    def find(self, masked_url: str) -> str:
        """Return the declared URL, or the masked one."""
        return self._declared.get(normalize_url(masked_url), masked_url)


def _hash(text: str, digits: int) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:digits]
