"""Warns of connections on which others could read the credentials."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from reconciler.desired.context import LoadContext
from reconciler.desired.schema.common import STAND_IN_DOMAIN
from reconciler.desired.yaml.document import SECRET_KEYS, Loc, YamlDocument
from reconciler.model.codes import Code


def warn_of_exposure(
    url: str, entry: Mapping[str, Any], document: YamlDocument, loc: Loc, context: LoadContext
) -> None:
    """Warn of credentials at `loc` that go over plain http to another machine, or to a server that nobody verifies."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https" and (entry.get("tls") or {}).get("verify") is False:
        context.add_warning(
            document.find_position(*loc, "tls", "verify"),
            Code.EXPOSED_CREDENTIALS,
            "the certificate is not checked: anyone on the way can read and change what is sent",
            'Trust the certificate of the server instead: "tls: {ca_file: …}"',
        )
    if parts.scheme != "http" or _is_loopback(host) or host.endswith(STAND_IN_DOMAIN):
        return
    for key in sorted(SECRET_KEYS | {"basic_auth"}):
        if entry.get(key) is not None:
            name = key.replace("_", " ")
            context.add_warning(
                document.find_position(*loc, "url"),
                Code.EXPOSED_CREDENTIALS,
                f"the {name} goes over plain http to another machine, and anyone on the way can read it",
                "Use https",
            )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
