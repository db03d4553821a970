"""From a URL to the way of sending there. No error quotes the URL: it is a secret as a whole."""

from __future__ import annotations

import re
from typing import Final

from reconciler.control.notify.outbox import Address
from reconciler.model.secret import Secret

_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]{0,31})://\S+", re.IGNORECASE)
_WEB: Final = {"http": "http", "https": "https", "json+http": "http", "json+https": "https"}


class BadAddress(ValueError):
    """An address that nothing can be sent to."""


def address(url: Secret) -> Address:
    """A JSON webhook for http and https (also as `json+https`), apprise for every other scheme. Raises `BadAddress`."""
    text = url.reveal().strip()
    found = _SCHEME.fullmatch(text)
    if not found:
        raise BadAddress("an address is a URL, such as https://host/path or discord://…")
    scheme = found[1].lower()
    try:
        if scheme in _WEB:
            from reconciler.control.notify.webhook import Webhook

            return Webhook(Secret(_WEB[scheme] + text[len(scheme) :]))
        from reconciler.control.notify.by_apprise import ByApprise

        return ByApprise(Secret(text), scheme)
    except ValueError as error:
        raise BadAddress(f"{scheme}://… {error}" if scheme not in _WEB else f"{scheme}://… is no usable URL") from None
