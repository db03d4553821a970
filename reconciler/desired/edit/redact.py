"""A desired-state text as it may be shown: line by line the same, without what could be a password or a passkey."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from reconciler.desired.edit.layout import LayoutNode
from reconciler.desired.yaml.document import SECRET_KEYS

_MASK: Final = "***"
_URL_KEYS: Final = frozenset({"torrent", "trackers", "web_seeds"})
_LINE_CONTENT = re.compile(r"\S.*")
_QUERY_PARAMETERS = re.compile(r"([?&])(?!(?:xt|dn)(?:\.[0-9]*)?=)[^\s\"']*?(?=&(?:xt|dn)(?:\.[0-9]*)?=|[\s\"']|\Z)")
_URL = re.compile(r"([a-z][a-z0-9+.-]*://)(?:[^\s/\"']*@)?([^\s/\"'?#]*)[^\s\"']*")


def redact_text(text: str, roots: Sequence[LayoutNode]) -> str:
    """The text with secrets as `***`: passwords and keys, and what magnets and addresses hold beside names."""
    parts, at = [], 0
    for start, end, shown in sorted(part for root in roots for part in _find_redactions(text, root, "")):
        if start >= at:
            parts += [text[at:start], shown]
            at = end
    return "".join([*parts, text[at:]])


def _find_redactions(text: str, piece: LayoutNode, key: str) -> Iterator[tuple[int, int, str]]:
    """What is replaced, and by what. `key`: under which key the value stands."""
    if piece.kind == "mapping":
        for name, one in piece.iter_pairs():
            yield from _find_redactions(text, one, name.text)
    elif piece.kind == "sequence":
        for item in piece.items:
            yield from _find_redactions(text, item, key)
    elif (
        piece.kind == "scalar" and (shown := _redact_scalar(text[piece.start : piece.end], piece.text, key)) is not None
    ):
        yield piece.start, piece.end, shown


def _redact_scalar(written: str, value: str, key: str) -> str | None:
    if key in SECRET_KEYS:
        quote = written[:1] if written[:1] in ("'", '"') and len(written.splitlines()) == 1 else ""
        return f"{quote}{_MASK}{quote}" if quote else _LINE_CONTENT.sub(_MASK, written)
    if value.lower().startswith("magnet:"):
        return _QUERY_PARAMETERS.sub(rf"\1{_MASK}", written)
    if key in _URL_KEYS and "://" in value:
        return _URL.sub(rf"\1\2/{_MASK}", written)
    return None
