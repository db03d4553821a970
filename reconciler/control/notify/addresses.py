"""From a URL to the way of sending there. No error quotes the URL: it is a secret as a whole."""

from __future__ import annotations

import re
from typing import Final

from reconciler.control.notify.outbox import Address
from reconciler.model.secret import Secret

_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]{0,31})://\S+", re.IGNORECASE)


class BadAddress(ValueError):
    """An address that nothing can be sent to."""


def address(url: Secret) -> Address:
    """A JSON webhook for http and https, apprise for every other scheme. Raises `BadAddress`."""
    text = url.reveal().strip()
    found = _SCHEME.fullmatch(text)
    if not found:
        raise BadAddress("an address is a URL, such as https://host/path or discord://…")
    scheme = found[1].lower()
    try:
        if scheme in ("http", "https"):
            from reconciler.control.notify.webhook import Webhook

            return Webhook(Secret(text))
        from reconciler.control.notify.by_apprise import ByApprise

        return ByApprise(Secret(text), scheme)
    except ValueError as error:
        raise BadAddress(f"{scheme}://… {error}") from None
