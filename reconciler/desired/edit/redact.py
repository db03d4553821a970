"""Hides passwords and passkeys in a desired-state text, so that it can be shown with the same lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from reconciler.desired.edit.layout import LayoutNode
from reconciler.desired.yaml.document import EXTENSION_PREFIX, HEADERS_KEY, SECRET_KEYS

_MASK: Final = "***"
_HEADER: Final = "password"  # the key that stands for the name of a header, because its value is a secret, too
_URL_KEYS: Final = frozenset({"torrent", "trackers", "web_seeds"})
_ITEMS_KEY: Final = "only"  # its items are those of the key above it
_LINE_CONTENT = re.compile(r"\S.*")
_QUERY_PARAMETERS = re.compile(r"([?&])(?!(?:xt|dn)(?:\.[0-9]*)?=)[^\s\"']*?(?=&(?:xt|dn)(?:\.[0-9]*)?=|[\s\"']|\Z)")
_URL = re.compile(r"([a-z][a-z0-9+.-]*://)(?:[^\s/\"']*@)?([^\s/\"'?#]*)[^\s\"']*")


def redact_text(text: str, roots: Sequence[LayoutNode]) -> str:
    """Return the text with `***` for passwords and keys, and for all but the names in magnet links and URLs."""
    parts, offset = [], 0
    redactions = sorted(redaction for root in roots for redaction in _find_redactions(text, root, ""))
    for start, end, replacement in redactions:
        if start >= offset:
            parts += [text[offset:start], replacement]
            offset = end
    return "".join([*parts, text[offset:]])


def _find_redactions(text: str, node: LayoutNode, key: str) -> Iterator[tuple[int, int, str]]:
    """Iterate over (start, end, replacement) in the value of `key`."""
    if node.kind == "mapping":
        for child_key, child in node.iter_pairs():
            name = key if child_key.text == _ITEMS_KEY else child_key.text
            yield from _find_redactions(text, child, _HEADER if key == HEADERS_KEY else name)
    elif node.kind == "sequence":
        for item in node.items:
            yield from _find_redactions(text, item, key)
    elif node.kind == "scalar":
        replacement = _redact_scalar(text[node.start : node.end], node.text, key)
        if replacement is not None:
            yield node.start, node.end, replacement


def _redact_scalar(written: str, value: str, key: str) -> str | None:
    """Return the replacement for a scalar as it is written, or None where it may be shown."""
    if key in SECRET_KEYS or key.startswith(EXTENSION_PREFIX):  # an alias may use text of such a key as a secret
        quote = written[:1] if written[:1] in ("'", '"') and len(written.splitlines()) == 1 else ""
        return f"{quote}{_MASK}{quote}" if quote else _LINE_CONTENT.sub(_MASK, written)
    if value.lower().startswith("magnet:"):
        return _QUERY_PARAMETERS.sub(rf"\1{_MASK}", written)
    if key in _URL_KEYS and "://" in value:
        return _URL.sub(rf"\1\2/{_MASK}", written)
    return None
